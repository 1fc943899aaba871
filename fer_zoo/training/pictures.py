"""From the rows of a data set to the pixel values of a batch, made on the device.

Workers read pictures and hand over bytes; resizing, grey, augmentation and normalisation happen for the whole batch on
the device.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, Protocol, cast

import torch
from torch import Tensor
from torch.utils.data import Dataset, Subset, get_worker_info
from torchvision.transforms import v2
from transformers.image_utils import pil_torch_interpolation_mapping

from fer_zoo.datasets import ExpressionDataset
from fer_zoo.errors import ImageReadError, InvalidOptionError, TrainingDataError
from fer_zoo.imaging import read_image
from fer_zoo.losses import NO_LABEL, has_target
from fer_zoo.models import FerImageProcessor

UNREADABLE_CHOICES = ("raise", "skip")
MARK = "mark"  # the third way of PictureReader, which is no option of training


class Rows(Protocol):
    """A data set as training needs it: the rows have ``image`` and ``label``, those without a label only ``image``."""

    def __len__(self) -> int:
        """Return the number of rows."""
        ...

    def __getitem__(self, index: int, /) -> dict[str, Any]:
        """Return a row: ``image`` is anything that :func:`fer_zoo.imaging.read_image` takes."""
        ...


#: What an image processor has to do for a model that is trained.
TRAINED_WITH = {
    "do_resize": True,
    "do_rescale": True,
    "rescale_factor": 1 / 255,
    "do_normalize": True,
    "do_center_crop": False,
    "do_pad": False,
}


class PixelPreparation:
    """What the image processor of a model does to pictures, for batches on a device.

    Args:
        processor: the image processor of the model.

    Raises:
        InvalidOptionError: if the processor does anything but resize, divide by 255 and normalise, or leaves one of
            these out: the model would learn other pixel values than it meets later.
    """

    def __init__(self, processor: FerImageProcessor) -> None:
        for name, expected in TRAINED_WITH.items():
            found = getattr(processor, name, None) or False
            if found != expected:
                raise InvalidOptionError(f"processor.{name}", found, f"{expected}, which training goes by")
        self.size = (int(processor.size["height"]), int(processor.size["width"]))
        self.is_grey = processor.color_mode == "grey"
        self.interpolation = pil_torch_interpolation_mapping[processor.resample]
        self.to_grey = FerImageProcessor.to_grey
        self.mean = torch.tensor(processor.image_mean)
        self.std = torch.tensor(processor.image_std)

    def scale(self, images: Tensor) -> Tensor:
        """Resize pictures to what the model takes.

        Args:
            images: ``(B, 3, H, W)`` or, of grey pictures, ``(B, 1, H, W)``; uint8.

        Returns:
            ``(B, 3, height, width)``, values in [0, 1].
        """
        if self.is_grey and images.shape[1] > 1:
            images = torch.stack([self.to_grey(image) for image in images])[:, :1]
        resized = v2.functional.resize(images, list(self.size), interpolation=self.interpolation, antialias=True)
        return cast(Tensor, resized.expand(-1, 3, -1, -1).to(torch.float32) / 255)

    def fit(self, images: Tensor) -> Tensor:
        """Bring pictures that were scaled for another model to the colour and the size of this one.

        Args:
            images: ``(B, 3, H, W)``, values in [0, 1].

        Returns:
            ``(B, 3, height, width)``, values in [0, 1].
        """
        if self.is_grey:
            images = torch.stack([self.to_grey(image) for image in images])
        if tuple(images.shape[-2:]) != self.size:
            images = v2.functional.resize(images, list(self.size), interpolation=self.interpolation, antialias=True)
        return images.clamp(0, 1)

    def normalize(self, images: Tensor) -> Tensor:
        """Subtract the mean and divide by the standard deviation of each channel.

        Args:
            images: ``(B, 3, height, width)``, values in [0, 1].

        Returns:
            pixel values of the same shape.
        """
        mean, std = (values.to(images.device).view(1, 3, 1, 1) for values in (self.mean, self.std))
        return (images - mean) / std


class PictureReader(Dataset[dict[str, Any] | ImageReadError | None]):
    """The rows of a data set with their pictures as bytes; a picture that cannot be read is ``None`` or an error.

    In the worker of a data loader the error is returned and not raised: torch would bring it back as another one. Rows
    without a label among others with one get what losses and metrics pass over: -100, or no vote for any class.

    Args:
        rows: the data set.
        unreadable: ``"raise"``, ``"skip"``, or ``"mark"`` to keep the row without its picture and its label, as an
            evaluation with several processes needs it.
    """

    def __init__(self, rows: Rows, unreadable: str = "raise") -> None:
        self.rows = rows
        self.unreadable = unreadable

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Any] | ImageReadError | None:
        """Return ``image`` as ``(3, H, W)`` uint8, or ``None`` if it is marked, and ``label`` if the rows have labels.

        Raises:
            ImageReadError: if the picture cannot be read and ``unreadable`` is ``"raise"``.
        """
        try:
            row = self._read_row(index)
            image = torch.from_numpy(read_image(row["image"])).permute(2, 0, 1)
        except ImageReadError as error:
            if self.unreadable == MARK:
                return self._labelled({"image": None})
            if self.unreadable == "skip":
                return None
            if get_worker_info() is None:
                raise
            return error
        return self._labelled({**row, "image": image})

    def _read_row(self, index: int) -> dict[str, Any]:
        """Return a row; some data sets decode its picture, and raise what their own reader does.

        Raises:
            ImageReadError: if the picture cannot be read.
        """
        try:
            return self.rows[index]
        except ImageReadError:
            raise
        except OSError as error:
            raise ImageReadError(f"row {index}", f"the data set cannot read it ({error})") from error

    def _labelled(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return a row with what stands for no label if it has none and others have."""
        if row.get("label") is not None:
            return row
        row = {name: value for name, value in row.items() if name != "label"}
        return row if self._no_label is None else {**row, "label": self._no_label}

    @cached_property
    def _no_label(self) -> int | list[float] | None:
        """What stands for no label, as the first label says; ``None`` if there is none."""
        label = next((label for label in self._labels() if label is not None), None)
        if label is None:
            return None
        shape = torch.as_tensor(label).shape
        return [0.0] * shape[0] if shape else NO_LABEL

    def _labels(self) -> Iterator[Any]:
        """Yield the labels of the rows until one says that rows have none; pictures are read if nothing else helps."""
        rows: Any = self.rows
        while isinstance(rows, Subset):
            rows = rows.dataset
        if isinstance(rows, ExpressionDataset):
            yield from (rows.target_of(sample) for sample in rows.samples)
        elif hasattr(rows, "column_names"):
            yield from rows["label"] if "label" in rows.column_names else ()
        else:
            for index in range(len(self)):
                try:
                    row = self._read_row(index)
                except ImageReadError:
                    continue
                if "label" not in row:
                    return
                yield row["label"]


