"""Our data sets as those of Hugging Face's package ``datasets``."""

from __future__ import annotations

from importlib import import_module
from io import BytesIO
from typing import TYPE_CHECKING, Any

from PIL import Image

from fer_zoo.errors import MissingPackageError

if TYPE_CHECKING:
    from fer_zoo.datasets.dataset import ExpressionDataset
    from fer_zoo.datasets.sample import Sample


def convert_to_hugging_face(dataset: ExpressionDataset) -> Any:  # untyped package
    """Return a ``datasets.Dataset`` with Image and ClassLabel features; see ``ExpressionDataset.to_hugging_face``.

    Whole files stay where they are and are decoded when a row is read. Pictures that are part of a file are packed as
    PNG.

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
    if sample.part is None:
        return {"path": str(sample.path), "bytes": None}
    buffer = BytesIO()
    Image.fromarray(sample.read(max_pixels=max_pixels)).save(buffer, format="PNG")
    return {"path": None, "bytes": buffer.getvalue()}


__all__ = ["convert_to_hugging_face"]
