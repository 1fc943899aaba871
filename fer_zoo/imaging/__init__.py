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
from fer_zoo.imaging.archives import ARCHIVE_SUFFIXES, ArchivedPicture, ArchiveReader, find_archived_pictures
from fer_zoo.imaging.folders import PICTURE_SUFFIXES, FreeNames, find_pictures
from fer_zoo.imaging.locations import Location, find_locations
from fer_zoo.imaging.read import DEFAULT_MAX_PIXELS, describe_source, read_image
from fer_zoo.imaging.remote import REMOTE_SCHEMES, RemotePicture, find_remote_pictures

__all__ = [
    "ARCFACE_TEMPLATE",
    "ARCHIVE_SUFFIXES",
    "CROP_TEMPLATES",
    "DEFAULT_MAX_PIXELS",
    "FER_PLUS_TEMPLATE",
    "PICTURE_SUFFIXES",
    "REMOTE_SCHEMES",
    "ArchiveReader",
    "ArchivedPicture",
    "CropTemplate",
    "FreeNames",
    "Location",
    "RemotePicture",
    "annotate",
    "box_transform",
    "crop_face",
    "crop_transform",
    "describe_source",
    "find_archived_pictures",
    "find_locations",
    "find_pictures",
    "find_remote_pictures",
    "read_image",
    "similarity_transform",
    "warp",
]
