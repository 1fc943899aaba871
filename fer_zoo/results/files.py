"""Results in files: JSON Lines, Parquet and CSV, written and read in constant memory.

A file appears when it is complete, and not before.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from os import PathLike
from pathlib import Path
from typing import Final, TextIO

from fer_zoo.errors import ResultFileError
from fer_zoo.packages import import_optional
from fer_zoo.results.image import ImageResult, check_result, check_results
from fer_zoo.results.table import FLAT_COLUMNS, arrow_schema, to_table_rows, valid_row
from fer_zoo.whole_files import whole_file

ROWS_AT_ONCE: Final = 8192  # rows of a row group of Parquet, about 3 MB


def encode_result(result: ImageResult) -> bytes:
    """Return a line of JSON; names that are no valid Unicode are escaped, and come back as they were.

    Raises:
        ArgumentTypeError: if it is no result.
    """
    check_result(result)
    return (json.dumps(result.to_dict()) + "\n").encode("ascii")


def write_json_lines(results: Iterable[ImageResult], path: str | PathLike[str]) -> None:
    """Write one JSON object a line for each picture, as :meth:`ImageResult.to_dict` gives it.

    Args:
        results: taken one by one.
        path: the file; one that exists is replaced.

    Raises:
        OSError: if the file cannot be written; there is none then, or the one that was there before.
        ArgumentTypeError: if these are no results, or it is one alone; again, nothing is written.
    """
    check_results(results)
    with whole_file(path) as partial, partial.open("wb") as file:
        file.writelines(map(encode_result, results))


def read_json_lines(path: str | PathLike[str]) -> Iterator[ImageResult]:
    """Yield the results of a file that :func:`write_json_lines` wrote, equal to those that were written.

    Args:
        path: the file; blank lines are passed over.

    Raises:
        OSError: if the file cannot be read.
        ResultFileError: if a line is no result; it is also a ``ValueError``.
    """
    with Path(path).open("rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue  # as editors leave one at the end
            try:
                result = ImageResult.from_dict(json.loads(line))
            except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
                reason = " ".join(f"{type(error).__name__}: {error}".split())
                raise ResultFileError(str(path), number, f"it is no result ({reason[:200]})") from error
            yield result


class _UnixLines:
    """A text file for a writer of CSV that ends its lines with both characters; here the line feed is left.

    Told to write the line feed alone, the writer would leave a carriage return in a name without quotation marks.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def write(self, line: str) -> int:
        """Write a line."""
        return self._file.write(line.removesuffix("\r\n") + "\n")


def csv_writer(file: TextIO, columns: Sequence[str] = FLAT_COLUMNS) -> csv.DictWriter[str]:
    """Return a writer of some columns; what a row has of others is left out, and what it lacks is empty.

    Args:
        file: opened with ``newline=""``.
        columns: by default those of results that hold no list.
    """
    return csv.DictWriter(_UnixLines(file), columns, extrasaction="ignore", lineterminator="\r\n")


def write_csv(results: Iterable[ImageResult], path: str | PathLike[str]) -> None:
    """Write one row for each face, and one for each picture without any: the columns that hold no list.

    Args:
        results: taken one by one.
        path: the file; one that exists is replaced. It is UTF-8; what is not in a name is escaped.

    Raises:
        OSError: if the file cannot be written; there is none then, or the one that was there before.
        ArgumentTypeError: if these are no results, or it is one alone; again, nothing is written.
    """
    check_results(results)
    with (
        whole_file(path) as partial,
        partial.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        writer = csv_writer(file)
        writer.writeheader()
        for result in results:
            writer.writerows(to_table_rows(result))


def write_parquet(results: Iterable[ImageResult], path: str | PathLike[str]) -> None:
    """Write a table with the schema :func:`fer_zoo.results.arrow_schema`.

    Args:
        results: taken some thousands at a time.
        path: the file; one that exists is replaced. Text is UTF-8; what is not in a name is escaped.

    Raises:
        MissingPackageError: if pyarrow is not installed.
        OSError: if the file cannot be written.
        ArgumentTypeError: if these are no results, or it is one alone; nothing is written.
    """
    check_results(results)
    arrow, schema = import_optional("pyarrow", "Writing Parquet", "results"), arrow_schema()
    parquet = import_optional("pyarrow.parquet", "Writing Parquet", "results")
    rows = (valid_row(row) for result in results for row in to_table_rows(result))
    with whole_file(path) as partial, partial.open("wb") as file, parquet.ParquetWriter(file, schema) as writer:
        while some := list(islice(rows, ROWS_AT_ONCE)):
            writer.write_table(arrow.Table.from_pylist(some, schema=schema))


__all__ = ["csv_writer", "encode_result", "read_json_lines", "write_csv", "write_json_lines", "write_parquet"]
