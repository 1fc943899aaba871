"""The three forms in which AffectNet goes round: annotation files, the original lists, and folders of classes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Final

import numpy as np

from fer_zoo.datasets.files import KnownFiles, find_split_folders, list_folders, pictures_below, read_csv_rows
from fer_zoo.datasets.reader import SplitSamples, expression_of
from fer_zoo.datasets.sample import BoxPart, Sample
from fer_zoo.errors import AnnotationError
from fer_zoo.labels import LabelSet, get_label_set

CODES: Final = get_label_set("affectnet_8")
NUM_CODES: Final = 11  # the expressions, then none, uncertain and no face

CLASS_FOLDERS: Final = {"train": "train_class", "validation": "val_class"}
SET_FOLDERS: Final = {"train": "train_set", "validation": "val_set"}
LIST_FILES: Final = {"train": "training.csv", "validation": "validation.csv"}
LIST_FOLDERS: Final = ("", "Manually_Annotated_file_lists", "Manually_Annotated/Manually_Annotated_file_lists")
PICTURE_FOLDERS: Final = ("Manually_Annotated_Images", "Manually_Annotated/Manually_Annotated_Images")
LIST_COLUMNS: Final = (
    *("subDirectory_filePath", "face_x", "face_y", "face_width", "face_height", "facial_landmarks"),
    *("expression", "valence", "arousal"),
)
MAX_CODE_BYTES: Final = 4096  # of an array file with one value; the header is 128
_CLASS_NUMBER: Final = re.compile(r"class(\d{3})")  # class001 is code 0


@dataclass(frozen=True, slots=True)
class AffectNetForm:
    """A form of the data that was found.

    Attributes:
        places: the folder or file of each split that is there.
        read: reads one of them.
    """

    places: Mapping[str, Path]
    read: Callable[[Path, LabelSet], SplitSamples]


def find_annotation_folders(root: Path) -> AffectNetForm | None:
    """Return the form with one ``.npy`` file for each picture, if it is there."""
    places = {split: root / name for split, name in SET_FOLDERS.items() if (root / name / "annotations").is_dir()}
    return AffectNetForm(places, _read_annotations) if places else None


def find_lists(root: Path) -> AffectNetForm | None:
    """Return the form with ``training.csv`` and ``validation.csv``, if it is there."""
    for folder in LIST_FOLDERS:
        places = {split: root / folder / name for split, name in LIST_FILES.items() if (root / folder / name).is_file()}
        if places:
            pictures = next((root / name for name in PICTURE_FOLDERS if (root / name).is_dir()), root)
            return AffectNetForm(places, partial(_read_list, pictures=pictures))
    return None


def find_class_folders(root: Path) -> AffectNetForm | None:
    """Return the form with a folder for each class, if it is there."""
    named = {split: root / name for split, name in CLASS_FOLDERS.items() if (root / name).is_dir()}
    places = {**find_split_folders(root), **named}
    return AffectNetForm(places, _read_classes) if places else None


def _read_annotations(folder: Path, label_set: LabelSet) -> SplitSamples:
    """Read ``annotations/12_exp.npy``, each a code as text or number, for ``images/12.jpg``."""
    files = KnownFiles()
    found: list[Sample | None] = []
    for file in sorted((folder / "annotations").glob("*_exp.npy")):
        picture = folder / "images" / f"{file.name.removesuffix('_exp.npy')}.jpg"
        try:
            code = _read_code(file)
        except Exception as error:  # numpy takes the header for Python, and raises what that raises
            raise AnnotationError(str(file), None, f"it holds no single number ({error})") from error
        index = _index(code, label_set, file, None)
        found.append(None if index is None else Sample(files.require(picture, file, None), index))
    if not found:
        raise AnnotationError(str(folder / "annotations"), None, "it has no files that end in '_exp.npy'")
    return _keep_classes(found)


def _read_code(file: Path) -> str:
    """Return the one value in an array file, which is too small for an array that fills the memory."""
    with file.open("rb") as content:
        array = np.lib.format.read_array(BytesIO(content.read(MAX_CODE_BYTES)), allow_pickle=False)
    return str(array.item())


def _read_list(file: Path, label_set: LabelSet, pictures: Path) -> SplitSamples:
    """Read a list of the original release; that of the validation set has no header."""
    rows, files = read_csv_rows(file), KnownFiles()
    columns = {name: index for index, name in enumerate(LIST_COLUMNS)}
    found: list[Sample | None] = []
    for line, row in rows:
        if line == 1 and "expression" in row:
            columns = {name: index for index, name in enumerate(row)}
            missing = [name for name in (*LIST_COLUMNS[:5], "expression") if name not in columns]
            if missing:
                raise AnnotationError(str(file), line, f"the columns {', '.join(missing)} are missing")
            if len(columns) < len(row):
                raise AnnotationError(str(file), line, "the header names a column twice")
            continue
        if len(row) != len(columns):
            raise AnnotationError(str(file), line, f"expected {len(columns)} fields, found {len(row)}")
        index = _index(row[columns["expression"]], label_set, file, line)
        if index is None:  # the pictures of the other codes need not be there
            found.append(None)
            continue
        path = files.require(pictures / row[columns["subDirectory_filePath"]], file, line)
        found.append(Sample(path, index, part=_read_box(row, columns, file, line)))
    return _keep_classes(found)


def _read_classes(folder: Path, label_set: LabelSet) -> SplitSamples:
    """Read folders named ``0`` to ``7``, ``class001`` to ``class008``, or by word."""
    found: list[Sample | None] = []
    for class_folder in list_folders(folder):
        name = class_folder.name
        match = _CLASS_NUMBER.fullmatch(name)
        if match:
            name = str(int(match[1]) - 1)
        code = name if name.lstrip("-").isdecimal() else str(CODES.index(expression_of(name, class_folder)))
        index = _index(code, label_set, class_folder, None)
        found.extend(None if index is None else Sample(path, index) for path in pictures_below(class_folder))
    return _keep_classes(found)


def _read_box(row: list[str], columns: Mapping[str, int], file: Path, line: int) -> BoxPart:
    """Return the box of the face."""
    try:
        left, top, width, height = (int(float(row[columns[name]])) for name in LIST_COLUMNS[1:5])
    except (ValueError, OverflowError) as error:
        raise AnnotationError(str(file), line, f"the box of the face is not four numbers ({error})") from error
    if width < 1 or height < 1:
        raise AnnotationError(str(file), line, f"the box of the face is {width} x {height} pixels")
    return BoxPart(left, top, left + width, top + height)


def _index(text: str, label_set: LabelSet, source: Path, line: int | None) -> int | None:
    """Return the class index of a code, or ``None`` if it is one of AffectNet but not of the label set."""
    try:
        code = int(text)
    except ValueError as error:
        raise AnnotationError(str(source), line, f"the expression {text!r} is not a number") from error
    if not 0 <= code < NUM_CODES:
        raise AnnotationError(str(source), line, f"the expression {code} is not in 0 to {NUM_CODES - 1}")
    expression = CODES.classes[code] if code < len(CODES) else None
    return label_set.index(expression) if expression in label_set and expression is not None else None


def _keep_classes(found: Sequence[Sample | None]) -> SplitSamples:
    """Count the pictures that are none of the classes, which stand as ``None``, and return the others."""
    kept = tuple(sample for sample in found if sample is not None)
    return SplitSamples(kept, len(found) - len(kept))


__all__ = ["AffectNetForm", "find_annotation_folders", "find_class_folders", "find_lists"]
