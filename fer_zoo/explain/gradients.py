"""Grad-CAM: which places of the last feature map speak for an expression.

Paper: R. R. Selvaraju et al., "Grad-CAM: visual explanations from deep networks via gradient-based localization", ICCV
2017 (arXiv 1610.02391).

The models return the feature map in their output, so the gradient is taken with respect to that tensor: no hook is
placed on the model and no gradient is left in its parameters.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedModel

from fer_zoo.errors import InvalidOptionError, UnknownNameError
from fer_zoo.models.evaluating import evaluating


def grad_cam(model: PreTrainedModel, pixel_values: Tensor, target: str | None = None) -> NDArray[np.float32]:
    """Return how much each place of the crops speaks for an expression.

    The map has the few places of the last feature map (3 x 3 for the published models, whose crops have 48 pixels),
    enlarged to the size of the crops. HAN-PFF also classifies vectors of its lower levels, which this map does not
    cover.

    Args:
        model: a classifier whose output has ``features`` and ``logits``, such as those of this package.
        pixel_values: ``(B, 3, H, W)``, as the model's image processor makes them.
        target: one of the model's expressions; by default the most probable one of each crop.

    Returns:
        ``(B, H, W)``, values in [0, 1]: each map is divided by its largest value, and is 0 everywhere where nothing
        speaks for the expression.

    Raises:
        UnknownNameError: if the model has no such expression.
        InvalidOptionError: if the output of the model has no feature map.
    """
    heat: NDArray[np.float32] = weigh_features(model, pixel_values, target)[0].cpu().numpy()
    return heat


def weigh_features(model: PreTrainedModel, pixel_values: Tensor, target: str | None = None) -> tuple[Tensor, Tensor]:
    """Return the maps of Grad-CAM and the classes that they speak for.

    Args:
        model: as for :func:`grad_cam`.
        pixel_values: ``(B, 3, H, W)``.
        target: one of the model's expressions; by default the most probable one of each crop.

    Returns:
        Maps ``(B, H, W)`` with values in [0, 1], and class numbers ``(B,)``.
    """
    index = None if target is None else target_index(model, target)
    with evaluating(model), torch.inference_mode(mode=False), torch.enable_grad():
        # a leaf of its own: the features then have a graph even if every parameter of the model is frozen
        outputs = model(pixel_values.detach().clone().requires_grad_(), return_dict=True)
        features = getattr(outputs, "features", None)
        if features is None:
            expected = "a model whose output has features, such as MhanForImageClassification"
            raise InvalidOptionError("model", type(model).__name__, expected)
        logits: Tensor = outputs.logits
        classes = logits.argmax(dim=1) if index is None else torch.full_like(logits[:, 0], index, dtype=torch.long)
        score = logits.gather(1, classes[:, None]).sum()  # crops do not depend on each other in evaluation mode
        (gradient,) = torch.autograd.grad(score, features)
    weights = gradient.float().mean(dim=(2, 3), keepdim=True)  # equation 1
    heat = (weights * features.detach().float()).sum(dim=1, keepdim=True).relu()  # equation 2
    heat = functional.interpolate(heat, size=pixel_values.shape[2:], mode="bilinear")[:, 0]
    largest = heat.amax(dim=(1, 2), keepdim=True)
    return torch.where(largest > 0, heat / largest, heat), classes


def target_index(model: PreTrainedModel, target: str) -> int:
    """Return the class number of an expression.

    Args:
        model: the classifier.
        target: one of its expressions.

    Raises:
        UnknownNameError: if the model has no such expression.
    """
    # label2id may be that of other classes, or missing
    numbers: dict[str, int] = {name: index for index, name in model.config.id2label.items()}
    if target not in numbers:
        raise UnknownNameError("expression", target, numbers)
    return numbers[target]


__all__ = ["grad_cam", "target_index", "weigh_features"]
