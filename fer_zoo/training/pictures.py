"""From the rows of a data set to batches of bytes, as workers read them and hand them over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, Protocol, cast

import torch
from torch import Tensor
from torch.utils.data import Dataset, Subset, get_worker_info
from torchvision.transforms import v2

from fer_zoo.datasets import ExpressionDataset
from fer_zoo.errors import FerZooError, ImageReadError, TrainingDataError
from fer_zoo.imaging import read_image
from fer_zoo.losses import NO_LABEL, has_target

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


class TrainingReader(PictureReader):
    """The rows to learn from, in batches that are never without a picture: several processes must take equal steps.

    Args:
        rows: the data set.
        unreadable: ``"raise"`` or ``"skip"``.
    """

    def __getitems__(self, indices: Sequence[int]) -> list[dict[str, Any] | FerZooError | None]:
        """Return the rows of a batch, and if all are to be skipped one more that stands in for them.

        The batch alone decides which, so that a run that was interrupted meets the same one. Where nothing of the data
        set can be read, it is an error, which is returned as those of single pictures are.
        """
        rows: list[dict[str, Any] | FerZooError | None] = [self[index] for index in indices]
        if any(row is not None for row in rows):
            return rows
        generator = torch.Generator().manual_seed(hash(tuple(indices)) % 2**63)
        for index in torch.randperm(len(self), generator=generator).tolist():
            row = self[index]
            if isinstance(row, dict):
                return [*rows, {**row, "stands_in": True}]
        return [TrainingDataError(f"None of the {len(self):,} pictures can be read")]


class PictureCollator:
    """Join rows to a batch of bytes.

    Args:
        size: height and width in pixels; pictures of several sizes are resized to it, so that they can be joined.
        interpolation: how.
    """

    def __init__(self, size: tuple[int, int], interpolation: v2.InterpolationMode) -> None:
        self.size = size
        self.interpolation = interpolation

    def __call__(self, rows: Sequence[dict[str, Any] | FerZooError | None] | dict[str, Any]) -> dict[str, Any]:
        """Return ``images`` ``(B, 3, H, W)`` uint8, ``labels`` if all rows have one, and how many were left out.

        A batch that is one already, as ``StoredPictures`` gives it, stays as it is. One with a picture that should not
        have been unreadable has only ``error``; one of a picture that stands in for others has ``stands_in``. One with
        rows whose pictures are marked as unreadable has labels for all of them, ``is_readable`` ``(B,)`` bool, and in
        ``images`` the others, or a black one if there is none.

        Raises:
            TrainingDataError: if no picture could be read.
        """
        if isinstance(rows, dict):
            return rows
        errors = [row for row in rows if isinstance(row, FerZooError)]
        if errors:
            return {"error": errors[0]}
        kept = [row for row in rows if isinstance(row, dict)]
        if not kept:
            raise TrainingDataError(f"None of the {len(rows):,} pictures can be read")
        images = [row["image"] for row in kept if row["image"] is not None]
        batch = {"images": self.join(images or [torch.zeros(3, *self.size, dtype=torch.uint8)])}
        if all("label" in row for row in kept):
            batch["labels"] = as_labels([row["label"] for row in kept])
        if len(images) < len(kept):
            batch["is_readable"] = torch.tensor([row["image"] is not None for row in kept])
        if len(kept) < len(rows):
            batch["num_unreadable"] = torch.tensor(len(rows) - len(kept))
        if "stands_in" in kept[-1]:
            batch["stands_in"] = torch.tensor(True)
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
        TrainingDataError: if nothing of the data set can be read.
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
        rows: a data set with an attribute ``labels``, a Hugging Face data set with a column ``label``, one whose rows
            have labels, or a ``torch.utils.data.Subset`` of these.

    Raises:
        TrainingDataError: if a row has no label.
    """
    labels = labels_of(rows)
    numbers = as_labels([label for label in labels if label is not None])
    num_labelled = int(has_target(numbers).sum())
    if num_labelled < len(labels):
        raise TrainingDataError(
            f"{len(labels) - num_labelled} of {len(labels)} pictures have no label, which training needs"
        )
    return numbers.argmax(dim=1) if numbers.ndim > 1 else numbers


def labels_of(rows: Any) -> list[Any]:
    """Return the labels of a data set; pictures are read only where nothing else helps."""
    if isinstance(rows, Subset):
        labels = labels_of(rows.dataset)
        return [labels[index] for index in rows.indices]
    if isinstance(rows, ExpressionDataset):
        return [rows.target_of(sample) for sample in rows.samples]  # votes without a majority count too
    if hasattr(rows, "labels"):
        return list(rows.labels)
    if hasattr(rows, "column_names"):
        return list(rows["label"])
    return [rows[index].get("label") for index in range(len(rows))]


__all__ = ["PictureCollator", "PictureReader", "TrainingReader"]
