"""From any input to an RGB picture, and from a picture to the aligned crop of a face."""

from fer_zoo.imaging.align import (
    ARCFACE_TEMPLATE,
    CROP_TEMPLATES,
    FER_PLUS_TEMPLATE,
    CropTemplate,
    box_transform,
    crop_face,
    crop_transform,
    similarity_transform,
    warp,
)
from fer_zoo.imaging.annotate import annotate
from fer_zoo.imaging.read import describe_source, read_image

__all__ = [
    "ARCFACE_TEMPLATE",
    "CROP_TEMPLATES",
    "FER_PLUS_TEMPLATE",
    "CropTemplate",
    "annotate",
    "box_transform",
    "crop_face",
    "crop_transform",
    "describe_source",
    "read_image",
    "similarity_transform",
    "warp",
]
