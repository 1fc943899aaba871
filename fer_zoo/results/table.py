"""Results as a table: one row for each face, and one for each picture that has none or could not be read.

The columns are the same wherever a table is made: pandas, Parquet and CSV.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal

from fer_zoo.packages import import_optional
from fer_zoo.results.image import ImageResult, check_result, check_results
from fer_zoo.results.names import escape_bytes

if TYPE_CHECKING:
    import pandas
    import pyarrow

Status = Literal["face", "no face", "unreadable"]

#: Every column of a table of results with its type, in order; a column is empty where it does not apply.
COLUMNS: Final = MappingProxyType(
    {
        "image": "text",
        "status": "text",
        "width": "integer",
        "height": "integer",
        "face": "integer",
        "label": "text",
        "score": "number",
        "uncertain": "boolean",
        "xmin": "number",
        "ymin": "number",
        "xmax": "number",
        "ymax": "number",
        "face_score": "number",
        "scores": "scores",
        "landmarks": "points",
        "error": "text",
    }
)

#: The columns that hold no list, for formats without lists.
FLAT_COLUMNS: Final = tuple(name for name, kind in COLUMNS.items() if kind not in {"scores", "points"})

_REQUIRED: Final = frozenset({"image", "status", "width", "height"})
_PANDAS_TYPES: Final = {"text": "string", "integer": "Int32", "number": "float64", "boolean": "boolean"}


def to_table_rows(result: ImageResult) -> list[dict[str, Any]]:
    """Return the rows of a picture: one for each face, or a single one if it has none or could not be read.

    Args:
        result: the faces of a picture.

    Returns:
        rows with a value for each of ``COLUMNS``, ``None`` where it does not apply.

    Raises:
        ArgumentTypeError: if it is no result.
    """
    check_result(result)
    status: Status = "face" if result.faces else "no face" if result.error is None else "unreadable"
    blank: dict[str, Any] = dict.fromkeys(COLUMNS)
    blank |= {"image": result.source, "status": status, "width": result.width, "height": result.height}
    if not result.faces:
        return [{**blank, "error": result.error}]
    rows = []
    for number, face in enumerate(result.faces, start=1):
        values = face.to_dict()
        rows.append({**blank, "face": number, **values.pop("box"), **values})
    return rows


def valid_row(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row without the half characters that stand for bytes of names that are not UTF-8."""
    return {**row, **{name: row[name] and escape_bytes(row[name]) for name in ("image", "error")}}


def to_pandas(results: Iterable[ImageResult]) -> pandas.DataFrame:
    """Return a table of results: one row for each face, one for each picture without a face or that was not readable.

    Args:
        results: as :meth:`fer_zoo.pipelines.FaceExpressionPipeline.analyze` gives them; they are all held in memory.

    Returns:
        the columns are ``COLUMNS``: text as ``string``, whole numbers as ``Int32``, numbers as ``float64``, truth
        values as ``boolean``; ``scores`` and ``landmarks`` are lists as in
        :meth:`fer_zoo.results.FaceExpression.to_dict`. What is not UTF-8 in a name is escaped.

    Raises:
        MissingPackageError: if pandas is not installed.
        ArgumentTypeError: if these are no results, or it is one alone.

    Example:
        >>> from fer_zoo import ImageResult
        >>> from fer_zoo.results import to_pandas
        >>> table = to_pandas([ImageResult("a.jpg", 640, 480), ImageResult("b.jpg", error="it is empty")])
        >>> table["status"].tolist()
        ['no face', 'unreadable']
    """
    check_results(results)
    pandas_module = import_optional("pandas", "to_pandas()", "results")
    rows = [valid_row(row) for result in results for row in to_table_rows(result)]
    types = {name: _PANDAS_TYPES.get(kind, "object") for name, kind in COLUMNS.items()}
    table: pandas.DataFrame = pandas_module.DataFrame(
        {name: pandas_module.Series([row[name] for row in rows], dtype=kind) for name, kind in types.items()}
    )
    return table


def arrow_schema() -> pyarrow.Schema:
    """Return the schema of a table of results in Arrow and Parquet.

    Returns:
        the columns are ``COLUMNS``; ``scores`` is a list of structs with ``label`` and ``score``, best first, and
        ``landmarks`` is a list of five lists of x and y. Only ``image``, ``status``, ``width`` and ``height`` are never
        null.

    Raises:
        MissingPackageError: if pyarrow is not installed.
    """
    arrow = import_optional("pyarrow", "Writing Parquet", "results")
    types = {
        "text": arrow.string(),
        "integer": arrow.int32(),
        "number": arrow.float64(),
        "boolean": arrow.bool_(),
        "scores": arrow.list_(arrow.struct([("label", arrow.string()), ("score", arrow.float64())])),
        "points": arrow.list_(arrow.list_(arrow.float64())),
    }
    return arrow.schema(
        [arrow.field(name, types[kind], nullable=name not in _REQUIRED) for name, kind in COLUMNS.items()]
    )


__all__ = ["COLUMNS", "FLAT_COLUMNS", "Status", "arrow_schema", "to_pandas", "to_table_rows", "valid_row"]
