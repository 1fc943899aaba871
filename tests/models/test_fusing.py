"""The inference form of every model and of the layers that have one."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from small_models import SMALL
from torch import Tensor, nn
from transformers import PreTrainedModel

from fer_zoo.errors import FusedModelError
from fer_zoo.layers import (
    CentralDifference,
    CoordinateAttention,
    EfficientLocalAttention,
    GradientBranch,
    MixedDepthwiseConv2d,
    SobelGradient,
    StripMeans,
)
from fer_zoo.layers.inference_form import HasInferenceForm, fold_norm, take_inference_form
from fer_zoo.registry import create_model, list_models


@pytest.fixture(params=[entry.name for entry in list_models()])
def model(request: pytest.FixtureRequest) -> PreTrainedModel:
    """Return a small classifier of every architecture, as it could be after training."""
    torch.manual_seed(0)
    return _trained(create_model(request.param, config_options=SMALL.get(request.param)).model)


def _trained(module: Any) -> Any:
    """Give norms the statistics and scales of a trained network, and return it in evaluation mode."""
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.uniform_(part.get_buffer("running_mean"), -0.2, 0.2)
            nn.init.uniform_(part.get_buffer("running_var"), 0.5, 1.5)
            nn.init.uniform_(part.weight, 0.5, 1.0)
            nn.init.uniform_(part.bias, -0.2, 0.2)
    return module.eval()


def _pictures(model: PreTrainedModel, number: int = 3) -> Tensor:
    """Return noise of the model's size."""
    size = model.config.image_size
    return torch.randn(number, 3, size, size, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_logits_stay(model: PreTrainedModel) -> None:
    """They differ by rounding alone, no batch norm is left, and the same call again changes nothing."""
    faces = _pictures(model)
    before = model(faces).logits

    fused = model.fuse()

    assert fused is model
    assert fused.is_fused
    scale = max(1.0, before.abs().max().item())
    torch.testing.assert_close(fused(faces).logits, before, rtol=0, atol=1e-4 * scale)
    assert not any(isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d) for part in fused.modules())
    again = fused(faces).logits
    assert torch.equal(fused.fuse()(faces).logits, again)


def test_fused_model_is_neither_trained_nor_saved(model: PreTrainedModel, tmp_path: Path) -> None:
    """Both say what to do instead; nothing is written; its base model refuses too, and evaluation goes on."""
    model.fuse()

    for part in (model, model.base_model):
        with pytest.raises(FusedModelError, match="cannot be trained"):
            part.train()
        with pytest.raises(FusedModelError, match="cannot be saved"):
            part.save_pretrained(tmp_path / "model")
    assert not (tmp_path / "model").exists()
    assert not model.eval().training


@torch.no_grad()
def test_fused_base_model_makes_the_classifier_a_fused_one(model: PreTrainedModel, tmp_path: Path) -> None:
    """It is neither trained nor saved, though its own ``fuse`` was not called; that may follow."""
    faces = _pictures(model)
    before = model(faces).logits

    model.base_model.fuse()

    assert model.is_fused
    with pytest.raises(FusedModelError, match="cannot be saved"):
        model.save_pretrained(tmp_path / "model")
    assert not (tmp_path / "model").exists()
    with pytest.raises(FusedModelError, match="cannot be trained"):
        model.train()
    assert not any(part.training for part in model.modules())
    scale = max(1.0, before.abs().max().item())
    torch.testing.assert_close(model.fuse()(faces).logits, before, rtol=0, atol=1e-4 * scale)


@pytest.mark.slow
def test_loading_again_undoes_it(model: PreTrainedModel, tmp_path: Path) -> None:
    """A copy that was saved before gives the original layers."""
    names = set(model.state_dict())
    model.save_pretrained(tmp_path)

    model.fuse()

    loaded = type(model).from_pretrained(tmp_path)
    assert set(loaded.state_dict()) == names != set(model.state_dict())
    assert not loaded.is_fused


def test_outputs_of_training_are_dropped() -> None:
    """The shared classifier of HAN-PFF judges for its loss alone."""
    model = create_model("han_pff", config_options=SMALL["han_pff"]).model.eval()
    faces = _pictures(model, 2)

    assert model(faces).shared_logits is not None
    assert model.fuse()(faces).shared_logits is None