class PictureCollator:
    """Join rows to a batch of bytes.

    Args:
        size: height and width in pixels; pictures of several sizes are resized to it, so that they can be joined.
        interpolation: how.
    """

    def __init__(self, size: tuple[int, int], interpolation: v2.InterpolationMode) -> None:
        self.size = size
        self.interpolation = interpolation

    def __call__(self, rows: Sequence[dict[str, Any] | ImageReadError | None] | dict[str, Any]) -> dict[str, Any]:
        """Return ``images`` ``(B, 3, H, W)`` uint8, ``labels`` if all rows have one, and how many were left out.

        A batch that is one already, as ``StoredPictures`` gives it, stays as it is. One with a picture that should not
        have been unreadable has only ``error``. One with rows whose pictures are marked as unreadable has labels for
        all of them, ``is_readable`` ``(B,)`` bool, and in ``images`` the others, or a black one if there is none.

        Raises:
            TrainingDataError: if no picture of the batch could be read.
        """
        if isinstance(rows, dict):
            return rows
        errors = [row for row in rows if isinstance(row, ImageReadError)]
        if errors:
            return {"error": errors[0]}
        kept = [row for row in rows if isinstance(row, dict)]
        if not kept:
            raise TrainingDataError(f"None of the {len(rows)} pictures of a batch can be read")
        images = [row["image"] for row in kept if row["image"] is not None]
        batch = {"images": self.join(images or [torch.zeros(3, *self.size, dtype=torch.uint8)])}
        if all("label" in row for row in kept):
            batch["labels"] = as_labels([row["label"] for row in kept])
        if len(images) < len(kept):
            batch["is_readable"] = torch.tensor([row["image"] is not None for row in kept])
        if len(kept) < len(rows):
            batch["num_unreadable"] = torch.tensor(len(rows) - len(kept))
        return batch

    def join(self, images: Sequence[Tensor]) -> Tensor:
        """Stack pictures; those of several sizes are resized first."""
        if len({image.shape for image in images}) > 1:
            images = [self.resize(image) for image in images]
        return torch.stack(list(images))

    def resize(self, image: Tensor) -> Tensor:
        """Bring a picture ``(3, H, W)`` uint8 to the size of the batch."""
        resized = v2.functional.resize(image, list(self.size), interpolation=self.interpolation, antialias=True)
        return cast(Tensor, resized)


