"""A CSV or Parquet file that names pictures and their labels or votes."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import ClassVar, Final

from fer_zoo.datasets.files import SPLIT_WORDS, KnownFiles, read_csv_rows
from fer_zoo.datasets.reader import ALL, DatasetCard, DatasetReader, SplitSamples, class_index, expression_of
from fer_zoo.datasets.sample import Sample, majority
from fer_zoo.errors import AnnotationError, MissingPackageError, UnknownNameError
from fer_zoo.labels import Expression, LabelSet, get_label_set, parse_expression

PARQUET: Final = frozenset({".parquet", ".pq"})

_COLUMNS: Final = ("path", "label", "split")

_INDEX: Final = re.compile(r"\d{1,9}")  # int() refuses some thousand digits
_WHOLE: Final = re.compile(r"(-?\d+)\.0+")  # what pandas makes of whole numbers in a column with empty fields

Rows = tuple[tuple[int, Mapping[str, str]], ...]


class TableReader(DatasetReader):
    """Reads a table with the column ``path``, and ``label`` or one column of votes for each class.

    Paths are relative to the table. A label is a word for an expression, or a class index if a label set is given; an
    empty field is a picture without a label. Where there are only votes, the label is the class with more than half of
    them. Case does not matter in the names of columns; those with other names are ignored.

    Args:
        root: the file.
        label_set: the classes, or the name of a known set; by default the expressions that the table has, in the order
            of :class:`~fer_zoo.labels.Expression`.
    """

    card: ClassVar[DatasetCard] = DatasetCard(
        name="table",
        title="table of pictures",
        paper="",
        homepage="",
        terms="your own",
        layout=(
            "path,label,split             faces/1.jpg,happy,train\n"
            "or\n"
            "path,happy,sad,angry         faces/1.jpg,7,0,3\n"
            "as CSV with these names in the first line, or as Parquet; split need not be there"
        ),
        splits=("train", "validation", "test"),
    )

    def __init__(self, root: Path, *, label_set: LabelSet | str | None = None) -> None:
        self.root = root
        if not root.is_file():
            raise self.layout_error("there is no such file")
        self._given = get_label_set(label_set) if isinstance(label_set, str) else label_set

    @cached_property
    def _rows(self) -> Rows:
        """The rows with their numbers, which are lines in CSV; Parquet counts from 1."""
        rows = tuple(_read_parquet(self.root) if self.root.suffix.lower() in PARQUET else _read_csv(self.root))
        if not rows:
            raise self.layout_error("it has no rows")
        names = rows[0][1]
        if "path" not in names:
            raise self.layout_error("the column 'path' is missing")
        return rows

    @cached_property
    def _vote_columns(self) -> dict[str, Expression]:
        """The columns that hold the votes for an expression."""
        found: dict[str, Expression] = {}
        for name in self._rows[0][1]:
            expression = _meant_by(name)
            if expression is None:
                continue
            if expression in found.values():
                raise AnnotationError(str(self.root), 1, f"two columns hold the votes for {expression!s}")
            found[name] = expression
        return found

    @cached_property
    def label_set(self) -> LabelSet:
        """The given classes, or those that the table has.

        Raises:
            DatasetLayoutError: the table has no expression at all.
            AnnotationError: a label is no expression.
        """
        if self._given is not None:
            return self._given
        found = set(self._vote_columns.values())
        for line, row in self._rows:
            word = _label_of(row)
            if word.lstrip("-").isdecimal():
                raise AnnotationError(
                    str(self.root),
                    line,
                    f"the label {word!r} is a number: say with label_set of which classes (--label-set; for training, "
                    "--set data.options.label_set)",
                )
            if word:
                found.add(expression_of(word, self.root, line))
        if not found:
            raise self.layout_error("it has neither labels nor votes; give the classes with label_set")
        return LabelSet(self.card.name, tuple(expression for expression in Expression if expression in found))

    def find_splits(self) -> tuple[str, ...]:
        """Return the splits of the column ``split``, or ``("all",)`` without one."""
        there = dict.fromkeys(self._split_of(row, line) for line, row in self._rows)
        return tuple(sorted(there, key=(*self.card.splits, ALL).index))

    def read_split(self, split: str) -> SplitSamples:
        """Return the rows of a split."""
        files = KnownFiles()
        rows = ((line, row) for line, row in self._rows if self._split_of(row, line) == split)
        return SplitSamples(tuple(self._read_row(row, line, files) for line, row in rows))

    def describe_split(self, split: str) -> str:
        """Return which rows a split consists of."""
        return f"no row has '{split}' in the column 'split'"

    def _split_of(self, row: Mapping[str, str], line: int) -> str:
        """Return the split of a row."""
        if "split" not in row:
            return ALL
        if row["split"].lower() not in SPLIT_WORDS:
            raise AnnotationError(str(self.root), line, f"the split {row['split']!r} is none of {list(SPLIT_WORDS)}")
        return SPLIT_WORDS[row["split"].lower()]

    def _read_row(self, row: Mapping[str, str], line: int, files: KnownFiles) -> Sample:
        """Return the sample of a row."""
        if not row["path"]:
            raise AnnotationError(str(self.root), line, "the path is empty")
        votes = self._read_votes(row, line)
        label = self._read_label(_label_of(row), line) if "label" in row else None
        if "label" not in row and votes is not None:
            label = majority(votes)
        return Sample(files.require(self.root.parent / row["path"], self.root, line), label, votes)

    def _read_label(self, text: str, line: int) -> int | None:
        """Return the class index of a word or number."""
        if not text:
            return None
        if not text.lstrip("-").isdecimal():
            return self.label_of_word(text, self.root, line)
        label = int(text) if _INDEX.fullmatch(text) else -1
        if not 0 <= label < len(self.label_set):
            last = len(self.label_set) - 1
            raise AnnotationError(
                str(self.root), line, f"the label {text[:20]} is not in 0 to {last} ({self.label_set.name})"
            )
        return label

    def _read_votes(self, row: Mapping[str, str], line: int) -> tuple[float, ...] | None:
        """Return the votes of a row, or ``None`` if there are none."""
        if not any(row[name] for name in self._vote_columns):
            return None
        votes = [0.0] * len(self.label_set)
        for name, expression in self._vote_columns.items():
            try:
                count = float(row[name] or 0)
            except ValueError as error:
                raise AnnotationError(str(self.root), line, f"{name} holds no number ({row[name]!r})") from error
            if count < 0 or not math.isfinite(count):
                raise AnnotationError(str(self.root), line, f"{name} is {row[name]}, below 0 or not finite")
            votes[class_index(expression, self.label_set, self.root, line)] = count
        return tuple(votes)


def _label_of(row: Mapping[str, str]) -> str:
    """Return the label of a row, a whole number without its decimal places, or nothing."""
    text = row.get("label", "")
    whole = _WHOLE.fullmatch(text)
    return whole[1] if whole else text


def _meant_by(name: str) -> Expression | None:
    """Return the expression whose votes a column of this name holds, ``None`` if it is another column."""
    try:
        return parse_expression(name)
    except UnknownNameError:
        return None


def _fold_names(names: Sequence[str], file: Path) -> list[str]:
    """Return the names of the columns, with those that are looked for in lower case and without white space.

    Raises:
        AnnotationError: two columns that are looked for have the same name.
    """
    folded = [name.strip().lower() if name.strip().lower() in _COLUMNS else name for name in names]
    for name, count in Counter(folded).items():
        if count > 1 and (name in _COLUMNS or _meant_by(name) is not None):
            raise AnnotationError(str(file), 1, f"two columns have the name {name!r}")
    return folded


def _read_csv(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a CSV file as dictionaries."""
    rows = read_csv_rows(file)
    _, header = next(rows, (1, []))
    if len(header) == 1 and ";" in header[0]:
        raise AnnotationError(
            str(file), 1, f"its only column is {header[0]!r}: separate the columns with ',' in place of ';'"
        )
    names = _fold_names(header, file)
    for line, row in rows:
        if len(row) != len(names):
            raise AnnotationError(
                str(file), line, f"expected {len(names)} fields as in the first line, found {len(row)}"
            )
        yield line, dict(zip(names, row, strict=True))


def _read_parquet(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a Parquet file as dictionaries of text."""
    try:
        arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] != "pyarrow":
            raise
        raise MissingPackageError("pyarrow", "Reading Parquet", "pip install 'fer-zoo[train]'") from error
    try:
        table = parquet.read_table(file)
        rows = table.rename_columns(_fold_names(table.column_names, file)).to_pylist()
    except AnnotationError:
        raise
    except (arrow.ArrowException, OSError, ValueError, OverflowError, MemoryError) as error:
        raise AnnotationError(str(file), None, f"it is not Parquet ({error})") from error
    for number, row in enumerate(rows, start=1):
        yield number, {name: "" if value is None else str(value).strip() for name, value in row.items()}


__all__ = ["TableReader"]
