"""The baselines: what they share with torchvision and with MHAN, and what their configurations refuse."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from huggingface_hub.errors import StrictDataclassError
from torch import Tensor, nn
from torchvision.models import resnet18, resnet50

from fer_zoo.errors import CheckpointError, InvalidOptionError
from fer_zoo.models import (
    FerResNetConfig,
    FerResNetForImageClassification,
    FerResNetModel,
    MfnConfig,
    MfnForImageClassification,
    MfnModel,
    MhanConfig,
    MhanModel,
)

torch.set_flush_denormal(True)  # random weights make denormal numbers, which are slow on a CPU


@pytest.mark.parametrize(("depth", "build"), [(18, resnet18), (50, resnet50)])
def test_resnet_computes_what_torchvision_computes(depth: int, build: Any) -> None:
    """With torchvision's state dict the vectors are equal, and only the classifier's keys are left over."""
    torch.manual_seed(0)
    reference = build(weights=None).eval()
    model = FerResNetForImageClassification(FerResNetConfig(depth=depth, image_size=64)).eval()

    unused = model.load_torchvision(reference.state_dict())

    assert unused == ("fc.weight", "fc.bias")
    reference.fc = nn.Identity()
    x = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(model(x).pooler_output, reference(x))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layer2.0.conv1.weight": None}, r"missing: layer2\.0\.conv1\.weight"),
        ({"layer2.0.conv1.weight": torch.zeros(1)}, r"of another shape: layer2\.0\.conv1\.weight"),
        ({"layer2.0.conv3.weight": torch.zeros(1)}, r"a ResNet-18 .*: unknown: layer2\.0\.conv3\.weight"),
    ],
)
def test_resnet_refuses_other_checkpoints(change: dict[str, Tensor | None], message: str) -> None:
    """The message names the keys."""
    with torch.device("meta"):
        state = {key: value for key, value in {**resnet18().state_dict(), **change}.items() if value is not None}
        model = FerResNetModel(FerResNetConfig())

    with pytest.raises(CheckpointError, match=message):
        model.load_torchvision(state)


def test_mfn_is_mhan_without_its_attention() -> None:
    """The state of the bare network is that of MHAN without efficient local attention and heads."""
    with torch.device("meta"):
        mfn, mhan = MfnModel(MfnConfig()).state_dict(), MhanModel(MhanConfig()).state_dict()

    kept = {name: value.shape for name, value in mhan.items() if not name.startswith(("local_attention.", "heads."))}
    assert {name: value.shape for name, value in mfn.items()} == kept


def test_loss_is_the_smoothed_cross_entropy() -> None:
    """The baselines have this one term."""
    torch.manual_seed(0)
    model = MfnForImageClassification(MfnConfig(image_size=32, label_smoothing=0.2, num_labels=7))
    model.eval()
    labels = torch.arange(3)

    outputs = model(torch.randn(3, 3, 32, 32), labels=labels)

    torch.testing.assert_close(outputs.loss, nn.functional.cross_entropy(outputs.logits, labels, label_smoothing=0.2))


@pytest.mark.parametrize(
    ("config", "options", "message"),
    [
        (FerResNetConfig, {"depth": 34}, "depth"),
        (FerResNetConfig, {"image_size": 16}, "image_size must be at least 32, got 16"),
        (FerResNetConfig, {"num_channels": 1}, "num_channels must be 3, got 1"),
        (FerResNetConfig, {"label_smoothing": 1.5}, r"label_smoothing must be in \[0, 1\]"),
        (MfnConfig, {"image_size": 100}, "image_size must be a positive multiple of 16, got 100"),
        (MfnConfig, {"num_channels": 0}, "num_channels must be at least 1, got 0"),
        (MfnConfig, {"image_size": "112"}, "'image_size' expected int, got str"),
    ],
)
def test_configurations_refuse_nonsense(config: Any, options: dict[str, Any], message: str) -> None:
    """A wrong value is refused where it is written, by the name of its field."""
    with pytest.raises(StrictDataclassError, match=message):
        config(**options)


def test_pictures_of_another_size_are_refused() -> None:
    """A residual network would take any size, but then its crops would not be what it was trained on."""
    with torch.device("meta"):
        model = FerResNetModel(FerResNetConfig())

    with pytest.raises(InvalidOptionError, match=r"expected \(batch, 3, 224, 224\)"):
        model(torch.zeros(1, 3, 112, 112, device="meta"))