def check_batch(batch: dict[str, Any]) -> dict[str, Any]:
    """Return a batch, or raise the error that a worker has left in it.

    Raises:
        ImageReadError: if a picture cannot be read and was not to be skipped.
    """
    if "error" in batch:
        raise batch["error"]
    return batch


def show_single_twice(batch: dict[str, Tensor], batch_size: int) -> dict[str, Tensor]:
    """Return a batch of which a single picture could be read with that picture twice.

    Batch normalisation has nothing to compare a single picture with.

    Args:
        batch: ``images``, and what else has a row for each picture.
        batch_size: how many pictures it was to have.
    """
    if len(batch["images"]) > 1 or batch_size == 1:
        return batch
    return {name: values.repeat_interleave(2, dim=0) for name, values in batch.items()}


def as_labels(values: Sequence[Any]) -> Tensor:
    """Return class numbers ``(B,)`` as int64, or votes ``(B, K)`` as float32."""
    if not len(values):
        return torch.zeros(0, dtype=torch.int64)
    labels = torch.stack([torch.as_tensor(value) for value in values])
    return labels.to(torch.float32) if labels.ndim > 1 else labels


def class_numbers(rows: Any) -> Tensor:
    """Return the class of every row of a data set, ``(N,)``; of votes, the class with the most.

    Args:
        rows: a data set with an attribute ``labels``, a Hugging Face data set with a column ``label``, or one whose
            rows have labels.

    Raises:
        TrainingDataError: if a row has no label.
    """
    labels: list[Any]
    if isinstance(rows, ExpressionDataset):
        labels = [rows.target_of(sample) for sample in rows.samples]  # votes without a majority count too
    elif hasattr(rows, "labels"):
        labels = list(rows.labels)
    elif hasattr(rows, "column_names"):
        labels = list(rows["label"])
    else:
        labels = [row.get("label") for row in iterate(rows)]
    numbers = as_labels([label for label in labels if label is not None])
    num_labelled = int(has_target(numbers).sum())
    if num_labelled < len(labels):
        raise TrainingDataError(
            f"{len(labels) - num_labelled} of {len(labels)} pictures have no label, which training needs"
        )
    return numbers.argmax(dim=1) if numbers.ndim > 1 else numbers


def iterate(rows: Rows) -> Iterator[dict[str, Any]]:
    """Yield the rows of a data set that may have no iterator of its own."""
    return (rows[index] for index in range(len(rows)))


__all__ = ["PictureCollator", "PictureReader", "PixelPreparation"]
