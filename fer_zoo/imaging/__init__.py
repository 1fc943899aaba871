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
from fer_zoo.imaging.folders import PICTURE_SUFFIXES, FreeNames, find_pictures
from fer_zoo.imaging.read import DEFAULT_MAX_PIXELS, describe_source, read_image

__all__ = [
    "ARCFACE_TEMPLATE",
    "CROP_TEMPLATES",
    "DEFAULT_MAX_PIXELS",
    "FER_PLUS_TEMPLATE",
    "PICTURE_SUFFIXES",
    "CropTemplate",
    "FreeNames",
    "annotate",
    "box_transform",
    "crop_face",
    "crop_transform",
    "describe_source",
    "find_pictures",
    "read_image",
    "similarity_transform",
    "warp",
]
