"""What every kind of data set has: a card that says what it is, and a reader that knows its layout."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Final, NamedTuple

from fer_zoo.datasets.files import SPLIT_WORDS
from fer_zoo.datasets.sample import Sample
from fer_zoo.errors import AnnotationError, DatasetLayoutError, UnknownNameError
from fer_zoo.labels import Expression, LabelSet, get_label_set, parse_expression

ALL: Final = "all"
"""The split of data that is not split, and of all splits together."""


@dataclass(frozen=True, slots=True)
class DatasetCard:
    """What a kind of data set is and where it comes from.

    Attributes:
        name: its one name here.
        title: its usual name.
        paper: where it was published; empty for one's own data.
        homepage: where it is handed out; empty for one's own data.
        terms: under which terms, in short.
        layout: how the folder looks, as a tree of lines.
        splits: the splits that were published; ``("all",)`` if it has none.
        label_set_name: its label set; ``None`` if the data decide.
        counts: the published number of pictures of each split; several where releases differ.
    """

    name: str
    title: str
    paper: str
    homepage: str
    terms: str
    layout: str
    splits: tuple[str, ...]
    label_set_name: str | None = None
    counts: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    @property
    def source(self) -> str:
        """Where the data come from, as a sentence."""
        if not self.homepage:
            return "These are pictures of your own."
        return f"The data come from {self.homepage} ({self.paper}). Terms: {self.terms}."


class SplitSamples(NamedTuple):
    """What was read of a split.

    Attributes:
        samples: its pictures, with or without a label.
        num_left_out: how many more the split lists that are none of the classes, such as "no face".
    """

    samples: tuple[Sample, ...]
    num_left_out: int = 0


class DatasetReader(ABC):
    """Reads one kind of data set.

    Args:
        root: the folder that holds the data.

    Raises:
        DatasetLayoutError: it is not there, or looks different.
    """

    card: ClassVar[DatasetCard]

    def __init__(self, root: Path) -> None:
        self.root = root
        if not root.is_dir():
            raise self.layout_error("there is no such folder")

    @cached_property
    def label_set(self) -> LabelSet:
        """The classes and their order."""
        if self.card.label_set_name is None:
            raise NotImplementedError(f"{type(self).__name__} takes its label set from the data")
        return get_label_set(self.card.label_set_name)

    @abstractmethod
    def find_splits(self) -> tuple[str, ...]:
        """Return the splits that are there; ``("all",)`` if the data are not split.

        Raises:
            DatasetLayoutError: there is none.
        """

    @abstractmethod
    def read_split(self, split: str) -> SplitSamples:
        """Return the pictures of a split that is there.

        Raises:
            AnnotationError: a row is broken, names a picture that is not there, or has a label outside the set.
        """

    def describe_split(self, split: str) -> str:
        """Return what a split consists of, for the message that it is missing."""
        return f"the folder '{split}'"

    def expected_counts(self, split: str) -> tuple[int, ...]:
        """Return the numbers of pictures that a split may have as published; empty if that is not known."""
        return tuple(self.card.counts.get(split, ()))

    def choose_splits(self, split: str | None) -> tuple[str, ...]:
        """Return the splits to read.

        Args:
            split: a split by any of its usual names; ``None`` or ``"all"`` for every one that is there.

        Raises:
            UnknownNameError: there is never such a split.
            DatasetLayoutError: the split is not there.
        """
        found = self.find_splits()
        if split is None or split == ALL:
            return found
        name = SPLIT_WORDS.get(split.lower(), split)
        if name in found:
            return (name,)
        if name not in self.card.splits:
            raise UnknownNameError(f"split of {self.card.name}", split, {ALL, *self.card.splits})
        raise self.layout_error(
            f"the split {name!r} is missing, {self.describe_split(name)}; there is: {', '.join(found)}"
        )

    def layout_error(self, problem: str) -> DatasetLayoutError:
        """Return the error for data that are missing or look different."""
        return DatasetLayoutError(self.card.name, str(self.root), problem, self.card.layout, self.card.source)

    def label_of_word(self, word: str, source: Path, line: int | None = None) -> int:
        """Return the class index of a word.

        Args:
            word: for example ``Happy``.
            source: the file or folder that has the word.
            line: where in the file, from 1.

        Raises:
            AnnotationError: the word is no expression, or one that the label set lacks.
        """
        return class_index(expression_of(word, source, line), self.label_set, source, line)


def expression_of(word: str, source: Path, line: int | None = None) -> Expression:
    """Return the expression that a word of a file or folder means.

    Raises:
        AnnotationError: it means none.
    """
    try:
        return parse_expression(word)
    except UnknownNameError as error:
        raise AnnotationError(str(source), line, str(error).removesuffix(".")) from error


def class_index(expression: Expression, label_set: LabelSet, source: Path, line: int | None = None) -> int:
    """Return the class index of an expression that a file or folder has.

    Raises:
        AnnotationError: the label set lacks it.
    """
    if expression not in label_set:
        known = ", ".join(label_set)
        raise AnnotationError(str(source), line, f"{expression!s} is no class of {label_set.name!r} ({known})")
    return label_set.index(expression)


__all__ = ["ALL", "DatasetCard", "DatasetReader", "SplitSamples", "class_index", "expression_of"]
