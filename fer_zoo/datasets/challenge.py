"""Lists of the test pictures with occluded or turned faces.

K. Wang et al., "Region attention networks for pose and occlusion robust facial expression recognition", IEEE TIP 29
(2020) 4057-4069, sorted test pictures of RAF-DB, AffectNet and FER+ by hand (occlusion) and by head pose (beyond 30 and
45 degrees). The lists are at https://github.com/kaiwang960112/Challenge-condition-FER-dataset, in five forms:

    ==================================== ================================================
    line                                 of
    ==================================== ================================================
    ``test_0003_aligned 3 4``            RAF-DB, occlusion: name, label, type
    ``4/test_0006_aligned.jpg``          RAF-DB, pose: label, name
    ``1_fer0034656.png 8 0``             FER+, occlusion: label and name, two more columns
    ``0/fer0032226.jpg``                 FER+ and AffectNet, pose: label, name
    ``val/0/bc9ad400db82eca1882b/``      AffectNet, occlusion: split, label, name
    ==================================== ================================================

Endings differ from those of the data (``.jpg`` for the PNG files of FER+), so names are compared without them. Labels
are class indices of the data set's own label set.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path, PurePosixPath

from fer_zoo.datasets.files import read_lines
from fer_zoo.datasets.sample import Sample
from fer_zoo.errors import AnnotationError, DatasetLayoutError, DatasetWarning, InvalidOptionError
from fer_zoo.imaging import PICTURE_SUFFIXES

SHOWN = 5  # names that a message lists

MAX_DIGITS = 10  # of a label; int() refuses some thousand
_FER_PLUS_NAME = re.compile(r"(?P<label>\d)_(?P<name>fer\d+)")


@dataclass(frozen=True, slots=True)
class ChallengeEntry:
    """One line of a challenge list.

    Attributes:
        name: file name without folder, label and ending.
        label: class index that the list gives, if it gives one.
        columns: what follows the name, as text.
    """

    name: str
    label: int | None = None
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ChallengeList:
    """The pictures of a data set that are hard in one way.

    Attributes:
        name: the list by the name of its file, without ending.
        entries: its lines.
    """

    name: str
    entries: tuple[ChallengeEntry, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The file names, each once, in the order of the list."""
        return tuple(dict.fromkeys(entry.name for entry in self.entries))

    def __len__(self) -> int:
        """Return the number of lines."""
        return len(self.entries)

    def __iter__(self) -> Iterator[ChallengeEntry]:
        """Iterate over the lines."""
        return iter(self.entries)


def read_challenge_list(path: str | PathLike[str]) -> ChallengeList:
    """Read a list in any of the forms above, or a plain list of file names; empty lines do not count.

    Raises:
        DatasetLayoutError: there is no such file.
        AnnotationError: the file is no text, a line has no name, or there is no line at all.
    """
    file = Path(path)
    if not file.is_file():
        raise DatasetLayoutError(
            "challenge list",
            str(file),
            "there is no such file",
            "test_0003_aligned 3 4\n4/test_0006_aligned.jpg\n1_fer0034656.png 8 0",
            "The lists come from https://github.com/kaiwang960112/Challenge-condition-FER-dataset.",
        )
    entries = tuple(_parse(text, file, line) for line, text in read_lines(file) if text.strip())
    if not entries:
        raise AnnotationError(str(file), None, "it has no lines")
    return ChallengeList(file.stem, entries)


def match_challenge(challenge: ChallengeList, samples: Sequence[Sample], dataset: str) -> list[int]:
    """Return the indices of the samples that a list names; see ``ExpressionDataset.select_challenge``."""
    places: dict[str, list[int]] = {}
    for index, sample in enumerate(samples):
        places.setdefault(sample.path.stem, []).append(index)
    names = challenge.names
    ambiguous = [name for name in names if len(places.get(name, ())) > 1]
    if ambiguous:
        expected = f"names that occur once in {dataset}; several pictures are called {', '.join(ambiguous[:SHOWN])}"
        raise InvalidOptionError("challenge", challenge.name, expected)
    missing = [name for name in names if name not in places]
    if len(missing) == len(names):
        expected = f"a list of pictures of {dataset}, which has none of its {len(names)} names ({missing[0]}, ...)"
        raise InvalidOptionError("challenge", challenge.name, expected)
    if missing:
        shown = ", ".join(missing[:SHOWN]) + (", ..." if len(missing) > SHOWN else "")
        message = f"{len(missing)} of the {len(names)} pictures of {challenge.name} are not in {dataset}: {shown}."
        warnings.warn(DatasetWarning(message), stacklevel=3)
    return [places[name][0] for name in names if name in places]


def _parse(text: str, file: Path, line: int) -> ChallengeEntry:
    """Take a line apart."""
    first, *columns = text.replace(",", " ").split() or [""]
    *folders, last = [part for part in first.replace("\\", "/").split("/") if part] or [""]
    ending = PurePosixPath(last).suffix
    name = last.removesuffix(ending) if ending.lower() in PICTURE_SUFFIXES else last
    if not name:
        raise AnnotationError(str(file), line, "it has no file name")
    if match := _FER_PLUS_NAME.fullmatch(name):
        return ChallengeEntry(match["name"], int(match["label"]), tuple(columns))
    numbers = [word for word in (*folders[-1:], *columns[:1]) if word.isdecimal() and len(word) < MAX_DIGITS]
    return ChallengeEntry(name, int(numbers[0]) if numbers else None, tuple(columns))


__all__ = ["ChallengeEntry", "ChallengeList", "match_challenge", "read_challenge_list"]
