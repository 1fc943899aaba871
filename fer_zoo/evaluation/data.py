"""What an evaluation needs of a data set, and reading it in batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, cast, get_args, runtime_checkable

import numpy as np
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from fer_zoo.errors import FerZooError, ImageReadError, InvalidOptionError
from fer_zoo.labels import LabelSet
from fer_zoo.ranges import check_counts

OnUnreadable = Literal["raise", "skip"]

#: Takes how many pictures are done, and how many there are.
OnProgress = Callable[[int, int], None]


@runtime_checkable
class LabelledPictures(Protocol):
    """A map-style data set of faces, as those of ``fer_zoo.datasets`` are; one of your own serves as well.

    ``dataset[i]`` is a mapping with ``"image"``, an RGB picture of Pillow, and ``"label"``, a class index of
    ``label_set`` or a vote for each of its classes. A picture that cannot be read raises
    :class:`~fer_zoo.errors.ImageReadError`.
    """

    @property
    def name(self) -> str:
        """What the data is called in reports."""
        ...

    @property
    def split(self) -> str:
        """Which part of it this is."""
        ...

    @property
    def label_set(self) -> LabelSet:
        """The classes and their order."""
        ...

    def __len__(self) -> int:
        """Return the number of pictures."""
        ...

    def __getitem__(self, index: int) -> Mapping[str, Any]:
        """Return a picture with its label."""
        ...


@dataclass(frozen=True, slots=True)
class LabelledPicture:
    """A picture that was read.

    Attributes:
        index: its place in the data set.
        image: RGB.
        label: class index in the label set of the data; of votes, the class with most (the first of equals).
    """

    index: int
    image: Image.Image
    label: int


def check_source(dataset: object, unreadable: str) -> None:
    """Refuse what is no data set, and another choice than the two.

    Raises:
        InvalidOptionError: if the data set lacks what is asked of it, or the choice is neither ``"raise"`` nor
            ``"skip"``.
    """
    if not isinstance(dataset, LabelledPictures):
        expected = "a data set with len(), [index], name, split and label_set, as those of fer_zoo.datasets are"
        raise InvalidOptionError("dataset", type(dataset).__name__, expected)
    parse_unreadable(unreadable)


def parse_unreadable(text: str) -> OnUnreadable:
    """Return what is to be done with pictures that cannot be read.

    Raises:
        InvalidOptionError: if it is neither ``"raise"`` nor ``"skip"``.
    """
    if text not in get_args(OnUnreadable):
        raise InvalidOptionError("unreadable", text, "'raise' or 'skip'")
    return cast(OnUnreadable, text)


def read_item(dataset: LabelledPictures, index: int) -> LabelledPicture | ImageReadError:
    """Read a picture and its label, or return why the picture cannot be read.

    Raises:
        InvalidOptionError: if there is no label, or it is none of the label set.
    """
    try:
        item = dataset[index]
    except ImageReadError as error:
        return error
    name = f"{dataset.name} ({dataset.split})"
    if item.get("label") is None:
        raise InvalidOptionError("dataset", name, f"a data set with labels: picture {index} has none")
    return LabelledPicture(index, item["image"], class_of(item["label"], dataset.label_set, f"{index} of {name}"))


def class_of(label: int | Sequence[float], label_set: LabelSet, picture: str) -> int:
    """Return the class index that a label stands for: itself, or the class with most votes.

    Args:
        label: class index, or a vote for each class.
        label_set: the classes.
        picture: how messages name the picture.

    Raises:
        InvalidOptionError: if it is neither.
    """
    value = np.asarray(label)
    is_numeric = value.dtype.kind in "iuf"
    if is_numeric and value.shape == (len(label_set),) and value.sum() > 0:
        return int(value.argmax())
    if is_numeric and value.shape == () and value in range(len(label_set)):
        return int(value)
    raise InvalidOptionError(
        f"the label of picture {picture}",
        label,
        f"a class index from 0 to {len(label_set) - 1}, or {len(label_set)} votes of which one is above 0",
    )


class _Readings(Dataset[LabelledPicture | FerZooError]):
    """The pictures of a data set with errors as values: what a worker raises, the loader makes a ``RuntimeError``."""

    def __init__(self, dataset: LabelledPictures) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        """Return the number of pictures, readable or not."""
        return len(self.dataset)

    def __getitem__(self, index: int) -> LabelledPicture | FerZooError:
        """Return a picture with its label, or why it cannot be read or used."""
        try:
            return read_item(self.dataset, index)
        except FerZooError as error:
            return error


def read_batches(
    dataset: LabelledPictures, collate: Callable[[list[Any]], Any], *, batch_size: int, num_workers: int
) -> Iterator[Any]:
    """Yield what a function makes of each batch of :func:`read_item`, in the order of the data set.

    What :func:`read_item` raises on purpose is an item of the batch too.

    Args:
        dataset: the pictures.
        collate: takes a list of pictures and errors; it runs in the workers.
        batch_size: how many pictures a batch has.
        num_workers: processes that read; with 0 this one does.

    Raises:
        InvalidOptionError: if an option is out of its range.
    """
    check_counts(batch_size=batch_size)
    check_counts(0, num_workers=num_workers)
    yield from DataLoader(_Readings(dataset), batch_size=batch_size, num_workers=num_workers, collate_fn=collate)


__all__ = [
    "LabelledPicture",
    "LabelledPictures",
    "OnProgress",
    "OnUnreadable",
    "check_source",
    "class_of",
    "parse_unreadable",
    "read_batches",
    "read_item",
]
