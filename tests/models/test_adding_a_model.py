"""The six steps of ``docs/add_a_model.md``, followed with a small network; the page shows this file.

A package of someone else does exactly this. A model of this package has its configuration and its networks in a folder
below ``fer_zoo/models``, and a row in two tables instead of the call that registers it.
"""

# No postponed annotations in this file: @strict checks no type that is given as a string.

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import skimage.data
import torch
from huggingface_hub.dataclasses import strict
from huggingface_hub.errors import StrictDataclassError
from torch import Tensor, nn
from torch.nn import functional
from transformers import AutoConfig, AutoImageProcessor, AutoModel, AutoModelForImageClassification, ResNetConfig
from transformers.utils.generic import can_return_tuple

from fer_zoo import pipeline
from fer_zoo.errors import InvalidOptionError, UnknownNameError
from fer_zoo.explain import grad_cam
from fer_zoo.export import export_model
from fer_zoo.labels import get_label_set
from fer_zoo.layers import ConvNormPReLU, CoordinateAttention
from fer_zoo.models import FerConfig, FerModelOutput, FerPreTrainedModel, LinearImageClassification, MfnConfig
from fer_zoo.models.checkpoint import save_checkpoint
from fer_zoo.registry import (
    ENTRIES,
    ModelEntry,
    create_model,
    entries,
    list_models,
    register_model,
    resolve_model,
)
from fer_zoo.training.initial_model import make_initial_model
from fer_zoo.training.settings import RunSettings


@strict
class StripNetConfig(FerConfig):
    """Configuration of a small network of separable convolutions.

    Args:
        width: channels of the first stage; each of the two later stages has twice as many as the one before.
    """

    model_type = "strip_net"

    image_size: int = 48
    width: int = 8

    def validate_width(self) -> None:
        """Refuse a network without channels."""
        if self.width < 1:
            raise ValueError(f"width must be at least 1, got {self.width}.")


class StripNetPreTrainedModel(FerPreTrainedModel):
    """Loading, saving and initialisation shared by both models."""

    config_class = StripNetConfig
    config: StripNetConfig
    base_model_prefix = "strip_net"
    supports_gradient_checkpointing = False


class StripNetModel(StripNetPreTrainedModel):
    """Three stages that halve the map, coordinate attention after each, and the mean over the map."""

    def __init__(self, config: StripNetConfig) -> None:
        super().__init__(config)
        widths = [config.num_channels, config.width, 2 * config.width, 4 * config.width]
        stages = [self.make_stage(low, high) for low, high in pairwise(widths)]
        self.stages = nn.Sequential(*stages)
        self.post_init()

    @staticmethod
    def make_stage(low: int, high: int) -> nn.Sequential:
        """Return a stage: ``(B, low, H, W)`` to ``(B, high, ceil(H / 2), ceil(W / 2))``."""
        return nn.Sequential(
            ConvNormPReLU(low, low, 3, stride=2, groups=low), ConvNormPReLU(low, high), CoordinateAttention(high)
        )

    @can_return_tuple
    def forward(self, pixel_values: Tensor, **kwargs: Any) -> FerModelOutput:
        """Describe faces ``(B, 3, image_size, image_size)`` by a map and by its mean."""
        pixel_values = self.check_pixel_values(pixel_values)
        features = self.stages(pixel_values)
        return FerModelOutput(pooler_output=features.mean(dim=(2, 3)), features=features)


class StripNetForImageClassification(LinearImageClassification, StripNetPreTrainedModel):
    """The network with a linear classifier, trained with the cross entropy."""

    def __init__(self, config: StripNetConfig) -> None:
        super().__init__(config)
        self.num_labels = config.num_labels
        self.strip_net = StripNetModel(config)
        self.classifier = nn.Linear(4 * config.width, config.num_labels)
        self.post_init()


