"""The table of data sets, and the one function that loads any of them."""

from __future__ import annotations

import inspect
import os
import warnings
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from fer_zoo.datasets.affect_net import AffectNet7Reader, AffectNet8Reader
from fer_zoo.datasets.caer_s import CaerSReader
from fer_zoo.datasets.ck_plus import CkPlusReader
from fer_zoo.datasets.dataset import TARGETS, ExpressionDataset, Targets
from fer_zoo.datasets.fer2013 import Fer2013Reader
from fer_zoo.datasets.fer_plus import FerPlusReader
from fer_zoo.datasets.image_folder import ImageFolderReader
from fer_zoo.datasets.raf_db import RafDbReader
from fer_zoo.datasets.reader import ALL, DatasetReader
from fer_zoo.datasets.sample import Sample
from fer_zoo.datasets.table import TableReader
from fer_zoo.errors import ArgumentTypeError, DatasetWarning, InvalidOptionError, UnknownNameError
from fer_zoo.imaging import DEFAULT_MAX_PIXELS

_READERS: Final[tuple[type[DatasetReader], ...]] = (
    AffectNet7Reader,
    AffectNet8Reader,
    CaerSReader,
    CkPlusReader,
    Fer2013Reader,
    FerPlusReader,
    ImageFolderReader,
    RafDbReader,
    TableReader,
)

DATASETS: Final[Mapping[str, type[DatasetReader]]] = MappingProxyType({kind.card.name: kind for kind in _READERS})
"""Every kind of data set by name; it cannot be changed. ``DATASETS[name].card`` says what it is."""


def open_reader(kind: str, path: str | PathLike[str] | None, **options: Any) -> DatasetReader:
    """Return the reader for data of one kind.

    Raises:
        UnknownNameError: there is no such kind, or it has no such option.
        DatasetLayoutError: the data are not there.
        InvalidOptionError: an option is out of its range.
        ArgumentTypeError: the path is none.
    """
    if kind not in DATASETS:
        is_path = path is None or os.path.exists(kind)  # noqa: PTH110 - pathlib refuses some texts
        remark = "A path comes second, after the kind." if is_path else ""
        raise UnknownNameError("kind of data set", kind, DATASETS, remark=remark)
    if not isinstance(path, str | PathLike):
        raise ArgumentTypeError("path", path, f"where the data lie: {kind!r}, then the path; nothing is downloaded")
    reader = DATASETS[kind]
    known = list(inspect.signature(reader).parameters)[1:]  # without the path
    for name in options:
        if name not in known:
            raise UnknownNameError(f"option of {kind}", name, known)
    return reader(Path(path), **options)


def load_dataset(
    kind: str,
    path: str | PathLike[str] | None = None,
    *,
    split: str | None = None,
    targets: Targets = "labels",
    keep_unlabelled: bool = False,
    check_counts: bool = True,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    **options: Any,
) -> ExpressionDataset:
    """Load a data set from where it lies on the disk; nothing is downloaded.

    Args:
        kind: what it is, a key of ``DATASETS``.
        path: its folder, or the file of a table; it must be given.
        split: ``"train"``, ``"validation"`` or ``"test"``, or a usual short form; all that are there by default.
        targets: whether items carry the class index or the votes, of which one must be above 0.
        keep_unlabelled: whether samples without the target stay, as unlabelled ones; by default they are left out and
            counted in ``num_dropped``.
        check_counts: whether to warn if a split has another number of pictures than was published.
        max_pixels: largest accepted picture, width times height in pixels.
        options: what only this kind has, for example ``label_set`` or ``last_frames``.

    Raises:
        UnknownNameError: there is no such kind, split or option.
        DatasetLayoutError: the data or the split are not there; the message shows the layout and where to get them.
        AnnotationError: a row or a folder cannot be used; the message names the file and the line.
        InvalidOptionError: the data have no such targets, or an option is out of its range.
        ArgumentTypeError: the path is missing, or none.

    Warns:
        DatasetWarning: a split has another number of pictures than was published.
    """
    if targets not in TARGETS:
        raise InvalidOptionError("targets", targets, "'labels' or 'votes'")
    reader = open_reader(kind, path, **options)
    splits = reader.choose_splits(split)
    samples: list[Sample] = []
    num_left_out = 0
    for name in splits:
        part = reader.read_split(name)
        if check_counts and (remark := count_remark(reader, name, len(part.samples))):
            warnings.warn(DatasetWarning(remark), stacklevel=2)
        samples.extend(part.samples)
        num_left_out += part.num_left_out
    wanted = [sample for sample in samples if sample.target(targets) is not None]
    if not wanted and not keep_unlabelled:
        expected = f"targets that the {len(samples)} pictures in {str(path)!r} have; keep_unlabelled keeps them without"
        raise InvalidOptionError("targets", targets, expected)
    kept = samples if keep_unlabelled else wanted
    return ExpressionDataset(
        kept,
        reader.label_set,
        name=kind,
        split=splits[0] if split not in {None, ALL} else ALL,
        targets=targets,
        num_dropped=num_left_out + len(samples) - len(kept),
        max_pixels=max_pixels,
    )


def count_remark(reader: DatasetReader, split: str, found: int) -> str | None:
    """Return a sentence if a split has another number of pictures than was published."""
    expected = reader.expected_counts(split)
    if not expected or found in expected:
        return None
    numbers = " or ".join(f"{number:,}" for number in expected)
    return (
        f"The split {split!r} of {reader.card.name} in {str(reader.root)!r} has {found:,} pictures, expected {numbers}."
    )


__all__ = ["DATASETS", "count_remark", "load_dataset", "open_reader"]
