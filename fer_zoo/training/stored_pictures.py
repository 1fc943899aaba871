"""A data set that fits is read once and kept whole: then nothing is left for the processor to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from fer_zoo.errors import ImageReadError
from fer_zoo.training.pictures import PictureCollator, PictureReader, Rows
from fer_zoo.training.pixel_preparation import PixelPreparation

READ_BATCH = 64  # pictures that a worker hands over together while a data set is read


class StoredPictures(Dataset[Any]):
    """A data set whose pictures were all read and are kept in one tensor.

    Args:
        images: ``(N, C, H, W)`` uint8, on any device.
        labels: ``(N,)`` class numbers or ``(N, K)`` votes on the CPU, or ``None``.
        num_unreadable: pictures that were left out.
    """

    def __init__(self, images: Tensor, labels: Tensor | None, num_unreadable: int = 0) -> None:
        self.images = images
        self.label_tensor = labels
        self.num_unreadable = num_unreadable

    @classmethod
    def read(
        cls,
        rows: Rows,
        preparation: PixelPreparation,
        *,
        device: torch.device | str = "cpu",
        unreadable: str = "raise",
        num_workers: int = 0,
    ) -> StoredPictures:
        """Read all pictures of a data set.

        They are kept in their own size if that is one and the same, else in the size of the model; grey pictures of a
        grey model take one channel.

        Args:
            rows: the data set.
            preparation: of the model that they are for.
            device: where to keep them.
            unreadable: ``"raise"``, or ``"skip"`` to leave pictures out that cannot be read.
            num_workers: processes that read.

        Raises:
            ImageReadError: if a picture cannot be read and ``unreadable`` is ``"raise"``.
            TrainingDataError: if no picture can be read.
        """
        collate = PictureCollator(preparation.size, preparation.interpolation)
        found = _read_rows(PictureReader(rows, unreadable), collate, num_workers)
        batch = collate(found)
        images = batch["images"]
        if preparation.is_grey and torch.equal(images[:, :1].expand_as(images), images):
            images = images[:, :1]
        return cls(images.contiguous().to(device), batch.get("labels"), int(batch.get("num_unreadable", 0)))

    @property
    def labels(self) -> list[Any]:
        """The labels of the rows that were kept."""
        return [None] * len(self) if self.label_tensor is None else list(self.label_tensor.tolist())

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.images)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        """Return one picture as a batch."""
        return self.__getitems__([index])

    def __getitems__(self, indices: Sequence[int]) -> dict[str, Tensor]:
        """Return a batch, which is how data loaders ask for the pictures of a data set that has this method."""
        chosen = torch.as_tensor(indices)
        batch = {"images": self.images[chosen.to(self.images.device)]}
        if self.label_tensor is not None:
            batch["labels"] = self.label_tensor[chosen]
        return batch


def _read_rows(reader: PictureReader, collate: PictureCollator, num_workers: int) -> list[dict[str, Any] | None]:
    """Read all rows; from the second size on, pictures are held in the size of the model, which may be far smaller.

    Raises:
        ImageReadError: if a picture cannot be read and is not to be skipped.
    """
    # The generator is our own: a data loader that took its seed from torch's would change what training draws.
    loader = DataLoader(reader, READ_BATCH, collate_fn=list, num_workers=num_workers, generator=torch.Generator())
    held: list[dict[str, Any] | None] = []
    shape: torch.Size | None = None
    has_sizes = False
    for row in (row for several in loader for row in several):
        if isinstance(row, ImageReadError):
            raise row
        if row is not None:
            shape = row["image"].shape if shape is None else shape
            if not has_sizes and row["image"].shape != shape:
                has_sizes = True
                held = [old and {**old, "image": collate.resize(old["image"])} for old in held]
            if has_sizes:
                row["image"] = collate.resize(row["image"])
        held.append(row)
    return held


__all__ = ["StoredPictures"]
