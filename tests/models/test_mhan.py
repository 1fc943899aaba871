"""MHAN: counts, outputs, configuration, and life as a model of transformers."""

from __future__ import annotations

import pytest
import torch
from huggingface_hub.errors import StrictDataclassError
from torch import Tensor

from fer_zoo.errors import InvalidOptionError
from fer_zoo.models import MhanConfig, MhanForImageClassification, MhanModel


@pytest.fixture(scope="module")
def model() -> MhanForImageClassification:
    """Return a network with random weights and seven classes, in evaluation mode."""
    torch.manual_seed(0)
    model = MhanForImageClassification(MhanConfig(num_labels=7))
    model.eval()
    return model


@pytest.fixture(scope="module")
def pixel_values() -> Tensor:
    """Return three random crops."""
    return torch.randn(3, 3, 112, 112, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("num_labels", "expected"), [(7, 4_175_119), (8, 4_175_632)])
def test_parameters_are_those_that_live(num_labels: int, expected: int) -> None:
    """The authors' 4,256,541 parameters at 7 classes, without the 81,422 that no gradient reaches."""
    model = MhanForImageClassification(MhanConfig(num_labels=num_labels))

    assert model.num_parameters() == expected
    assert 4_256_541 - 81_422 == 4_175_119


def test_output_shapes(model: MhanForImageClassification, pixel_values: Tensor) -> None:
    """Logits, vector and feature map always come; the maps of the two heads only when asked for."""
    with torch.no_grad():
        outputs = model(pixel_values)
        with_maps = model(pixel_values, output_attentions=True)

    assert outputs.logits.shape == (3, 7)
    assert outputs.pooler_output.shape == (3, 512)
    assert outputs.features.shape == (3, 512, 7, 7)
    assert outputs.attention_maps is None
    assert [tuple(maps.shape) for maps in with_maps.attention_maps] == [(3, 512, 7, 7)] * 2
    assert all(maps.min() >= 0 and maps.max() <= 1 for maps in with_maps.attention_maps)


def test_logits_follow_from_features_and_maps(model: MhanForImageClassification, pixel_values: Tensor) -> None:
    """The strongest head weighs the features at every place; pooling and a linear layer give the logits."""
    with torch.no_grad():
        outputs = model(pixel_values, output_attentions=True)
        first, second = outputs.attention_maps

        weighed = outputs.features * torch.where(first > second, first, second)
        vector = model.mhan.pooler(weighed).flatten(1)

    torch.testing.assert_close(outputs.pooler_output, vector)
    torch.testing.assert_close(outputs.logits, model.classifier(vector))


def test_configuration_switches_the_maps_on(pixel_values: Tensor) -> None:
    """``output_attentions`` of the configuration is the default of every call."""
    model = MhanModel(MhanConfig(output_attentions=True)).eval()

    assert len(model(pixel_values[:1]).attention_maps) == 2
    assert model(pixel_values[:1], output_attentions=False).attention_maps is None
    assert len(model(pixel_values[:1], output_attentions=None).attention_maps) == 2


def test_none_means_as_configured(pixel_values: Tensor) -> None:
    """``output_attentions=None`` is no answer, for the classifier too: its configuration decides."""
    small = pixel_values[:1, :, :48, :48]
    for wanted in (True, False):
        model = MhanForImageClassification(MhanConfig(image_size=48, output_attentions=wanted)).eval()
        assert (model(small, output_attentions=None).attention_maps is not None) is wanted


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_keeps_the_answers(embedded_model: MhanForImageClassification, dtype: torch.dtype) -> None:
    """In half precision the probabilities of the trained network stay within three hundredths."""
    half = MhanForImageClassification(embedded_model.config)
    half.load_state_dict(embedded_model.state_dict())
    half = half.to(dtype).eval()
    size = embedded_model.config.image_size
    pictures = torch.randn(3, 3, size, size, generator=torch.Generator().manual_seed(0)) / 4

    with torch.no_grad():
        expected = embedded_model(pictures).logits.softmax(dim=1)
        found = half(pictures.to(dtype)).logits.float().softmax(dim=1)

    torch.testing.assert_close(found, expected, atol=0.03, rtol=0)


