"""Reading what lies beside the pictures: lists, tables and folders of classes."""

from __future__ import annotations

import csv
import errno
from collections.abc import Callable, Iterator
from os import scandir
from pathlib import Path
from typing import Final

from fer_zoo.datasets.sample import Sample
from fer_zoo.errors import AnnotationError, ImageReadError
from fer_zoo.imaging import find_pictures

SPLIT_WORDS: Final = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}
"""The names of splits that data sets use, lower case, with the name that they have here."""


def read_lines(file: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines of a text file with their numbers, from 1.

    Raises:
        AnnotationError: the file is not text in UTF-8.
    """
    try:
        with file.open(encoding="utf-8-sig") as lines:
            for number, text in enumerate(lines, start=1):
                yield number, text.rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise AnnotationError(str(file), None, f"it is not text in UTF-8 ({error})") from error


def read_csv_rows(file: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows of a CSV file that are not blank, with the number of the line on which each ends, from 1.

    Raises:
        AnnotationError: the file is not text in UTF-8, or not CSV.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as lines:
            reader = csv.reader(lines)
            for row in reader:
                fields = [field.strip() for field in row]
                if any(fields):  # spreadsheets write rows that are only commas
                    yield reader.line_num, fields
    except (UnicodeDecodeError, csv.Error) as error:
        raise AnnotationError(str(file), None, f"it is not CSV in UTF-8 ({error})") from error


class KnownFiles:
    """Tells whether files exist by listing each folder once, which is far quicker than asking for every file."""

    def __init__(self) -> None:
        self._names: dict[Path, frozenset[str]] = {}

    def require(self, path: Path, source: Path, line: int | None) -> Path:
        """Return the path if there is such a file.

        Args:
            path: the file.
            source: the list that names it.
            line: where in the list, from 1.

        Raises:
            AnnotationError: there is none.
        """
        folder = path.parent
        if folder not in self._names:
            self._names[folder] = _names_in(folder)
        if path.name not in self._names[folder]:
            raise AnnotationError(str(source), line, f"it names the picture '{path}', which is not there")
        return path


def _names_in(folder: Path) -> frozenset[str]:
    """Return the names of what is in a folder; none if there is no such folder, or no path can be like that."""
    try:
        with scandir(folder) as entries:
            return frozenset(entry.name for entry in entries)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a null character
        return frozenset()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return frozenset()
        raise


def find_split_folders(root: Path) -> dict[str, Path]:
    """Return the folders named after a split, such as ``train`` or ``Val``, by the name that the split has here.

    Raises:
        AnnotationError: two folders mean the same split.
    """
    found: dict[str, Path] = {}
    for folder in sorted(root.iterdir()):
        split = SPLIT_WORDS.get(folder.name.lower())
        if split is not None and folder.is_dir():
            if split in found:
                raise AnnotationError(str(folder), None, f"'{found[split].name}' beside it means the same split")
            found[split] = folder
    return {split: found[split] for split in ("train", "validation", "test") if split in found}


def list_folders(folder: Path) -> list[Path]:
    """Return the folders in a folder by name, without hidden ones."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def pictures_below(folder: Path) -> list[Path]:
    """Return the pictures in a folder and below it, in the order of their names.

    Raises:
        ImageReadError: a folder cannot be looked into.
    """
    pictures: list[Path] = []
    for found in find_pictures(folder):
        if isinstance(found, ImageReadError):
            raise found
        pictures.append(found)
    return pictures


def read_class_folders(folder: Path, label_of: Callable[[Path], int | None]) -> tuple[Sample, ...]:
    """Return the pictures below the class folders of a folder.

    Args:
        folder: holds one folder a class.
        label_of: gives the class index of a class folder, or ``None`` if its pictures have no label; it raises if the
            folder stands for no class.
    """
    samples: list[Sample] = []
    for class_folder in list_folders(folder):
        label = label_of(class_folder)
        samples.extend(Sample(path, label) for path in pictures_below(class_folder))
    return tuple(samples)


__all__ = [
    "SPLIT_WORDS",
    "KnownFiles",
    "find_split_folders",
    "list_folders",
    "pictures_below",
    "read_class_folders",
    "read_csv_rows",
    "read_lines",
]
