"""What became of every picture of a folder that crops are made from: a report that outlives an interruption.

Two files stand beside the crops: ``crop_options.json`` with all that decides what the crops look like, and
``crop_report.jsonl`` with one JSON object a line for each picture.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Final, Literal

from fer_zoo.errors import AnnotationError, InvalidOptionError
from fer_zoo.imaging import CropTemplate
from fer_zoo.results import Face

OPTIONS_FILE: Final = "crop_options.json"
REPORT_FILE: Final = "crop_report.jsonl"

Status = Literal["cropped", "no face", "unreadable"]


@dataclass(frozen=True, slots=True)
class CroppedFace:
    """A face and its crop.

    Attributes:
        crop: path of the crop, relative to the folder of crops, with forward slashes.
        face: where the face is in the photograph.
    """

    crop: str
    face: Face

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, under the names that pipelines use."""
        return {"crop": self.crop, **self.face.to_dict()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> CroppedFace:
        """Read what :meth:`to_dict` gave."""
        return cls(values["crop"], Face.from_dict(values))


@dataclass(frozen=True, slots=True)
class CropRow:
    """What became of one picture.

    Attributes:
        image: path of the photograph, relative to the source folder, with forward slashes.
        stem: path of its crops without the number of the face and without the ending; no other picture has it.
        width: width of the photograph in pixels; 0 if it could not be read.
        height: height of the photograph in pixels; 0 if it could not be read.
        num_faces: how many faces were found, cropped or not.
        crops: the faces that were cropped; empty if there is none.
        error: why the photograph gave no answer, or ``None``.
    """

    image: str
    stem: str
    width: int = 0
    height: int = 0
    num_faces: int = 0
    crops: tuple[CroppedFace, ...] = ()
    error: str | None = None

    @property
    def status(self) -> Status:
        """What became of the picture, in a word or two."""
        if self.error is not None:
            return "unreadable"
        return "cropped" if self.crops else "no face"

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, ready for JSON."""
        return {
            "image": self.image,
            "status": self.status,
            "stem": self.stem,
            "width": self.width,
            "height": self.height,
            "num_faces": self.num_faces,
            "crops": [crop.to_dict() for crop in self.crops],
            "error": self.error,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> CropRow:
        """Read what :meth:`to_dict` gave."""
        fields = {name: value for name, value in values.items() if name != "status"}
        return cls(**{**fields, "crops": tuple(map(CroppedFace.from_dict, values["crops"]))})


@dataclass(frozen=True, slots=True)
class CropSummary:
    """The figures of a whole report, with what earlier runs did.

    Attributes:
        report: path of the report.
        num_cropped: pictures with at least one crop.
        num_crops: crops.
        num_without_face: pictures in which no face was found.
        num_unreadable: pictures that gave no answer.
        num_done_before: pictures that an earlier run had finished, part of the figures above.
    """

    report: Path
    num_cropped: int
    num_crops: int
    num_without_face: int
    num_unreadable: int
    num_done_before: int

    @property
    def num_pictures(self) -> int:
        """All pictures of the report."""
        return self.num_cropped + self.num_without_face + self.num_unreadable

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, ready for JSON."""
        return {
            "report": str(self.report),
            "num_pictures": self.num_pictures,
            "num_cropped": self.num_cropped,
            "num_crops": self.num_crops,
            "num_without_face": self.num_without_face,
            "num_unreadable": self.num_unreadable,
            "num_done_before": self.num_done_before,
        }


def read_crop_report(destination: str | PathLike[str]) -> Iterator[CropRow]:
    """Read the report of a folder of crops, row by row.

    A line that is no row, such as the half of one that a killed run leaves at the end, is passed over: the picture it
    was about is not finished.

    Args:
        destination: the folder of crops.

    Raises:
        FileNotFoundError: if there is no report.
    """
    return read_rows(Path(destination) / REPORT_FILE)


def read_crop_template(destination: str | PathLike[str]) -> CropTemplate | None:
    """Return how the crops of a folder are framed.

    Args:
        destination: the folder of crops.

    Returns:
        the template, or ``None`` if the folder was not made by :func:`fer_zoo.pipelines.crop_folder`.

    Raises:
        AnnotationError: if the file that says it cannot be understood.
    """
    path = Path(destination) / OPTIONS_FILE
    try:
        return CropTemplate.from_dict(json.loads(path.read_bytes())["crop_template"])
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError, TypeError, LookupError, RecursionError, InvalidOptionError) as error:
        raise AnnotationError(str(path), None, f"it does not say how crops are framed ({error})") from error


def read_rows(path: Path) -> Iterator[CropRow]:
    """Yield the rows of a report file."""
    with path.open("rb") as file:
        for line in file:
            try:
                yield CropRow.from_dict(json.loads(line))
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
                continue


def encode_row(row: CropRow) -> bytes:
    """Return the line of a row; names that are no valid Unicode are escaped, and come back as they were."""
    return (json.dumps(row.to_dict()) + "\n").encode("ascii")


__all__ = [
    "OPTIONS_FILE",
    "REPORT_FILE",
    "CropRow",
    "CropSummary",
    "CroppedFace",
    "Status",
    "encode_row",
    "read_crop_report",
    "read_crop_template",
    "read_rows",
]
