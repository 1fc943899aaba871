"""Attention maps of both models."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from small_models import narrow_han_pff
from torch import Tensor, nn
from torch.nn import functional

from fer_zoo.errors import InvalidOptionError
from fer_zoo.explain import attention_maps
from fer_zoo.models import MhanForImageClassification


def pictures(size: int = 112) -> Tensor:
    """Return two random pictures, the same in every call."""
    return torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(1))


def test_maps_of_mhan_are_the_means_of_its_heads(embedded_model: MhanForImageClassification) -> None:
    """One map for each head, a sixteenth as wide as the crop: the mean over the channels of what the model returns."""
    size = embedded_model.config.image_size
    with torch.no_grad():
        heads = embedded_model(pictures(size), output_attentions=True).attention_maps

    maps = attention_maps(embedded_model, pictures(size))

    assert maps.shape == (2, embedded_model.config.num_attention_heads, size // 16, size // 16)
    assert maps.dtype == np.float32
    assert maps.min() >= 0
    assert maps.max() <= 1
    for number, head in enumerate(heads):
        np.testing.assert_allclose(maps[:, number], head.mean(dim=1), rtol=1e-6)


def test_maps_of_han_pff_are_the_means_of_its_levels() -> None:
    """The first level has 28 x 28; the smaller ones are enlarged to it."""
    model = narrow_han_pff()
    with torch.no_grad():
        levels = model(pictures(), output_attentions=True).attention_maps

    maps = attention_maps(model, pictures())

    assert [level.shape[-1] for level in levels] == [28, 14, 7]
    assert maps.shape == (2, 3, 28, 28)
    assert maps.min() >= 0
    assert maps.max() <= 1
    np.testing.assert_allclose(maps[:, 0], levels[0].mean(dim=1), rtol=1e-6)
    enlarged = functional.interpolate(levels[2].mean(dim=1, keepdim=True), scale_factor=4, mode="bilinear")
    np.testing.assert_allclose(maps[:, 2], enlarged[:, 0], rtol=1e-5)


def test_model_that_gives_tuples_has_the_same_maps() -> None:
    """``return_dict=False`` in the configuration makes no difference."""
    model = narrow_han_pff()
    expected = attention_maps(model, pictures())
    model.config.return_dict = False

    np.testing.assert_array_equal(attention_maps(model, pictures()), expected)


def test_model_stays_in_its_mode() -> None:
    """A model in training is looked at as it would be used, and goes on training."""
    model = narrow_han_pff()
    expected = attention_maps(model, pictures())

    maps = attention_maps(model.train(), pictures())

    np.testing.assert_array_equal(maps, expected)
    assert all(module.training for module in model.modules())


class Plain(nn.Module):
    """A model that knows nothing of attention."""

    def forward(self, pixel_values: Tensor) -> Tensor:
        """Return the pictures."""
        return pixel_values


@pytest.mark.parametrize("model", [narrow_han_pff(progressive_fusion="sum"), Plain()])
def test_models_without_attention_maps_are_refused(model: nn.Module) -> None:
    """The message names the model and those that have maps."""
    with pytest.raises(InvalidOptionError, match=f"{type(model).__name__}.* such as MhanForImageClassification, or"):
        attention_maps(model, pictures())
