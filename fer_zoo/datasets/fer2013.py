"""FER2013, as the CSV file of the contest or as folders."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Final

from fer_zoo.datasets.files import find_split_folders, read_class_folders
from fer_zoo.datasets.reader import DatasetCard, DatasetReader, SplitSamples
from fer_zoo.datasets.sample import FER2013_SIZE, RowPart, Sample
from fer_zoo.errors import AnnotationError

FILES: Final = ("fer2013.csv", "icml_face_data.csv")
USAGES: Final = {"Training": "train", "PublicTest": "validation", "PrivateTest": "test"}


class Fer2013Reader(DatasetReader):
    """Reads ``fer2013.csv``, the folder that holds it, or folders of classes.

    The public test set of the contest is the validation split, the private one the test split. The folders that go
    round have both in ``test``.
    """

    card: ClassVar[DatasetCard] = DatasetCard(
        name="fer2013",
        title="FER2013",
        paper="Goodfellow et al., ICONIP 2013",
        homepage="https://www.kaggle.com/c/challenges-in-representation-learning-facial-expression-recognition-challenge",
        terms="no licence, research use; the pictures were collected with an image search",
        layout=(
            "fer2013.csv                   columns emotion, pixels, Usage\n"
            "or\n"
            "train/angry/*.jpg, train/disgust/*.jpg, ...\n"
            "test/angry/*.jpg, ..."
        ),
        splits=("train", "validation", "test"),
        label_set_name="fer2013",
        counts={"train": (28_709,), "validation": (3_589,), "test": (3_589, 7_178)},
    )

    def __init__(self, root: Path) -> None:
        if root.is_file():
            self.root = root
        else:
            super().__init__(root)

    @cached_property
    def _file(self) -> Path | None:
        """The CSV file, or ``None`` if the pictures lie in folders."""
        if self.root.is_file():
            return self.root
        return next((self.root / name for name in FILES if (self.root / name).is_file()), None)

    @cached_property
    def _rows(self) -> dict[str, list[Sample]]:
        """The samples of the CSV file by split."""
        samples: dict[str, list[Sample]] = {}
        if self._file is not None:
            for split, sample in _read_rows(self._file, len(self.label_set)):
                samples.setdefault(split, []).append(sample)
        return samples

    @cached_property
    def _folders(self) -> dict[str, Path]:
        """The split folders, where there is no CSV file."""
        return find_split_folders(self.root)

    def find_splits(self) -> tuple[str, ...]:
        """Return the splits of the file, or the folders."""
        there = self._folders if self._file is None else self._rows
        if self._file is None and not there:
            raise self.layout_error(
                f"there is neither {' nor '.join(FILES)}, and there are no folders 'train' and 'test'"
            )
        if not there:
            raise self.layout_error(f"'{self._file}' has no rows")
        return tuple(split for split in self.card.splits if split in there)

    def read_split(self, split: str) -> SplitSamples:
        """Return the pictures of a split."""
        if self._file is not None:
            return SplitSamples(tuple(self._rows[split]))
        folder = self._folders[split]
        return SplitSamples(read_class_folders(folder, lambda path: self.label_of_word(path.name, path)))

    def describe_split(self, split: str) -> str:
        """Return what a split consists of."""
        if self._file is None:
            return super().describe_split(split)
        usage = next(usage for usage, name in USAGES.items() if name == split)
        return f"no row has the usage '{usage}'"


def _read_rows(file: Path, num_classes: int) -> Iterator[tuple[str, Sample]]:
    """Yield the rows of the CSV file with their splits; pictures are counted, and decoded only when they are needed."""
    with file.open("rb") as lines:
        columns = _read_header(lines.readline(), file)
        offset = lines.tell()
        for number, text in enumerate(lines, start=2):
            row = _split(text, file, number)
            if any(map(str.strip, row)):  # spreadsheets write rows that are only commas
                yield _read_row(row, columns, RowPart(number, offset, columns["pixels"]), file, num_classes)
            offset += len(text)


def _split(text: bytes, file: Path, line: int) -> list[str]:
    """Return the fields of a line."""
    try:
        return next(csv.reader([text.decode("utf-8", "replace").strip()]), [])
    except csv.Error as error:  # a field of enormous length, a carriage return in the middle
        raise AnnotationError(str(file), line, f"it is not CSV ({error})") from error


def _read_header(text: bytes, file: Path) -> dict[str, int]:
    """Return the place of every column."""
    names = [name.strip().lower() for name in text.decode("utf-8-sig", "replace").split(",")]
    missing = {"emotion", "pixels", "usage"}.difference(names)
    if missing:
        raise AnnotationError(str(file), 1, f"the columns emotion, pixels, Usage are needed, {sorted(missing)} missing")
    return {name: index for index, name in enumerate(names)}


def _read_row(
    row: list[str], columns: dict[str, int], part: RowPart, file: Path, num_classes: int
) -> tuple[str, Sample]:
    """Return the split and the sample of a row."""
    if len(row) != len(columns):
        raise AnnotationError(str(file), part.line, f"expected {len(columns)} fields, found {len(row)}")
    emotion, usage = row[columns["emotion"]].strip(), row[columns["usage"]].strip()
    if not emotion.isdecimal() or len(emotion) > 1 or int(emotion) >= num_classes:
        raise AnnotationError(str(file), part.line, f"the emotion {emotion[:20]!r} is not in 0 to {num_classes - 1}")
    if usage not in USAGES:
        raise AnnotationError(str(file), part.line, f"the usage {usage!r} is none of {', '.join(USAGES)}")
    num_pixels = len(row[part.column].split())
    if num_pixels != FER2013_SIZE**2:
        raise AnnotationError(str(file), part.line, f"it has {num_pixels} pixels, expected {FER2013_SIZE**2}")
    return USAGES[usage], Sample(file, int(emotion), part=part)


__all__ = ["Fer2013Reader"]