def register() -> None:
    """Make the model known: to the table of models, and to the Auto classes of transformers."""
    entry = ModelEntry(
        name="strip_net",
        summary="Three separable convolutions with coordinate attention",
        paper="none; it is the example of this page",
        label_set_name="fer_plus",
        num_parameters=2_948,
        architecture="strip_net",
        owner="someone",
    )
    register_model(entry, StripNetConfig, StripNetModel, StripNetForImageClassification)


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Register the model, and take it out of the table again for other tests."""
    before = dict(ENTRIES)
    register()
    yield
    entries._entries.clear()
    entries._entries.update(before)


def small_model() -> StripNetForImageClassification:
    """Return the classifier with the same random weights in every call, in evaluation mode."""
    torch.manual_seed(0)
    return cast(StripNetForImageClassification, create_model("strip_net").model.eval())


def faces(number: int = 4) -> Tensor:
    """Return random pixel values of the size of the network, the same in every call."""
    return torch.randn(number, 3, 48, 48, generator=torch.Generator().manual_seed(1))


class TestSixSteps:
    """What the steps give."""

    def test_configuration_refuses_nonsense(self) -> None:
        """Step 1: a value that cannot work is refused where it is written."""
        with pytest.raises(StrictDataclassError, match="width must be at least 1, got 0"):
            StripNetConfig(width=0)

    def test_network_has_the_values_of_a_slow_version(self) -> None:
        """Steps 2 and 3: the logits are those of the same arithmetic with functions of torch."""
        model = small_model()
        x = faces()
        for stage in cast(Any, model.strip_net.stages):
            for block, groups, stride in ((stage[0], x.shape[1], 2), (stage[1], 1, 1)):
                weight = block.conv.weight
                x = functional.conv2d(x, weight, stride=stride, padding=weight.shape[-1] // 2, groups=groups)
                x = functional.prelu(x / (1 + 1e-5) ** 0.5, block.activation.weight)  # a fresh norm
            x = stage[2](x)  # coordinate attention, which has a test of its own

        expected = functional.linear(x.mean(dim=(2, 3)), model.classifier.weight, model.classifier.bias)

        torch.testing.assert_close(model(faces()).logits, expected)

    def test_name_works_like_the_names_of_the_package(self) -> None:
        """Step 4: the table has it, its figures are right, and a fresh network has the labels of the entry."""
        model, processor = create_model("strip_net")

        assert "strip_net" in [entry.name for entry in list_models()]
        assert model.num_parameters() == ENTRIES["strip_net"].num_parameters
        assert model.config.id2label == get_label_set("fer_plus").id2label
        assert processor.size["height"] == 48
        assert resolve_model("strip_net", revision="v1") == "someone/strip_net"

    def test_one_step_of_training_lowers_the_loss(self) -> None:
        """Step 5: every parameter gets a gradient, and a step along it helps."""
        model = small_model().train()
        labels = torch.arange(4)
        before = model(faces(), labels=labels).loss

        before.backward()
        torch.optim.SGD(model.parameters(), lr=0.1).step()

        assert all(parameter.grad is not None and parameter.grad.any() for parameter in model.parameters())
        assert model(faces(), labels=labels).loss < before

    def test_training_runs_start_from_it(self) -> None:
        """Step 6: what a training run makes of its name is a fresh network with the classes of the data."""
        settings = RunSettings.from_layers({"data": {"kind": "image_folder", "path": "faces"}, "model": "strip_net"})

        initial = make_initial_model(settings, get_label_set("raf_db"))

        assert type(initial.model) is StripNetForImageClassification
        assert initial.model.config.num_labels == 7

    def test_checkpoint_comes_back_and_answers_in_the_pipeline(self, tmp_path: Path) -> None:
        """Step 6: the Auto classes find the classes by the checkpoint alone, and the pipeline finds a face with it."""
        model, processor = create_model("strip_net")
        save_checkpoint(model, processor, tmp_path)

        loaded = AutoModelForImageClassification.from_pretrained(tmp_path)
        found = pipeline("face-expression", model=tmp_path, device="cpu")(skimage.data.astronaut())

        assert type(loaded) is StripNetForImageClassification
        assert type(AutoModel.from_pretrained(tmp_path)) is StripNetModel
        assert type(AutoConfig.from_pretrained(tmp_path)) is StripNetConfig
        assert AutoImageProcessor.from_pretrained(tmp_path).size == processor.size
        assert all(torch.equal(value, loaded.state_dict()[name]) for name, value in model.state_dict().items())
        assert len(found) == 1
        assert found[0]["label"] in get_label_set("fer_plus").label2id

    @pytest.mark.slow
    def test_what_is_built_on_models_takes_it(self, tmp_path: Path) -> None:
        """Step 6: the inference form, Grad-CAM and an export to ONNX come for nothing."""
        model, processor = small_model(), create_model("strip_net").processor
        expected = model(faces()).logits

        heat = grad_cam(model, faces())
        export_model(model, processor, tmp_path)
        exported = pipeline("face-expression", model=tmp_path).model

        assert heat.shape == (4, 48, 48)
        torch.testing.assert_close(exported(faces()).logits, expected, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(model.fuse()(faces()).logits, expected, rtol=1e-4, atol=1e-4)


class TestRegistration:
    """What is refused, and what may be done again."""

    def test_registering_again_replaces_the_entry(self) -> None:
        """A cell of a notebook can be run twice, with a change between."""
        changed = replace(ENTRIES["strip_net"], summary="another")

        register_model(changed, StripNetConfig, StripNetModel, StripNetForImageClassification)

        assert ENTRIES["strip_net"].summary == "another"

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            ({"name": "mhan"}, "Invalid value 'mhan' for name: expected a name that no other model has"),
            (
                {"name": "other", "architecture": "mfn"},
                "for architecture: expected 'strip_net', the model_type of ",
            ),
            ({"sha256": "aa11"}, "for sha256: expected None, as only this package embeds weights"),
        ],
    )
    def test_entries_that_contradict_are_refused(self, changes: dict[str, str], message: str) -> None:
        """A taken name, another architecture and weights that are not in the package leave the table as it is."""
        before = dict(ENTRIES)
        entry = replace(ENTRIES["strip_net"], **changes)  # type: ignore[arg-type]  # every value is a text

        with pytest.raises(InvalidOptionError, match=message):
            register_model(entry, StripNetConfig, StripNetModel, StripNetForImageClassification)

        assert dict(ENTRIES) == before

    def test_name_of_another_registered_architecture_is_refused(self) -> None:
        """Two packages cannot take the name of each other's model."""
        entry = replace(ENTRIES["strip_net"], architecture="mfn")

        with pytest.raises(InvalidOptionError, match="a name that no other model has"):
            register_model(entry, MfnConfig, StripNetModel, StripNetForImageClassification)

    def test_unknown_label_set_is_refused(self) -> None:
        """The closest name is suggested."""
        entry = replace(ENTRIES["strip_net"], label_set_name="ferplus")

        with pytest.raises(UnknownNameError, match=r"Unknown label set 'ferplus'\. Did you mean 'fer_plus'\?"):
            register_model(entry, StripNetConfig, StripNetModel, StripNetForImageClassification)

    def test_model_type_of_transformers_is_refused(self) -> None:
        """The Auto classes keep loading what they loaded before."""

        @strict
        class OwnResNetConfig(FerConfig):
            """A configuration with a name that is taken."""

            model_type = "resnet"

        entry = replace(ENTRIES["strip_net"], name="own_resnet", architecture="resnet")

        with pytest.raises(InvalidOptionError, match=r"'resnet' for model_type: expected a name other than that of tr"):
            register_model(entry, OwnResNetConfig, StripNetModel, StripNetForImageClassification)

        assert type(AutoConfig.for_model("resnet")) is ResNetConfig
        assert "own_resnet" not in ENTRIES


def test_pictures_without_a_face_have_no_expression(tmp_path: Path) -> None:
    """The rules of the package hold for a model that it does not know."""
    save_checkpoint(*create_model("strip_net"), tmp_path)

    assert pipeline("face-expression", model=tmp_path, device="cpu")(np.zeros((64, 64, 3), np.uint8)) == []
