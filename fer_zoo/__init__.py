"""fer-zoo: facial expression recognition that is right end to end.

    >>> from fer_zoo import pipeline
    >>> pipe = pipeline("face-expression", model="fer_zoo/mhan", device="cpu")
    >>> faces = pipe("examples/images/astronaut.png")

Importing the package registers its models and its pipeline with transformers and does nothing else.
"""

from fer_zoo.detection import CenterFaceDetector, FaceDetector, ScrfdDetector, WholeImageDetector
from fer_zoo.errors import FerZooError
from fer_zoo.imaging import CropTemplate, read_image
from fer_zoo.labels import Expression, LabelSet, get_label_set
from fer_zoo.models import (
    FerImageProcessor,
    HanPffConfig,
    HanPffForImageClassification,
    MhanConfig,
    MhanForImageClassification,
    register_models,
)
from fer_zoo.pipelines import FaceExpressionPipeline, pipeline, register_pipelines
from fer_zoo.registry import ModelEntry, get_entry, list_models
from fer_zoo.results import Box, Face, FaceExpression, ImageResult

__version__ = "0.1.0"

__all__ = [
    "Box",
    "CenterFaceDetector",
    "CropTemplate",
    "Expression",
    "Face",
    "FaceDetector",
    "FaceExpression",
    "FaceExpressionPipeline",
    "FerImageProcessor",
    "FerZooError",
    "HanPffConfig",
    "HanPffForImageClassification",
    "ImageResult",
    "LabelSet",
    "MhanConfig",
    "MhanForImageClassification",
    "ModelEntry",
    "ScrfdDetector",
    "WholeImageDetector",
    "get_entry",
    "get_label_set",
    "list_models",
    "pipeline",
    "read_image",
]

register_models()
register_pipelines()
