"""Our data sets as those of Hugging Face's package ``datasets``."""

from __future__ import annotations

from importlib import import_module
from io import BytesIO
from typing import TYPE_CHECKING, Any

from PIL import ExifTags, Image

from fer_zoo.errors import ImageReadError, MissingPackageError

if TYPE_CHECKING:
    from pathlib import Path

    from fer_zoo.datasets.dataset import ExpressionDataset
    from fer_zoo.datasets.sample import Sample

PLAIN_MODES = frozenset({"L", "RGB"})


def convert_to_hugging_face(dataset: ExpressionDataset) -> Any:  # untyped package
    """Return a ``datasets.Dataset`` with Image and ClassLabel features; see ``ExpressionDataset.to_hugging_face``.

    Files of plain RGB or grey with 8 bits stay where they are and are decoded when a row is read, and so do those that
    cannot be read. Pictures that are part of a file, transparent, of more bits or in other colours, which ``datasets``
    would decode differently, are packed as PNG.

    Raises:
        MissingPackageError: the package ``datasets`` is not installed.
        ImageReadError: a picture that is only part of its file cannot be read.
    """
    try:
        package = import_module("datasets")
    except ModuleNotFoundError as error:
        if error.name != "datasets":
            raise
        raise MissingPackageError("datasets", "to_hugging_face()", "pip install 'fer-zoo[datasets]'") from error
    columns: dict[str, list[Any]] = {"image": [_encode(sample, dataset.max_pixels) for sample in dataset.samples]}
    features = {"image": package.Image(mode="RGB")}
    targets = [dataset.target_of(sample) for sample in dataset.samples]
    if any(target is not None for target in targets):
        columns["label"] = targets
        names = list(dataset.label_set.label2id)
        features["label"] = (
            package.ClassLabel(names=names) if dataset.targets == "labels" else [package.Value("float32")]
        )
    return package.Dataset.from_dict(columns, features=package.Features(features))


def _encode(sample: Sample, max_pixels: int) -> dict[str, Any]:
    """Return a picture as the Image feature stores it."""
    as_file = {"path": str(sample.path), "bytes": None}
    if sample.part is None and _is_plain(sample.path):
        return as_file
    try:
        pixels = sample.read(max_pixels=max_pixels)
    except ImageReadError:
        if sample.part is None:
            return as_file
        raise
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return {"path": None, "bytes": buffer.getvalue()}


def _is_plain(path: Path) -> bool:
    """Return whether a file says that it has 8 bits of RGB or grey, and nothing that turns it or shines through.

    The header alone is read.
    """
    try:
        with Image.open(path) as picture:
            is_turned = ExifTags.Base.Orientation in picture.getexif()
            return picture.mode in PLAIN_MODES and not picture.has_transparency_data and not is_turned
    except Exception:  # noqa: BLE001 - Pillow raises many kinds, and our own reader says what is wrong
        return False


__all__ = ["convert_to_hugging_face"]
