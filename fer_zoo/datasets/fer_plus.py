"""FER+: the pictures of FER2013 with the votes of ten people each."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final

from fer_zoo.datasets.files import KnownFiles, read_csv_rows
from fer_zoo.datasets.reader import DatasetCard, DatasetReader, SplitSamples
from fer_zoo.datasets.sample import Sample, majority
from fer_zoo.errors import AnnotationError

NUM_CLASSES: Final = 8
NUM_COLUMNS: Final = 10  # the classes, then "unknown" and "NF", not a face
FOLDERS: Final = {"train": "FER2013Train", "validation": "FER2013Valid", "test": "FER2013Test"}

ENOUGH_VOTES: Final = 0.75  # share of the votes at which the release stops adding classes
MOST_CLASSES: Final = 3  # classes of one picture; a picture with more is left out


class FerPlusReader(DatasetReader):
    """Reads the folders of the public release, each with its ``label.csv``.

    The label is the majority of the release: see :func:`majority_label`. The votes are those that its cross-entropy and
    probability modes keep: see :func:`kept_votes`. A picture may have votes and no majority, but never the reverse.
    """

    card: ClassVar[DatasetCard] = DatasetCard(
        name="fer_plus",
        title="FER+",
        paper="Barsoum et al., ICMI 2016",
        homepage="https://github.com/microsoft/FERPlus",
        terms="labels MIT; the pictures are those of FER2013, which have no licence",
        layout=(
            'FER2013Train/label.csv        rows of name, box and ten votes: fer0000000.png,"(0, 0, 48, 48)",4,0,0,...\n'
            "FER2013Train/fer0000000.png\n"
            "FER2013Valid/label.csv, ...\n"
            "FER2013Test/label.csv, ..."
        ),
        splits=("train", "validation", "test"),
        label_set_name="fer_plus",
        counts={"train": (28_558,), "validation": (3_579,), "test": (3_573,)},
    )

    def find_splits(self) -> tuple[str, ...]:
        """Return the splits that have a ``label.csv``."""
        found = tuple(split for split, folder in FOLDERS.items() if (self.root / folder / "label.csv").is_file())
        if not found:
            raise self.layout_error("none of its folders has a 'label.csv'")
        return found

    def read_split(self, split: str) -> SplitSamples:
        """Return all pictures of a split, those without a majority too."""
        folder, files = self.root / FOLDERS[split], KnownFiles()
        file = folder / "label.csv"
        samples = []
        for line, row in read_csv_rows(file):
            votes = _read_votes(row, file, line)
            path = files.require(folder / row[0], file, line)
            samples.append(Sample(path, majority_label(votes), kept_votes(votes)))
        return SplitSamples(tuple(samples))

    def describe_split(self, split: str) -> str:
        """Return the file of a split."""
        return f"'{FOLDERS[split]}/label.csv'"


def majority_label(votes: Sequence[float]) -> int | None:
    """Return the class that the release's majority mode gives a picture.

    Single votes are taken for mistakes and dropped. A column needs more than half of the rest, and must be a class.

    Args:
        votes: ten numbers: the classes in the order of the label set, unknown, not a face.

    Returns:
        The class index, or ``None`` if no column has the majority or it is none of the classes.
    """
    label = majority(_without_single_votes(votes))
    return label if label is not None and label < NUM_CLASSES else None


def kept_votes(votes: Sequence[float]) -> tuple[float, ...] | None:
    """Return the votes that the release keeps for the modes that learn from a distribution.

    Single votes are dropped. Then columns are taken from the largest down, equal ones together, until three columns or
    three quarters of the votes are reached. If unknown or not a face is reached after a class, it is dropped and the
    taking ends; if it comes first, the picture is left out. So is one with more than three columns, or with half of the
    votes or less. The release divides what is kept by its sum; here it stays numbers of votes.

    Args:
        votes: ten numbers: the classes in the order of the label set, unknown, not a face.

    Returns:
        The eight votes, or ``None`` if the picture is left out.
    """
    votes = _without_single_votes(votes)
    total, kept = sum(votes), [0.0] * NUM_CLASSES
    num_taken = 0
    for count in sorted(set(votes) - {0.0}, reverse=True):
        if sum(kept) >= ENOUGH_VOTES * total or num_taken >= MOST_CLASSES:
            break
        columns = [column for column, value in enumerate(votes) if value == count]
        classes = [column for column in columns if column < NUM_CLASSES]
        for column in classes:
            kept[column] = count
        num_taken += len(classes)
        if classes != columns:
            break
    is_clear = sum(kept) > total / 2 and num_taken <= MOST_CLASSES
    return tuple(kept) if is_clear else None


def _without_single_votes(votes: Sequence[float]) -> list[float]:
    """Return the votes with those of 1 or less set to 0."""
    return [float(count) if count > 1 else 0.0 for count in votes]


def _read_votes(row: list[str], file: Path, line: int) -> list[float]:
    """Return the ten votes of a row."""
    expected = 2 + NUM_COLUMNS
    if len(row) != expected:
        raise AnnotationError(str(file), line, f"expected {expected} fields (name, box, ten votes), found {len(row)}")
    try:
        votes = [float(field) for field in row[2:]]
    except ValueError as error:
        raise AnnotationError(str(file), line, f"a vote is not a number ({error})") from error
    if any(count < 0 or not math.isfinite(count) for count in votes):
        raise AnnotationError(str(file), line, "a vote is below 0 or not finite")
    return votes


__all__ = ["FerPlusReader", "kept_votes", "majority_label"]
