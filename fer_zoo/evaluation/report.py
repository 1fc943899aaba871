"""The report of an evaluation, on paper and as a value."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from typing import Any, Self

from fer_zoo.errors import InvalidOptionError
from fer_zoo.evaluation.environment import Environment
from fer_zoo.evaluation.figures import FIGURE_FILES, draw_figures
from fer_zoo.evaluation.markdown import render_markdown
from fer_zoo.evaluation.metrics import Accuracy, ClassificationMetrics
from fer_zoo.whole_files import whole_folder

JSON_FILE, MARKDOWN_FILE = "evaluation.json", "evaluation.md"
REPORT_FILES = (JSON_FILE, MARKDOWN_FILE, *FIGURE_FILES)


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the pictures; the numbers but the first add up to it.

    Attributes:
        pictures: how many the data set has.
        evaluated: how many the metrics are of.
        missed: how many had no face for the detector.
        unreadable: how many could not be read and were skipped.
        dropped: how many show an expression that the model has no class for, by expression.
    """

    pictures: int
    evaluated: int
    missed: int
    unreadable: int
    dropped: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class MissedAsWrong:
    """Figures of all pictures, those in which the detector found no face being wrong.

    Attributes:
        accuracy: share of right answers, with its interval.
        balanced_accuracy: mean recall of the classes that are present.
    """

    accuracy: Accuracy
    balanced_accuracy: float


@dataclass(frozen=True, slots=True)
class EvaluationReport:
    """What :func:`~fer_zoo.evaluation.evaluate` returns.

    Attributes:
        model: what was measured.
        dataset: on which data.
        split: on which part of it.
        selection: which pictures of that part; empty for all.
        detector: name of the detector, or ``None`` for aligned crops.
        classes: the expressions that were compared, in the order of the data.
        ignored_classes: expressions of the model that the data lacks, left out before the softmax.
        temperature: what the logits were divided by.
        flip: whether the probabilities are means over each crop and its mirror image.
        counts: what became of the pictures.
        unreadable: why each picture that was skipped cannot be read.
        metrics: the figures; with a detector, of the pictures in which it found a face.
        missed_as_wrong: figures of all pictures; ``None`` for aligned crops.
        environment: where and when it was measured.
    """

    model: str
    dataset: str
    split: str
    selection: str
    detector: str | None
    classes: tuple[str, ...]
    ignored_classes: tuple[str, ...]
    temperature: float
    flip: bool
    counts: Counts
    unreadable: tuple[str, ...]
    metrics: ClassificationMetrics
    missed_as_wrong: MissedAsWrong | None
    environment: Environment

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, ready for JSON."""
        return {**asdict(self), "metrics": self.metrics.to_dict()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Return the report that :meth:`to_dict` gave, also after a way through JSON."""
        missed = values["missed_as_wrong"]
        return cls(
            **{
                **values,
                "classes": tuple(values["classes"]),
                "ignored_classes": tuple(values["ignored_classes"]),
                "unreadable": tuple(values["unreadable"]),
                "counts": Counts(**values["counts"]),
                "metrics": ClassificationMetrics.from_dict(values["metrics"]),
                "missed_as_wrong": missed and MissedAsWrong(**{**missed, "accuracy": Accuracy(**missed["accuracy"])}),
                "environment": Environment(**values["environment"]),
            }
        )

    def to_markdown(self) -> str:
        """Return the report as text with tables."""
        return render_markdown(self)

    def save(self, folder: str | PathLike[str]) -> None:
        """Write ``evaluation.json``, ``evaluation.md`` and the pictures that the latter shows.

        Args:
            folder: made if it does not exist.

        Raises:
            MissingPackageError: if matplotlib is not installed.
            InvalidOptionError: if the folder cannot be written to.
        """
        pictures = draw_figures(self)
        try:
            with whole_folder(folder) as destination:
                text = json.dumps(self.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
                texts = {JSON_FILE: f"{text}\n", MARKDOWN_FILE: self.to_markdown()}
                for name, content in texts.items():  # JSON reads the escapes of half characters as what they were
                    (destination / name).write_text(content, encoding="utf-8", errors="backslashreplace")
                for name, picture in pictures.items():
                    (destination / name).write_bytes(picture)
        except OSError as error:
            raise InvalidOptionError("folder", str(folder), f"a folder that can be written to ({error})") from error

    @classmethod
    def load(cls, folder: str | PathLike[str]) -> Self:
        """Read the report that :meth:`save` wrote.

        Args:
            folder: the folder, or the file ``evaluation.json``.

        Raises:
            InvalidOptionError: if there is none.
        """
        path = Path(folder)
        path = path / JSON_FILE if path.is_dir() else path
        try:
            return cls.from_dict(json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            expected = f"a folder with the file {JSON_FILE} of an evaluation ({type(error).__name__}: {error})"
            raise InvalidOptionError("folder", str(folder), expected) from error


__all__ = ["JSON_FILE", "MARKDOWN_FILE", "REPORT_FILES", "Counts", "EvaluationReport", "MissedAsWrong"]
