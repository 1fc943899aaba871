"""From a face in a picture to the heat that explains its expression."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from transformers import PreTrainedModel

from fer_zoo.errors import ArgumentTypeError, InvalidOptionError, UnknownNameError
from fer_zoo.explain.attention import attention_maps
from fer_zoo.explain.gradients import target_index, weigh_features
from fer_zoo.imaging.align import Matrix, crop_transform
from fer_zoo.imaging.read import ImageSource, read_image
from fer_zoo.models import FerImageProcessor, FerImageProcessorPil
from fer_zoo.results import Face

Method = Literal["grad_cam", "attention"]

#: How a face can be explained.
METHODS: tuple[str, ...] = get_args(Method)


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """Where a model looks on one face.

    Attributes:
        face: the face, in pixels of the picture.
        method: ``"grad_cam"`` or ``"attention"``.
        target: the expression that the heat speaks for; ``None`` for attention, which is the same for all.
        heat: ``(S, S)`` for the model's crop of S pixels, values in [0, 1].
        transform: ``(2, 3)``, from pixels of the picture to pixels of the heat.
    """

    face: Face
    method: Method
    target: str | None
    heat: NDArray[np.float32]
    transform: Matrix


def explain_face(
    model: PreTrainedModel,
    image_processor: FerImageProcessor | FerImageProcessorPil,
    image: ImageSource,
    face: Face,
    *,
    method: Method = "grad_cam",
    target: str | None = None,
    is_crop: bool = False,
) -> Explanation:
    """Find out where a model looks on a face.

    Args:
        model: the classifier.
        image_processor: the one that belongs to the model.
        image: the picture, as :func:`fer_zoo.imaging.read_image` takes it.
        face: a face in that picture, as a detector gives it.
        method: ``"grad_cam"`` for the places that speak for an expression, or ``"attention"`` for the mean of the
            model's attention maps, stretched so that the least attended place is 0 and the most attended one 1.
        target: the expression to explain with ``"grad_cam"``; by default the most probable one.
        is_crop: whether the picture is the crop already, as for detectors with ``gives_crops``.

    Raises:
        UnknownNameError: if there is no such method, or the model has no such expression.
        InvalidOptionError: if a target is given for attention, or the model does not give what the method needs.
        ArgumentTypeError: if the model or the face is something else, such as a pipeline or a face with its expression.
        ImageReadError: if the picture cannot be read.

    Example:
        >>> from fer_zoo import pipeline, read_image
        >>> from fer_zoo.explain import explain_face, overlay
        >>> pipe = pipeline("face-expression", model="fer_zoo/mhan", device="cpu")
        >>> image = read_image("examples/images/astronaut.png")
        >>> face = pipe.analyze(image).faces[0].face
        >>> explanation = explain_face(pipe.model, pipe.image_processor, image, face)
        >>> explanation.target, explanation.heat.shape, overlay(image, [explanation]).shape
        ('happiness', (48, 48), (512, 512, 3))
    """
    ArgumentTypeError.check("model", model, PreTrainedModel, "a model, such as pipe.model")
    ArgumentTypeError.check("face", face, Face, "a Face, such as result.faces[0].face of pipe.analyze(image)")
    check_method(model, method, target)
    picture, size = read_image(image), image_processor.size["height"]
    if is_crop:
        crop = picture
        transform = np.array([[size / crop.shape[1], 0.0, 0.0], [0.0, size / crop.shape[0], 0.0]])
    else:
        (crop,) = image_processor.crop_faces(picture, [face])
        transform = crop_transform(face, image_processor.template, size)
    features = image_processor([crop], return_tensors="pt", input_data_format="channels_last")
    pixel_values = features["pixel_values"].to(model.device, model.dtype)
    if method == "attention":
        return Explanation(face, method, None, _mean_attention(model, pixel_values), transform)
    heat, classes = weigh_features(model, pixel_values, target)
    return Explanation(face, method, model.config.id2label[classes.item()], heat[0].cpu().numpy(), transform)


def check_method(model: PreTrainedModel, method: str, target: str | None) -> None:
    """Refuse methods, expressions and combinations of both that there are not.

    Args:
        model: the classifier.
        method: how to explain a face.
        target: the expression to explain, or ``None``.

    Raises:
        UnknownNameError: if there is no such method, or the model has no such expression.
        InvalidOptionError: if a target is given for attention.
    """
    if method not in METHODS:
        raise UnknownNameError("method", method, METHODS)
    if target is not None:
        target_index(model, target)
        if method == "attention":
            raise InvalidOptionError("target", target, "none with 'attention', which is the same for all expressions")


def _mean_attention(model: PreTrainedModel, pixel_values: Tensor) -> NDArray[np.float32]:
    """Return the mean of the attention maps of one crop, stretched to [0, 1] and enlarged to the crop's size."""
    mean = torch.from_numpy(attention_maps(model, pixel_values)).mean(dim=1, keepdim=True)
    heat = functional.interpolate(mean, size=pixel_values.shape[2:], mode="bilinear")[0, 0]
    heat = heat - heat.min()
    largest = heat.max()
    stretched: NDArray[np.float32] = (heat / largest if largest > 0 else heat).numpy()
    return stretched


__all__ = ["METHODS", "Explanation", "Method", "check_method", "explain_face"]
