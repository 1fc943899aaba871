"""A share of the pictures to learn from is cut off, to choose the epoch by."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from fer_zoo.datasets import ExpressionDataset
from fer_zoo.errors import MissingPackageError, TrainingDataError
from fer_zoo.training.unlabelled import list_pictures

MIN_PER_CLASS = 2  # pictures of a class of which one can be cut off


def cut_share(dataset: ExpressionDataset, share: float, seed: int) -> tuple[ExpressionDataset, ExpressionDataset]:
    """Cut a share off a data set, the same of every class, with no picture on both sides, nor a known person.

    Args:
        dataset: the pictures.
        share: how much, in (0, 1); with persons, or pictures that are listed more than once, one over a whole number
            that is close to it.
        seed: the same seed cuts the same pictures off.

    Returns:
        What is left, and what was cut off.

    Raises:
        TrainingDataError: if a class has too few pictures or persons, all of a class would be cut off, or a picture has
            no class.
        MissingPackageError: if scikit-learn is not installed.
    """
    found = _classes(dataset)
    if None in found:
        raise TrainingDataError(
            f"A share of {share:g} cannot be cut off the same of every class: {found.count(None):,} of "
            f"{len(dataset):,} pictures have none. Name data.eval_split, or set data.eval_share to 0"
        )
    pictures = list_pictures(dataset)
    counts = Counter(number for _, number in set(zip(pictures, found, strict=True)))  # some are listed several times
    rare = [str(e) for number, e in enumerate(dataset.label_set) if 0 < counts[number] < MIN_PER_CLASS]
    if rare:
        raise TrainingDataError(f"Only one picture of {', '.join(rare)}: nothing can be cut off to choose the epoch by")
    groups = [repr(key) if group is None else group for key, group in zip(pictures, dataset.groups, strict=True)]
    classes = np.array(found)
    left, cut = _split(classes, groups, share, seed)
    kept = set(classes[left].tolist())
    lost = [str(e) for number, e in enumerate(dataset.label_set) if counts[number] and number not in kept]
    if lost:
        raise TrainingDataError(
            f"A share of {share:g} of {len(dataset)} pictures with seed {seed} takes all of {', '.join(lost)}: choose "
            "a smaller data.eval_share, another training.seed, or data.eval_split"
        )
    return dataset.select(sorted(left.tolist())), dataset.select(sorted(cut.tolist()))


def _split(
    classes: NDArray[np.int64], groups: Sequence[str], share: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the places of the rows that are left and of those that are cut off, a group on one side.

    Raises:
        TrainingDataError: if there are too few.
        MissingPackageError: if scikit-learn is not installed.
    """
    try:
        from sklearn.model_selection import StratifiedGroupKFold, train_test_split
    except ModuleNotFoundError as error:
        raise MissingPackageError("scikit-learn", "Cutting off a share", "pip install 'fer-zoo[train]'") from error
    places = np.arange(len(classes))
    try:
        if len(set(groups)) < len(groups):
            folds = StratifiedGroupKFold(max(2, round(1 / share)), shuffle=True, random_state=seed)
            left, cut = next(iter(folds.split(places, classes, groups)))
        else:
            left, cut = train_test_split(places, test_size=share, stratify=classes, random_state=seed)
    except ValueError as error:
        raise TrainingDataError(
            f"A share of {share:g} of {len(classes)} pictures cannot be cut off ({error})"
        ) from error
    return left, cut


def _classes(dataset: ExpressionDataset) -> list[int | None]:
    """Return the class of every picture; where only votes are known, the class with the most."""
    return [
        int(np.argmax(sample.votes)) if sample.label is None and sample.votes is not None else sample.label
        for sample in dataset.samples
    ]


__all__ = ["cut_share"]
