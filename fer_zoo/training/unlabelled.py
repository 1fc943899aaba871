"""Pictures without labels, in batches beside the labelled ones.

Which pictures a batch holds depends on the seed, the process and the number of the batch alone. A run that was
interrupted therefore goes on with the very pictures that it would have met.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from os import PathLike
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Subset

from fer_zoo.errors import TrainingDataError
from fer_zoo.training.pictures import PictureReader, Rows, check_batch
from fer_zoo.training.stored_pictures import StoredPictures

#: A file, and which part of it is the picture.
PictureKey: TypeAlias = tuple[str, Any]

ORDERS = 1  # keeps the orders of the unlabelled pictures apart from those of the labelled ones


class UnlabelledRows:
    """A data set whose labels are not looked at, if it has any.

    Args:
        rows: the data set.
    """

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.rows)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return a picture."""
        return {"image": self.rows[index]["image"]}


class UnlabelledBatches:
    """An endless row of batches that can be entered anywhere.

    The pictures come in one random order after the other, and each process takes its share of every batch: no picture
    comes again before all have come. Data sets smaller than a batch are gone through several times for it.

    Args:
        pictures: the data set.
        batch_size: pictures in the batch of one process, at least 1.
        seed: of the run.
        collate: joins rows to a batch.
        rank: number of this process, from 0.
        num_processes: how many there are.
        num_workers: processes that read ahead.
        pin_memory: whether batches are put where a graphics card fetches them quickly.

    Raises:
        TrainingDataError: if there are no pictures.
    """

    def __init__(
        self,
        pictures: PictureReader | StoredPictures,
        *,
        batch_size: int,
        seed: int,
        collate: Callable[[Any], dict[str, Tensor]],
        rank: int = 0,
        num_processes: int = 1,
        num_workers: int = 0,
        pin_memory: bool = False,
    ) -> None:
        if len(pictures) == 0:
            raise TrainingDataError("There are no unlabelled pictures to train on")
        self.pictures = pictures
        self.batch_size = batch_size
        self.seed = seed
        self.rank = rank
        self.num_processes = num_processes
        self._options: dict[str, Any] = {
            "collate_fn": collate,
            "num_workers": num_workers,
            "pin_memory": pin_memory,
        }
        self._orders: dict[int, list[int]] = {}
        self._next = 0
        self._batches: Iterator[dict[str, Tensor]] | None = None

    def indices(self, number: int) -> list[int]:
        """Return which pictures a batch of this process holds.

        Args:
            number: of the batch, from 0.
        """
        first = (number * self.num_processes + self.rank) * self.batch_size
        return [self._index(position) for position in range(first, first + self.batch_size)]

    def batch(self, number: int) -> dict[str, Tensor]:
        """Return a batch; the next ones are being read meanwhile, if there are workers.

        Args:
            number: of the batch, from 0; one after the other is quickest.

        Returns:
            ``images`` ``(U, 3, H, W)`` uint8, and ``num_unreadable`` if pictures were left out.

        Raises:
            ImageReadError: if a picture cannot be read and is not to be skipped.
        """
        if self._batches is None or number != self._next:
            # The generator is our own: a data loader that took its seed from torch's would change what comes after.
            generator = torch.Generator().manual_seed(self.seed)
            sampler = _From(self, number)
            self._batches = iter(DataLoader(self.pictures, batch_sampler=sampler, generator=generator, **self._options))
        self._next = number + 1
        return check_batch(next(self._batches))

    def close(self) -> None:
        """Let the workers go; the next batch calls new ones."""
        self._batches = None

    def _index(self, position: int) -> int:
        """Return the picture at a position in the endless row."""
        turn, place = divmod(position, len(self.pictures))
        if turn not in self._orders:
            generator = torch.Generator().manual_seed(hash((self.seed, ORDERS, turn)) % 2**63)
            self._orders = {key: order for key, order in self._orders.items() if key == turn - 1}
            self._orders[turn] = torch.randperm(len(self.pictures), generator=generator).tolist()
        return self._orders[turn][place]


class _From:
    """The indices of all batches from a number on, as data loaders take them.

    Args:
        batches: whose indices.
        start: number of the first batch.
    """

    def __init__(self, batches: UnlabelledBatches, start: int) -> None:
        self.batches = batches
        self.start = start

    def __iter__(self) -> Iterator[list[int]]:
        """Yield the indices of one batch after the other, without end."""
        number = self.start
        while True:
            yield self.batches.indices(number)
            number += 1


def check_apart(labelled: Rows, unlabelled: Rows) -> None:
    """Refuse labelled pictures among the unlabelled ones: a model that knows their labels is too sure of them.

    Pictures are told apart by their paths, where the data sets show them: data sets of this library, lists of rows
    whose ``image`` is a path, and ``torch.utils.data.Subset`` of either. Copies of a file are not found.

    Args:
        labelled: the one data set.
        unlabelled: the other.

    Raises:
        TrainingDataError: if a picture is in both.
    """
    known = set(list_pictures(labelled))
    shared = [key for key in list_pictures(unlabelled) if key in known]
    if shared:
        raise TrainingDataError(
            f"{len(shared)} of {len(unlabelled)} unlabelled pictures are among the labelled ones, the first of them "
            f"{shared[0][0]!r}; leave them out of the unlabelled pictures"
        )


def list_pictures(rows: Any) -> list[PictureKey]:
    """Return path and part of the pictures of a data set, nothing for those without a path."""
    if isinstance(rows, PictureReader | UnlabelledRows):
        return list_pictures(rows.rows)
    if isinstance(rows, Subset):
        whole: Any = rows.dataset
        samples = getattr(whole, "samples", whole if isinstance(whole, list | tuple) else None)
        return [] if samples is None else [key for index in rows.indices for key in _keys_of(samples[index])]
    samples = getattr(rows, "samples", rows if isinstance(rows, list | tuple) else ())
    return [key for sample in samples for key in _keys_of(sample)]


def _keys_of(sample: Any) -> list[PictureKey]:
    """Return path and part of a sample or of a row, nothing if it has no path."""
    path = sample.get("image") if isinstance(sample, Mapping) else getattr(sample, "path", None)
    return [(str(Path(path).absolute()), getattr(sample, "part", None))] if isinstance(path, str | PathLike) else []


__all__ = ["UnlabelledBatches", "check_apart"]
