"""Frames and segments as tables: CSV, JSON Lines or Parquet, written row by row."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from fer_zoo.pipelines.video.outputs import PartialFile, check_suffix
from fer_zoo.pipelines.video.packages import import_extra
from fer_zoo.pipelines.video.reader import VideoFrame
from fer_zoo.results.files import csv_writer
from fer_zoo.results.names import escape_bytes
from fer_zoo.video_results import FrameResult, Segment, TrackedFace

TABLE_SUFFIXES: Final = (".csv", ".jsonl", ".parquet")
GROUP_ROWS: Final = 2_000  # rows of Parquet that are held in memory

Row = dict[str, Any]

#: Columns of segments, with the types of Parquet.
SEGMENT_COLUMNS: Final = {
    "track": "int32",
    "label": "string",
    "start": "float64",
    "end": "float64",
    "duration": "float64",
    "score": "float64",
    "seen": "float64",
}


def frame_columns(labels: Sequence[str]) -> dict[str, str]:
    """Return the columns of frames, with the types of Parquet.

    Args:
        labels: the classes of the model; each has a smoothed and a raw score.
    """
    columns = {
        "frame": "int64",
        "time": "float64",
        "duration": "float64",
        "track": "int32",
        "label": "string",
        "score": "float64",
        "detected": "bool",
        "uncertain": "bool",
        "face_score": "float64",
        **dict.fromkeys(("xmin", "ymin", "xmax", "ymax"), "float64"),
    }
    for kind in ("smoothed", "raw"):
        columns.update({f"{kind}_{label}": "float64" for label in labels})
    return {**columns, "error": "string"}


class RowWriter(ABC):
    """Writes rows with given columns into a file."""

    @abstractmethod
    def write(self, row: Row) -> None:
        """Write one row; columns that it does not have are empty."""

    @abstractmethod
    def close(self) -> None:
        """Write what is left."""


class CsvRows(RowWriter):
    """Rows of CSV, with a header; what is missing is an empty field."""

    def __init__(self, path: Path, columns: Mapping[str, str]) -> None:
        self._file = path.open("w", encoding="utf-8", newline="")
        self._writer = csv_writer(self._file, list(columns))
        self._writer.writeheader()

    def write(self, row: Row) -> None:
        """Write one row."""
        self._writer.writerow(row)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class JsonLines(RowWriter):
    """One object of JSON a line; what is missing is ``null``."""

    def __init__(self, path: Path, columns: Mapping[str, str]) -> None:
        self._file = path.open("w", encoding="utf-8")
        self._blank = dict.fromkeys(columns)

    def write(self, row: Row) -> None:
        """Write one row."""
        self._file.write(json.dumps(self._blank | row, ensure_ascii=False) + "\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class ParquetRows(RowWriter):
    """Row groups of Parquet; what is missing is null."""

    def __init__(self, path: Path, columns: Mapping[str, str]) -> None:
        self._pyarrow = import_extra("pyarrow")
        fields = [
            (name, getattr(self._pyarrow, "bool_" if kind == "bool" else kind)()) for name, kind in columns.items()
        ]
        self._schema = self._pyarrow.schema(fields)
        self._writer = import_extra("pyarrow.parquet").ParquetWriter(path, self._schema)
        self._rows: list[Row] = []

    def write(self, row: Row) -> None:
        """Take one row, and write a group when there are enough."""
        self._rows.append(row)
        if len(self._rows) == GROUP_ROWS:
            self._flush()

    def close(self) -> None:
        """Write the last group and the index."""
        if self._rows:
            self._flush()
        self._writer.close()

    def _flush(self) -> None:
        """Write the rows that are held."""
        self._writer.write_table(self._pyarrow.Table.from_pylist(self._rows, schema=self._schema))
        self._rows = []


WRITERS: Final[dict[str, Callable[[Path, Mapping[str, str]], RowWriter]]] = dict(
    zip(TABLE_SUFFIXES, (CsvRows, JsonLines, ParquetRows), strict=True)
)


class Table:
    """A table that goes into one file; :class:`FrameTable` and :class:`SegmentTable` know its rows.

    Args:
        option: what errors call the file.
        path: the file; its ending chooses the format.
        columns: with the types of Parquet.

    Raises:
        InvalidOptionError: if the ending stands for no table, or the file cannot be written.
        MissingPackageError: if pyarrow is needed and not installed.
    """

    def __init__(self, option: str, path: Path, columns: Mapping[str, str]) -> None:
        check_suffix(option, path, TABLE_SUFFIXES)
        self._file = PartialFile(option, path)
        try:
            with self._file.told_if_not_writable():
                self._rows: RowWriter = WRITERS[path.suffix.lower()](self._file.path, columns)
        except BaseException:
            self._file.remove()
            raise

    def write_rows(self, rows: Sequence[Row]) -> None:
        """Write some rows."""
        with self._file.told_if_not_writable():
            for row in rows:
                self._rows.write(row)

    def finish(self, ended: list[Segment]) -> None:
        """Write what is left."""
        with self._file.told_if_not_writable():
            self._rows.close()

    def move(self) -> None:
        """Put the file in its place."""
        self._file.move()

    def discard(self) -> None:
        """Leave nothing behind."""
        try:
            self._rows.close()
        except (OSError, ValueError):
            pass  # the disk is full: the file goes anyway
        finally:
            self._file.remove()


class FrameTable(Table):
    """One row for each face of each frame, and one for each frame without any.

    Args:
        path: the file; its ending chooses the format.
        labels: the classes of the model.
    """

    def __init__(self, path: Path, labels: Sequence[str]) -> None:
        super().__init__("frames", path, frame_columns(labels))

    def write(self, frame: VideoFrame | None, result: FrameResult, ended: list[Segment]) -> None:
        """Write the rows of a frame."""
        of_frame = {"frame": result.index, "time": result.time, "duration": result.duration}
        rows: list[Row] = [of_frame | _face_row(face) for face in result.faces]
        self.write_rows(rows or [of_frame | ({} if result.error is None else {"error": escape_bytes(result.error)})])


class SegmentTable(Table):
    """One row for each segment, in the order of their ends.

    Args:
        path: the file; its ending chooses the format.
    """

    def __init__(self, path: Path) -> None:
        super().__init__("segments", path, SEGMENT_COLUMNS)

    def write(self, frame: VideoFrame | None, result: FrameResult, ended: list[Segment]) -> None:
        """Write the rows of the segments that ended."""
        self.write_rows([segment.to_dict() for segment in ended])

    def finish(self, ended: list[Segment]) -> None:
        """Write the last segments."""
        self.write_rows([segment.to_dict() for segment in ended])
        super().finish(ended)


def _face_row(face: TrackedFace) -> Row:
    """Return the columns of one face."""
    expression = face.expression
    row: Row = {
        "label": face.label,
        "score": face.score,
        "detected": face.is_detected,
        "uncertain": expression.is_uncertain,
        "face_score": expression.face.score,
        **expression.face.box.to_dict(),
        **{f"smoothed_{label}": score for label, score in face.smoothed},
        **{f"raw_{label}": score for label, score in expression.scores},
    }
    return row if face.track_id is None else {"track": face.track_id, **row}


__all__ = ["SEGMENT_COLUMNS", "TABLE_SUFFIXES", "FrameTable", "SegmentTable", "frame_columns"]