def test_initialisation_fits_a_convolutional_network() -> None:
    """Convolutions start with variance 2 / fan-in, PReLUs with 0.25, norms as the identity."""
    torch.manual_seed(0)

    model = MhanModel(MhanConfig())

    expand = model.backbone.expand
    assert expand.conv.weight.std().item() == pytest.approx((2 / 256) ** 0.5, rel=0.02)
    assert torch.equal(expand.activation.weight, torch.full((512,), 0.25))
    assert torch.equal(expand.norm.weight, torch.ones(512))
    assert torch.equal(expand.norm.state_dict()["running_var"], torch.ones(512))


def test_signal_neither_dies_nor_explodes(pixel_values: Tensor) -> None:
    """At the start of training the feature map has a usable spread."""
    torch.manual_seed(0)
    model = MhanModel(MhanConfig()).train()

    features = model(pixel_values).features

    assert 0.01 < features.std() < 10


@pytest.mark.parametrize("num_heads", [1, 4])
def test_number_of_heads(num_heads: int, pixel_values: Tensor) -> None:
    """Each head has a map of its own."""
    model = MhanModel(MhanConfig(num_attention_heads=num_heads)).eval()

    assert len(model(pixel_values[:1], output_attentions=True).attention_maps) == num_heads


@pytest.mark.parametrize(("attention_loss", "needs_maps"), [("none", False), ("consistency", True)])
def test_maps_are_made_where_the_loss_needs_them(attention_loss: str, needs_maps: bool, pixel_values: Tensor) -> None:
    """Labels alone do not ask for them."""
    model = MhanForImageClassification(MhanConfig(attention_loss=attention_loss)).eval()
    asked: list[bool] = []
    model.mhan.heads.register_forward_pre_hook(
        lambda module, args, kwargs: asked.append(kwargs["needs_maps"]), with_kwargs=True
    )

    outputs = model(pixel_values, labels=torch.zeros(len(pixel_values), dtype=torch.long))

    assert asked == [needs_maps]
    assert outputs.loss is not None
    assert outputs.attention_maps is None


def test_without_local_attention_only_its_weights_are_gone() -> None:
    """Efficient local attention has a kernel of 5 and two numbers for each of the 512 channels."""
    with_it, without = MhanModel(MhanConfig()), MhanModel(MhanConfig(use_local_attention=False))

    assert with_it.num_parameters() - without.num_parameters() == 512 * (5 + 2)


def test_larger_crops() -> None:
    """Crops of 224 pixels give a map of 14 x 14."""
    model = MhanModel(MhanConfig(image_size=224)).eval()

    assert model(torch.zeros(1, 3, 224, 224)).features.shape == (1, 512, 14, 14)


@pytest.mark.parametrize("shape", [(1, 3, 48, 48), (1, 1, 112, 112), (3, 112, 112)])
def test_pictures_of_another_shape_are_refused(model: MhanForImageClassification, shape: tuple[int, ...]) -> None:
    """The message says what came, what was expected, and what makes it."""
    with pytest.raises(InvalidOptionError) as caught:
        model(torch.zeros(shape))

    assert str(caught.value) == (
        f"Invalid value {shape} for the shape of pixel_values: expected (batch, 3, 112, 112), "
        "as FerImageProcessor makes them."
    )


def test_pictures_of_whole_numbers_are_refused(model: MhanForImageClassification) -> None:
    """They were not normalised."""
    with pytest.raises(InvalidOptionError, match=r"torch\.uint8 for the type of pixel_values: .*normalised"):
        model(torch.zeros(1, 3, 112, 112, dtype=torch.uint8))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"image_size": 100}, "image_size must be a positive multiple of 16, got 100"),
        ({"image_size": 0}, "image_size must be a positive multiple of 16, got 0"),
        ({"num_channels": 0}, "num_channels must be at least 1, got 0"),
        ({"num_attention_heads": 0}, "num_attention_heads must be at least 1, got 0"),
        ({"local_attention_kernel_size": 4}, "local_attention_kernel_size must be a positive odd number, got 4"),
        ({"num_attention_heads": "two"}, "num_attention_heads"),
        ({"image_size": 112.0}, "image_size"),
    ],
)
def test_configuration_refuses_nonsense(options: dict[str, object], message: str) -> None:
    """A wrong value is refused where it is written, by the name of its field."""
    with pytest.raises(StrictDataclassError, match=message):
        MhanConfig(**options)
