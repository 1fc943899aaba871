"""Results as a table, as JSON and as CSV."""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod

from rich.console import Console
from rich.table import Table
from rich.text import Text

from fer_zoo.cli.terminal import encode_json, printable
from fer_zoo.results import ImageResult, to_table_rows
from fer_zoo.results.files import csv_writer


class ResultWriter(ABC):
    """Takes results one by one and prints them; :meth:`finish` comes last."""

    @abstractmethod
    def write(self, result: ImageResult) -> None:
        """Take the result of one picture."""

    @abstractmethod
    def finish(self) -> None:
        """Print what is left."""


class TableWriter(ResultWriter):
    """A table to read, one line for each face.

    Args:
        top_k: how many expressions a line shows.
    """

    def __init__(self, top_k: int) -> None:
        self.top_k = top_k
        self.table = Table("image", "face", "expression", "box", header_style="bold")
        self.table.columns[0].overflow = "fold"

    def write(self, result: ImageResult) -> None:
        """Add the lines of one picture."""
        source = Text(printable(result.source))  # a path may hold square brackets, which rich would take for markup
        if result.error is not None:
            self.table.add_row(source, "", Text("not readable", style="red"), "")
        elif not result.faces:
            self.table.add_row(source, "", Text("no face", style="dim"), "")
        for number, face in enumerate(result.faces, start=1):
            best = ", ".join(f"{label} {score:.1%}" for label, score in face.scores[: self.top_k])
            if face.is_uncertain:
                best += " (uncertain)"
            box = face.face.box
            corners = f"{box.left:.0f}, {box.top:.0f}, {box.right:.0f}, {box.bottom:.0f}"
            self.table.add_row(source, str(number), best, corners)

    def finish(self) -> None:
        """Print the table."""
        Console().print(self.table)


class JsonWriter(ResultWriter):
    """A list with one object for each picture, printed as results come.

    Args:
        top_k: how many scores each face has; all of them if ``None``.
    """

    def __init__(self, top_k: int | None) -> None:
        self.top_k = top_k
        self.separator = "[\n"

    def write(self, result: ImageResult) -> None:
        """Print the object of one picture."""
        print(self.separator + encode_json(result.to_dict(top_k=self.top_k)), end="")
        self.separator = ",\n"

    def finish(self) -> None:
        """Close the list."""
        print("[]" if self.separator == "[\n" else "\n]")


class CsvWriter(ResultWriter):
    """One row for each face, and one for each picture without any, printed as results come."""

    def __init__(self) -> None:
        self.writer = csv_writer(sys.stdout)
        self.writer.writeheader()

    def write(self, result: ImageResult) -> None:
        """Print the rows of one picture."""
        self.writer.writerows(to_table_rows(result))

    def finish(self) -> None:
        """Do nothing: every row is printed already."""


__all__ = ["CsvWriter", "JsonWriter", "ResultWriter", "TableWriter"]
