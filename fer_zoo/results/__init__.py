"""What comes out: frozen results with units, and the tables and files that are made of them.

Pixels are those of the original picture, its orientation tag applied; x grows to the right and y downwards. Scores are
in [0, 1].
"""

from fer_zoo.results.files import read_json_lines, write_csv, write_json_lines, write_parquet
from fer_zoo.results.image import Box, Face, FaceExpression, ImageResult, Landmarks, Point
from fer_zoo.results.table import COLUMNS, arrow_schema, to_pandas, to_table_rows

__all__ = [
    "COLUMNS",
    "Box",
    "Face",
    "FaceExpression",
    "ImageResult",
    "Landmarks",
    "Point",
    "arrow_schema",
    "read_json_lines",
    "to_pandas",
    "to_table_rows",
    "write_csv",
    "write_json_lines",
    "write_parquet",
]
