"""The licence ledger."""

import pytest

from fer_zoo.licences import TRAINED_ON_FER_PLUS
from fer_zoo.registry import get_entry


def test_ledger_goes_through_its_parts_in_order() -> None:
    """A ledger yields code, weights, the training data and the detector."""
    parts = [licence.part for licence in TRAINED_ON_FER_PLUS]

    assert parts == ["code", "weights", "FER2013 pictures", "FER+ labels", "face detector CenterFace"]


def test_ledger_names_its_data_sets() -> None:
    """The data sets are those of the training data, and neither code nor detector counts as one."""
    assert TRAINED_ON_FER_PLUS.datasets == ("fer2013", "fer_plus")


@pytest.mark.parametrize("name", ["han_pff", "mhan"])
def test_models_say_what_they_learned_beside_fer_plus(name: str) -> None:
    """Faces without labels have terms of their own, which the card of the model lists."""
    licences = get_entry(name).licences

    assert licences is not None
    assert [licence.part for licence in licences.training_data][2:] == ["About 5,300 faces from news photographs"]
    assert licences.datasets == TRAINED_ON_FER_PLUS.datasets


def test_mhan_says_that_its_pictures_may_not_be_passed_on() -> None:
    """The entry of a published model warns of the one part without a licence."""
    licences = get_entry("mhan").licences

    assert licences is not None
    pictures = licences.training_data[0]
    assert pictures.terms == "no licence, research use"
    assert "must not be redistributed" in pictures.note
