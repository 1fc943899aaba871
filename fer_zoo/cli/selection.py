"""From what was typed to the pictures of a data set that are meant."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from fer_zoo.datasets import ExpressionDataset, load_dataset, read_challenge_list
from fer_zoo.datasets.loading import open_reader
from fer_zoo.datasets.reader import ALL
from fer_zoo.errors import InvalidOptionError

#: The part that is meant if none is named: the first of these that is there.
PREFERRED_SPLITS = ("test", "validation")

#: The part that a model is calibrated on; models are compared on the test part, so that is never taken unasked.
CALIBRATION_SPLIT = "validation"


class Selection(NamedTuple):
    """Pictures of a data set.

    Attributes:
        dataset: the pictures.
        description: which pictures of the split they are, in words; empty for all.
    """

    dataset: ExpressionDataset
    description: str


def select_pictures(
    kind: str,
    path: Path,
    split: str | None,
    *,
    label_set: str | None = None,
    challenge: Path | None = None,
    without_twins_of: str | None = None,
    unreadable: str = "raise",
) -> Selection:
    """Load a data set and leave out what is not meant.

    Args:
        kind: what it is.
        path: where it is.
        split: part of it; by default test, else validation, else all that is there.
        label_set: name of the classes of data that do not say them.
        challenge: file of a challenge list that selects pictures.
        without_twins_of: split whose pictures are left out, wherever they occur.
        unreadable: ``"raise"``, or ``"skip"`` to keep pictures that cannot be read while twins are looked for.

    Raises:
        FerZooError: if something is not there, or not as it should be; the message says what.
    """
    options = reader_options(label_set)
    if split is None:
        found = open_reader(kind, path).find_splits()
        split = next((name for name in PREFERRED_SPLITS if name in found), None)
    dataset = load_dataset(kind, path, split=split, **options)
    words = []
    if challenge is not None:
        chosen = read_challenge_list(challenge)
        dataset = dataset.select_challenge(chosen)
        words.append(f"the challenge list {chosen.name}")
    if without_twins_of is not None:
        number = len(dataset)
        others = load_dataset(kind, path, split=without_twins_of, keep_unlabelled=True, **options)
        dataset = dataset.without_twins_of(others, unreadable=unreadable)
        words.append(
            f"without the {number - len(dataset):,} of {number:,} pictures that are also in {without_twins_of}"
        )
    return Selection(dataset, ", ".join(words))


def reader_options(label_set: str | None) -> dict[str, Any]:
    """Return the options of a reader; those of most kinds have no label set of the user's choice, and refuse one."""
    return {} if label_set is None else {"label_set": label_set}


def find_calibration_split(kind: str, path: Path) -> str:
    """Return the part to calibrate on where none is named: validation, or all of data that have no parts.

    Args:
        kind: what the data set is.
        path: where it is.

    Raises:
        InvalidOptionError: if the data have parts, and none for validation.
        FerZooError: if the data set is not there, or not as it should be; the message says what.
    """
    found = open_reader(kind, path).find_splits()
    if found != (ALL,) and CALIBRATION_SPLIT not in found:
        expected = (
            f"the part to calibrate on, as there is no {CALIBRATION_SPLIT} part; there is: {', '.join(found)}. Choose "
            "one that the model was not trained on and is not compared with others on"
        )
        raise InvalidOptionError("--split", None, expected)
    return ALL if found == (ALL,) else CALIBRATION_SPLIT


__all__ = [
    "CALIBRATION_SPLIT",
    "PREFERRED_SPLITS",
    "Selection",
    "find_calibration_split",
    "reader_options",
    "select_pictures",
]
