"""The training loss of MHAN."""

from typing import Any

import pytest
import torch
from huggingface_hub.errors import StrictDataclassError
from torch import Tensor
from torch.nn import functional

from fer_zoo.losses import attention_consistency_loss, attention_diversity_loss
from fer_zoo.models import MhanConfig, MhanForImageClassification

torch.set_flush_denormal(True)  # random weights make denormal numbers, which are slow on a CPU


def small(**options: Any) -> MhanForImageClassification:
    """Return a classifier for crops of 32 pixels with the same random weights in every call, in eval mode."""
    torch.manual_seed(0)
    model = MhanForImageClassification(MhanConfig(image_size=32, num_labels=7, **options))
    model.eval()
    return model


def pictures(number: int = 4) -> Tensor:
    """Return random pictures, the same in every call."""
    return torch.randn(number, 3, 32, 32, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize(
    ("attention_loss", "function"),
    [("consistency", attention_consistency_loss), ("diversity", attention_diversity_loss)],
)
def test_is_the_smoothed_cross_entropy_with_a_tenth_of_the_attention_loss(attention_loss: str, function: Any) -> None:
    """The recipe for RAF-DB smooths the labels by 0.1, and both recipes weigh the attention loss by 0.1."""
    labels = torch.arange(4)

    outputs = small(attention_loss=attention_loss)(pictures(), labels=labels, output_attentions=True)

    classification = functional.cross_entropy(outputs.logits, labels, label_smoothing=0.1)
    attention = function(outputs.attention_maps)
    torch.testing.assert_close(outputs.loss_terms["classification"], classification.detach())
    torch.testing.assert_close(outputs.loss_terms["attention"], attention.detach())
    torch.testing.assert_close(outputs.loss, classification + 0.1 * attention)


def test_without_attention_loss_and_smoothing_it_is_the_plain_cross_entropy() -> None:
    """The baseline has one term."""
    outputs = small(attention_loss="none", label_smoothing=0.0)(pictures(), labels=torch.arange(4))

    assert outputs.loss_terms.keys() == {"classification"}
    torch.testing.assert_close(outputs.loss, functional.cross_entropy(outputs.logits, torch.arange(4)))


def test_the_maps_stay_inside_unless_they_are_asked_for() -> None:
    """The loss needs the maps of the heads, and the outputs carry them only on request."""
    model = small()

    assert model(pictures(), labels=torch.arange(4)).attention_maps is None
    assert len(model(pictures(), labels=torch.arange(4), output_attentions=True).attention_maps) == 2
    assert model(pictures()).loss is None


def test_refuses_bad_options() -> None:
    """The configuration says what it accepts."""
    for options, message in (
        ({"image_size": "112"}, "'image_size' expected int, got str"),
        ({"attention_loss": "both"}, "'attention_loss' expected one of"),
        ({"attention_loss_weight": -0.1}, "attention_loss_weight must be at least 0"),
        ({"label_smoothing": 1.5}, r"label_smoothing must be in \[0, 1\]"),
    ):
        with pytest.raises(StrictDataclassError, match=message):
            MhanConfig(**options)


def test_random_pictures_are_learned_by_heart() -> None:
    """Within 40 steps all of 21 random pictures are classified as they are labelled."""
    model = small().train()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-4)
    x, labels = pictures(21), torch.arange(21) % 7
    for _ in range(40):
        outputs = model(x, labels=labels)
        optimizer.zero_grad()
        outputs.loss.backward()
        optimizer.step()
        if (outputs.logits.argmax(dim=1) == labels).all() and outputs.loss_terms["classification"] < 0.6:
            break

    assert outputs.logits.argmax(dim=1).tolist() == labels.tolist()
    assert outputs.loss_terms["classification"] < 0.6  # smoothed labels leave at least 0.49 at the right scores