@pytest.mark.parametrize("stride", [1, 2])
def test_depthwise_kernels_become_one(stride: int) -> None:
    """Kernels of 1, 3 and 7 lie in the middle of kernels of 7, and the answers are the same."""
    mix = MixedDepthwiseConv2d([2, 3, 1], [1, 3, 7], stride=stride)

    merged = mix.inference_form()

    assert isinstance(merged, nn.Conv2d)
    assert merged.weight.shape == (6, 1, 7, 7)
    assert torch.equal(merged.weight[1, 0, 3, 3], mix.convs[0].weight[1, 0, 0, 0])  # type: ignore[index]
    assert torch.equal(merged.weight[2, 0, 2:5, 2:5], mix.convs[1].weight[0, 0])  # type: ignore[index]
    x = torch.randn(2, 6, 9, 8)
    torch.testing.assert_close(merged(x), mix(x))


@pytest.mark.parametrize("size", [(7, 7), (6, 9), (1, 1)])
def test_attention_over_strips(size: tuple[int, int]) -> None:
    """Rows and columns apart give the gates that they give together, whatever the shape."""
    x = torch.randn(2, 32, *size)
    for layer in (CoordinateAttention(32), EfficientLocalAttention(32)):
        before = _trained(layer)(x)

        take_inference_form(layer)

        torch.testing.assert_close(layer(x), before)


def test_strip_means_by_hand() -> None:
    """Both forms give the mean of each row and of each column."""
    x = torch.tensor([[[[1.0, 2.0, 3.0], [5.0, 7.0, 9.0]]]])
    for means in (StripMeans(), StripMeans().inference_form()):
        rows, columns = means(x)
        assert rows.tolist() == [[[[2.0], [7.0]]]]
        assert columns.tolist() == [[[[3.0, 4.5, 6.0]]]]


@pytest.mark.parametrize("operator", ["sobel", "central_difference", "learnable"])
def test_gradient_branch(operator: Any) -> None:
    """Every operator gives the same edges in its inference form, at the border too."""
    branch = _trained(GradientBranch(4, 6, stride=2, operator=operator))
    x = torch.randn(2, 4, 9, 8)
    before = branch(x)

    take_inference_form(branch)
    torch.testing.assert_close(branch.inference_form()(x), before)


def test_sobel_keeps_the_type() -> None:
    """Half precision goes in and comes out; the arithmetic between is float32."""
    x = torch.randn(1, 2, 5, 5).half()
    found = SobelGradient().inference_form()(x)

    assert found.dtype == torch.float16
    torch.testing.assert_close(found, SobelGradient()(x))


def test_norm_goes_into_a_linear_layer_and_into_a_convolution() -> None:
    """Worked out by hand: (2 x + 1 - 3) / 2 * 10 + 5 = 10 x - 5, with a variance of 4."""
    for layer, norm, shape in (
        (nn.Linear(1, 1), nn.BatchNorm1d(1, eps=0.0), (1, 1)),
        (nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1, eps=0.0), (1, 1, 1, 1)),
    ):
        nn.init.constant_(layer.weight, 2.0)
        nn.init.constant_(layer.bias, 1.0)  # type: ignore[arg-type]
        nn.init.constant_(norm.get_buffer("running_mean"), 3.0)
        nn.init.constant_(norm.get_buffer("running_var"), 4.0)
        nn.init.constant_(norm.weight, 10.0)
        nn.init.constant_(norm.bias, 5.0)

        folded = fold_norm(layer.eval(), norm.eval())  # type: ignore[type-var]

        assert folded(torch.full(shape, 4.0)).item() == pytest.approx(35.0)
        assert layer.weight.item() == 2.0, "the original stays as it is"


def test_layers_without_an_inference_form_stay() -> None:
    """They are left alone, the same objects."""
    parts = nn.Sequential(CentralDifference(2), nn.ReLU())
    before = list(parts)

    take_inference_form(parts)

    assert all(part is old for part, old in zip(parts, before, strict=True))
    assert not isinstance(parts[0], HasInferenceForm)


def test_channels_of_a_position_lie_together() -> None:
    """The weights are in the order that the pooled means are fast in; a copy of a model leaves the model alone."""
    model = create_model("mfn", config_options={"image_size": 48}).model.eval()
    copied = copy.deepcopy(model).fuse()

    conv = copied.mfn.backbone.stem[0][0]
    assert conv.weight.is_contiguous(memory_format=torch.channels_last)
    assert not model.is_fused
