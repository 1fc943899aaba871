"""Grad-CAM: maps known in closed form, every model, and what is left behind."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from small_models import narrow_han_pff
from torch import Tensor, nn

from fer_zoo.errors import InvalidOptionError, UnknownNameError
from fer_zoo.explain import grad_cam
from fer_zoo.models import MhanForImageClassification


class TinyClassifier(nn.Module):
    """One pointwise convolution of weight one, the mean over all places, and a linear layer without offset.

    The gradient of class k with respect to channel c is the same at all of the Z places, ``w_kc / Z``, so that the map
    is ``ReLU(sum_c w_kc A_c)`` up to a factor, which the division by its largest value takes away.

    Args:
        weight: of the linear layer, ``(K, C)``.
    """

    def __init__(self, weight: list[list[float]]) -> None:
        super().__init__()
        classes, channels = len(weight), len(weight[0])
        self.config = SimpleNamespace(id2label={k: f"class {k}" for k in range(classes)})
        self.convolution = nn.Conv2d(channels, channels, 1, groups=channels, bias=False)
        self.linear = nn.Linear(channels, classes, bias=False)
        nn.init.ones_(self.convolution.weight)
        self.linear.weight.data = torch.tensor(weight)

    def forward(self, pixel_values: Tensor, **kwargs: Any) -> SimpleNamespace:
        """Classify pictures."""
        features = self.convolution(pixel_values)
        return SimpleNamespace(features=features, logits=self.linear(features.mean(dim=(2, 3))))


def pictures(number: int = 2, size: int = 112) -> Tensor:
    """Return random pixel values, the same in every call."""
    return torch.randn(number, 3, size, size, generator=torch.Generator().manual_seed(1))


class TestClosedForm:
    """A model whose map can be worked out by hand."""

    x = torch.tensor([[[[1.0, 0.0], [2.0, 4.0]], [[3.0, 1.0], [0.0, 2.0]]]])  # two channels of 2 x 2

    def test_map_is_the_weighted_sum_of_the_channels(self) -> None:
        """Class 0 weighs them 1 and 1: (4, 1, 2, 6), divided by 6."""
        heat = grad_cam(TinyClassifier([[1.0, 1.0], [1.0, -1.0]]), self.x, "class 0")

        np.testing.assert_allclose(heat, [[[4 / 6, 1 / 6], [2 / 6, 1.0]]], rtol=1e-6)

    def test_places_that_speak_against_the_class_are_zero(self) -> None:
        """Class 1 weighs them 1 and -1: (-2, -1, 2, 2), without what is negative and divided by 2."""
        heat = grad_cam(TinyClassifier([[1.0, 1.0], [1.0, -1.0]]), self.x, "class 1")

        np.testing.assert_allclose(heat, [[[0.0, 0.0], [1.0, 1.0]]], atol=1e-7)

    def test_map_without_anything_positive_is_zero(self) -> None:
        """Nothing speaks for a class with negative weights only; there is no division by zero."""
        heat = grad_cam(TinyClassifier([[1.0, 1.0], [-1.0, -1.0]]), self.x, "class 1")

        np.testing.assert_array_equal(heat, np.zeros((1, 2, 2)))

    def test_each_crop_has_its_own_prediction(self) -> None:
        """Class 0 is the first channel and class 1 the second; without a target each crop shows its stronger one."""
        swapped = torch.cat([self.x * torch.tensor([1.0, 0.1])[:, None, None], self.x * 1.0])
        swapped[1, 0] *= 0.1

        heat = grad_cam(TinyClassifier([[1.0, 0.0], [0.0, 1.0]]), swapped)

        np.testing.assert_allclose(heat[0], [[1 / 4, 0.0], [2 / 4, 1.0]], rtol=1e-6)
        np.testing.assert_allclose(heat[1], [[1.0, 1 / 3], [0.0, 2 / 3]], rtol=1e-6)

    def test_expressions_are_those_of_id2label(self) -> None:
        """A ``label2id`` of other classes, as models of transformers may have, or none at all, does not matter."""
        model = TinyClassifier([[1.0, 1.0], [1.0, -1.0]])
        expected = grad_cam(model, self.x, "class 1")

        for label2id in ({"class 1": 0, "class 0": 1}, None):
            model.config.label2id = label2id
            np.testing.assert_array_equal(grad_cam(model, self.x, "class 1"), expected)

    def test_unknown_expression_is_named(self) -> None:
        """The message lists the expressions of the model."""
        with pytest.raises(UnknownNameError, match=r"Unknown expression 'clas 1'. Did you mean 'class 1'"):
            grad_cam(TinyClassifier([[1.0, 1.0], [1.0, -1.0]]), self.x, "clas 1")

    def test_model_without_features_is_refused(self) -> None:
        """A model that does not return its feature map is named."""
        model = TinyClassifier([[1.0, 1.0]])
        model.forward = lambda x, **_: SimpleNamespace(logits=x.mean(dim=(2, 3)))  # type: ignore[method-assign]

        with pytest.raises(InvalidOptionError, match=r"'TinyClassifier' for model: expected a model whose output has"):
            grad_cam(model, self.x)


class TestModels:
    """The models of this package."""

    @pytest.mark.parametrize("name", ["mhan", "han_pff"])
    def test_maps_of_two_expressions_differ(self, name: str, embedded_model: MhanForImageClassification) -> None:
        """Values are in [0, 1] with a largest of 1, and another expression has another map."""
        model = embedded_model if name == "mhan" else narrow_han_pff()
        targets = ("neutral", "sadness") if name == "mhan" else tuple(model.config.label2id)[:2]
        size = model.config.image_size

        maps = [grad_cam(model, pictures(size=size), target) for target in targets]

        assert all(heat.shape == (2, size, size) and heat.dtype == np.float32 for heat in maps)
        assert all(heat.min() >= 0 and heat.max() == 1 for heat in maps)
        assert np.abs(maps[0] - maps[1]).max() > 0.1

    @pytest.mark.parametrize("name", ["mhan", "han_pff"])
    def test_batch_equals_one_by_one(self, name: str, embedded_model: MhanForImageClassification) -> None:
        """The map of a crop does not depend on those beside it."""
        model = embedded_model if name == "mhan" else narrow_han_pff()

        x = pictures(size=model.config.image_size)

        together = grad_cam(model, x, next(iter(model.config.label2id)))
        alone = grad_cam(model, x[1:], next(iter(model.config.label2id)))

        np.testing.assert_allclose(together[1:], alone, atol=1e-4)

    def test_default_is_the_prediction(self, embedded_model: MhanForImageClassification) -> None:
        """Without a target the map is that of the most probable expression."""
        x = pictures(1, size=embedded_model.config.image_size)
        with torch.no_grad():
            predicted = embedded_model.config.id2label[embedded_model(x).logits.argmax().item()]

        np.testing.assert_array_equal(grad_cam(embedded_model, x), grad_cam(embedded_model, x, predicted))

    def test_model_that_gives_tuples_is_explained(self) -> None:
        """``return_dict=False`` in the configuration makes no difference."""
        model = narrow_han_pff()
        expected = grad_cam(model, pictures(), "LABEL_0")
        model.config.return_dict = False

        np.testing.assert_array_equal(grad_cam(model, pictures(), "LABEL_0"), expected)

    def test_nothing_is_left_on_the_model(self) -> None:
        """No gradient, no hook, and every part is in the mode it was in; gradients of a training step are kept."""
        model = narrow_han_pff()
        model.classifier.weight.grad = torch.full_like(model.classifier.weight, 7.0)
        model.dropout.train()

        grad_cam(model, pictures())

        assert [name for name, p in model.named_parameters() if p.grad is not None] == ["classifier.weight"]
        assert bool((model.classifier.weight.grad == 7.0).all())
        assert not any(m._forward_hooks or m._forward_pre_hooks or m._backward_hooks for m in model.modules())
        assert [name for name, module in model.named_modules() if module.training] == ["dropout"]

    def test_training_mode_gives_the_same_map(self) -> None:
        """A model in training is explained as it would be used, and goes on training with the same statistics."""
        model = narrow_han_pff()
        expected = grad_cam(model, pictures(), "LABEL_0")
        statistics = {name: buffer.clone() for name, buffer in model.named_buffers()}

        heat = grad_cam(model.train(), pictures(), "LABEL_0")

        np.testing.assert_array_equal(heat, expected)
        assert all(module.training for module in model.modules())
        assert all(torch.equal(buffer, statistics[name]) for name, buffer in model.named_buffers())

    @pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
    def test_frozen_models_and_places_without_gradients(
        self, mode: type[torch.no_grad] | type[torch.inference_mode]
    ) -> None:
        """Neither frozen parameters nor an outer ``no_grad`` or ``inference_mode`` matter."""
        model = narrow_han_pff()
        expected = grad_cam(model, pictures(), "LABEL_0")
        model.requires_grad_(requires_grad=False)

        with mode():
            heat = grad_cam(model, pictures(), "LABEL_0")

        np.testing.assert_array_equal(heat, expected)
