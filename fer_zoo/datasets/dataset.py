"""A map-style data set of labelled faces, whatever it was read from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import torch
from PIL import Image

from fer_zoo.datasets.challenge import ChallengeList, match_challenge
from fer_zoo.datasets.hugging_face import convert_to_hugging_face
from fer_zoo.datasets.sample import Sample, Targets
from fer_zoo.datasets.twins import pixel_checksums, try_pixel_checksums
from fer_zoo.errors import EmptyClassError, InvalidOptionError
from fer_zoo.imaging import DEFAULT_MAX_PIXELS
from fer_zoo.labels import Expression, LabelMapping, LabelSet, get_label_set

TARGETS = ("labels", "votes")


class ExpressionDataset(torch.utils.data.Dataset[dict[str, Any]]):
    """Pictures with their labels or votes; a picture is read from its file each time it is asked for.

    An item is ``{"image": picture, "label": label}``: a PIL picture in RGB, and the class index or, with the targets
    ``"votes"``, the list of K votes. A sample without the target, which is a vote above 0 there, has no ``"label"``.
    Data sets never change: every method that selects or translates gives a new one.

    Args:
        samples: the pictures.
        label_set: what the class indices stand for, K classes.
        name: what messages call the data set.
        split: which part of the data it is; ``"all"`` for everything.
        targets: whether items carry class indices or votes.
        num_dropped: how many samples the step that made this data set left out.
        max_pixels: largest accepted picture, width times height in pixels.

    Raises:
        InvalidOptionError: the targets are unknown, a label is no class index of the set, or votes are not K numbers.
    """

    def __init__(
        self,
        samples: Iterable[Sample],
        label_set: LabelSet,
        *,
        name: str,
        split: str = "all",
        targets: Targets = "labels",
        num_dropped: int = 0,
        max_pixels: int = DEFAULT_MAX_PIXELS,
    ) -> None:
        if targets not in TARGETS:
            raise InvalidOptionError("targets", targets, "'labels' or 'votes'")
        self.samples: tuple[Sample, ...] = tuple(samples)
        self.label_set = label_set
        self.name = name
        self.split = split
        self.targets: Targets = targets
        self.num_dropped = num_dropped
        self.max_pixels = max_pixels
        for sample in self.samples:
            if sample.label is not None and not 0 <= sample.label < len(label_set):
                expected = f"a class index of {label_set.name}, 0 to {len(label_set) - 1}"
                raise InvalidOptionError(f"the label of {sample.source}", sample.label, expected)
            if sample.votes is not None and len(sample.votes) != len(label_set):
                expected = f"one number for each of the {len(label_set)} classes of {label_set.name}"
                raise InvalidOptionError(f"the votes of {sample.source}", sample.votes, expected)

    def __len__(self) -> int:
        """Return the number of samples."""
        return len(self.samples)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Read one picture.

        Raises:
            ImageReadError: the picture cannot be read; the message names the file.
        """
        sample = self.samples[index]
        item: dict[str, Any] = {"image": Image.fromarray(sample.read(max_pixels=self.max_pixels))}
        target = self.target_of(sample)
        return item if target is None else {**item, "label": target}

    def __repr__(self) -> str:
        """Show what it is and how large."""
        return (
            f"{type(self).__name__}(name={self.name!r}, split={self.split!r}, label_set={self.label_set.name!r}, "
            f"targets={self.targets!r}, samples={len(self)})"
        )

    def target_of(self, sample: Sample) -> int | list[float] | None:
        """Return what an item of the sample carries as its label: a class index, votes, or nothing."""
        target = sample.target(self.targets)
        return list(target) if isinstance(target, tuple) else target

    @property
    def labels(self) -> tuple[int | None, ...]:
        """The class index of every sample, ``None`` for those without."""
        return tuple(sample.label for sample in self.samples)

    @property
    def groups(self) -> tuple[str | None, ...]:
        """What the samples of one person share, to keep a person on one side of a split; ``None`` if not known."""
        return tuple(sample.group for sample in self.samples)

    def class_counts(self) -> dict[Expression, int]:
        """Return the number of samples of every class, in the order of the label set, 0 included."""
        counts = Counter(self.labels)
        return {expression: counts[index] for index, expression in enumerate(self.label_set)}

    def require_every_class(self) -> None:
        """Make sure that there is something to learn of every class: a sample, or with votes as targets a vote above 0.

        Raises:
            EmptyClassError: a class has nothing to learn; the message lists all of them.
        """
        counts = list(self.class_counts().values())
        if self.targets == "votes":
            votes = [sample.votes for sample in self.samples if sample.votes is not None]
            counts = [any(row[index] > 0 for row in votes) for index in range(len(self.label_set))]
        empty = [expression for expression, count in zip(self.label_set, counts, strict=True) if not count]
        if empty:
            raise EmptyClassError(f"{self.name}, {self.split}", self.label_set.name, empty)

    def select(self, indices: Iterable[int]) -> ExpressionDataset:
        """Return the samples of the given indices, in their order; ``num_dropped`` counts the others.

        Raises:
            InvalidOptionError: an index is out of range.
        """
        chosen = [int(index) for index in indices]
        for index in chosen:
            if not -len(self) <= index < len(self):
                raise InvalidOptionError("indices", index, f"indices from 0 to {len(self) - 1}")
        return self._with_samples([self.samples[index] for index in chosen])

    def select_challenge(self, challenge: ChallengeList) -> ExpressionDataset:
        """Return the samples that a challenge list names, in its order, each once, with the labels of this data set.

        Args:
            challenge: see :func:`~fer_zoo.datasets.read_challenge_list`.

        Raises:
            InvalidOptionError: none of its names is here, or a name fits several samples.

        Warns:
            DatasetWarning: some names are not here; it says how many and which come first.
        """
        return self.select(match_challenge(challenge, self.samples, f"{self.name}, {self.split}"))

    def mapped_to(self, label_set: LabelSet | str) -> ExpressionDataset:
        """Return the data set with its labels and votes translated to another label set.

        Samples whose class the other set lacks are left out and counted in ``num_dropped``; so are, with the targets
        ``"votes"``, those of which no vote remains. Votes for classes that the other set lacks are not counted, and
        its classes that are not here get none.

        Args:
            label_set: the target, or its name if it is a known set.

        Raises:
            UnknownNameError: there is no set of that name.
        """
        label_set = get_label_set(label_set) if isinstance(label_set, str) else label_set
        mapping = self.label_set.mapping_to(label_set)
        pairs = ((sample, _translate(sample, mapping)) for sample in self.samples)
        kept = [
            translated
            for sample, translated in pairs
            if translated is not None
            and (self.targets == "labels" or self.target_of(sample) is None or translated.target("votes") is not None)
        ]
        return self._with_samples(kept, label_set)

    def without_twins_of(
        self, other: ExpressionDataset, *, threads: int | None = None, unreadable: str = "raise"
    ) -> ExpressionDataset:
        """Return the samples whose decoded pixels do not also occur in another data set, unlabelled ones included.

        Args:
            other: for example the training data, when this is what a model is judged on.
            threads: how many pictures are decoded at a time; by default what Python chooses for the number of cores.
            unreadable: ``"raise"``, or ``"skip"`` to keep pictures that cannot be read, as they are nobody's twins.

        Raises:
            ImageReadError: a picture of either data set cannot be read, and is not to be skipped.
            InvalidOptionError: ``unreadable`` is neither of the two.
        """
        if unreadable not in {"raise", "skip"}:
            raise InvalidOptionError("unreadable", unreadable, "'raise' or 'skip'")
        read = pixel_checksums if unreadable == "raise" else try_pixel_checksums
        checksums = read(other.samples, max_pixels=other.max_pixels, threads=threads)
        seen = {checksum for checksum in checksums if isinstance(checksum, str)}
        own = read(self.samples, max_pixels=self.max_pixels, threads=threads)
        return self._with_samples([s for s, checksum in zip(self.samples, own, strict=True) if checksum not in seen])

    def with_labels(self) -> ExpressionDataset:
        """Return the samples that have a class, with it as their target; ``num_dropped`` counts the others."""
        return self._with_samples([sample for sample in self.samples if sample.label is not None], targets="labels")

    def to_hugging_face(self) -> Any:  # untyped package
        """Return a ``datasets.Dataset`` with the columns ``image`` and, if any sample has a target, ``label``.

        Its pictures have the pixels that this data set gives, so far as their files can be read.

        Raises:
            MissingPackageError: the package ``datasets`` is not installed.
            ImageReadError: a picture that is only part of its file cannot be read.
        """
        return convert_to_hugging_face(self)

    def _with_samples(
        self, samples: list[Sample], label_set: LabelSet | None = None, *, targets: Targets | None = None
    ) -> ExpressionDataset:
        """Return a data set of the same kind with other samples."""
        return ExpressionDataset(
            samples,
            label_set or self.label_set,
            name=self.name,
            split=self.split,
            targets=targets or self.targets,
            num_dropped=max(len(self) - len(samples), 0),
            max_pixels=self.max_pixels,
        )


def _translate(sample: Sample, mapping: LabelMapping) -> Sample | None:
    """Return the sample with its label and votes in the target's order, or ``None`` if its class is not there."""
    label = None if sample.label is None else mapping.indices[sample.label]
    if sample.label is not None and label is None:
        return None
    if sample.votes is None:
        return replace(sample, label=label)
    votes = [0.0] * len(mapping.target)
    for index, count in zip(mapping.indices, sample.votes, strict=True):
        if index is not None:
            votes[index] = count
    return replace(sample, label=label, votes=tuple(votes))


__all__ = ["TARGETS", "ExpressionDataset", "Targets"]
