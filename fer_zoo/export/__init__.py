"""From a model of torch to files that onnxruntime, OpenVINO and torch itself run, and back to a classifier."""

from fer_zoo.export.cache import convert_for_backend
from fer_zoo.export.calibration import read_calibration_faces
from fer_zoo.export.exporting import ExportReport, export_model
from fer_zoo.export.formats import FORMATS
from fer_zoo.export.loading import is_exported, load_exported
from fer_zoo.export.parity import Parity

__all__ = [
    "FORMATS",
    "ExportReport",
    "Parity",
    "convert_for_backend",
    "export_model",
    "is_exported",
    "load_exported",
    "read_calibration_faces",
]
