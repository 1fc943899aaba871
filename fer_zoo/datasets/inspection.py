"""A check of data before hours are spent on it: counts, pictures that occur twice, and files that cannot be read."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations
from os import PathLike, fspath
from typing import Any

from fer_zoo.datasets.loading import count_remark, open_reader
from fer_zoo.datasets.reader import DatasetReader
from fer_zoo.datasets.sample import Sample
from fer_zoo.datasets.twins import try_pixel_checksums
from fer_zoo.errors import ImageReadError
from fer_zoo.imaging import DEFAULT_MAX_PIXELS
from fer_zoo.labels import LabelSet


@dataclass(frozen=True, slots=True)
class SplitReport:
    """What a split holds.

    Attributes:
        split: its name.
        num_samples: number of pictures.
        num_unlabelled: how many of them have no label.
        num_left_out: how many more it lists that are none of the classes.
        num_repeated: how many pictures show the same pixels as an earlier one of the split.
        class_counts: every class with its number of pictures, in the order of the label set.
    """

    split: str
    num_samples: int
    num_unlabelled: int
    num_left_out: int
    num_repeated: int
    class_counts: tuple[tuple[str, int], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, ready for JSON."""
        return {
            "split": self.split,
            "samples": self.num_samples,
            "unlabelled": self.num_unlabelled,
            "left_out": self.num_left_out,
            "repeated": self.num_repeated,
            "classes": dict(self.class_counts),
        }


@dataclass(frozen=True, slots=True)
class SharedPictures:
    """How many pictures of one split also occur in another.

    Attributes:
        split: the split whose pictures are counted.
        other: the split in which they occur too.
        count: number of pictures.
    """

    split: str
    other: str
    count: int

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, ready for JSON."""
        return {"split": self.split, "also_in": self.other, "pictures": self.count}


@dataclass(frozen=True, slots=True)
class TwinGroup:
    """Files with the same pixels.

    Attributes:
        sources: the files.
        splits: the split of each file.
        labels: the label of each file, ``None`` where it has none.
    """

    sources: tuple[str, ...]
    splits: tuple[str, ...]
    labels: tuple[str | None, ...]

    def to_dict(self) -> list[dict[str, Any]]:
        """Return plain Python values, ready for JSON: one object a file."""
        rows = zip(self.sources, self.splits, self.labels, strict=True)
        return [{"file": source, "split": split, "label": label} for source, split, label in rows]


@dataclass(frozen=True, slots=True)
class DatasetReport:
    """The result of a check.

    Attributes:
        kind: the kind of data set.
        path: where it lies.
        splits: one entry a split.
        shared: pictures that occur in two splits, for every pair of splits.
        twins: every group of files with the same pixels.
        unreadable: every file that cannot be read, with the reason.
        remarks: sentences on what else is unusual.
    """

    kind: str
    path: str
    splits: tuple[SplitReport, ...]
    shared: tuple[SharedPictures, ...]
    twins: tuple[TwinGroup, ...]
    unreadable: tuple[tuple[str, str], ...]
    remarks: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, ready for JSON."""
        return {
            "kind": self.kind,
            "path": self.path,
            "splits": [split.to_dict() for split in self.splits],
            "shared": [shared.to_dict() for shared in self.shared],
            "twins": [group.to_dict() for group in self.twins],
            "unreadable": [{"file": source, "reason": reason} for source, reason in self.unreadable],
            "remarks": list(self.remarks),
        }


def check_dataset(
    kind: str,
    path: str | PathLike[str],
    *,
    threads: int | None = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    on_progress: Callable[[int, int], None] | None = None,
    **options: Any,
) -> DatasetReport:
    """Read every picture of a data set, in threads, and report what is there.

    Args:
        kind: what it is, a key of ``DATASETS``.
        path: its folder, or the file of a table.
        threads: how many pictures are decoded at a time; by default what Python chooses for the number of cores.
        max_pixels: largest accepted picture, width times height in pixels.
        on_progress: called after each picture with the number done and the number of all.
        options: what only this kind has, for example ``label_set`` or ``last_frames``.

    Raises:
        UnknownNameError: there is no such kind or option.
        DatasetLayoutError: the data are not there, or look different.
        AnnotationError: a row or a folder cannot be used.
    """
    reader = open_reader(kind, path, **options)
    read = {split: reader.read_split(split) for split in reader.find_splits()}
    samples = [(split, sample) for split, part in read.items() for sample in part.samples]
    places: dict[str, list[tuple[str, Sample]]] = defaultdict(list)
    unreadable = []
    checksums = try_pixel_checksums([sample for _, sample in samples], max_pixels=max_pixels, threads=threads)
    for done, ((split, sample), checksum) in enumerate(zip(samples, checksums, strict=True), start=1):
        if isinstance(checksum, ImageReadError):
            unreadable.append((sample.source, checksum.reason))
        else:
            places[checksum].append((split, sample))
        if on_progress is not None:
            on_progress(done, len(samples))
    groups = [group for group in places.values() if len(group) > 1]
    splits = tuple(
        _report_split(split, part.samples, part.num_left_out, groups, reader.label_set) for split, part in read.items()
    )
    return DatasetReport(
        kind,
        fspath(path),
        splits,
        tuple(_count_shared(split, other, groups) for other, split in combinations(read, 2)),
        tuple(_twin_group(group, reader.label_set) for group in groups),
        tuple(unreadable),
        tuple(_find_remarks(reader, splits)),
    )


def _report_split(
    split: str,
    samples: tuple[Sample, ...],
    num_left_out: int,
    groups: list[list[tuple[str, Sample]]],
    label_set: LabelSet,
) -> SplitReport:
    """Count the classes and repeated pictures of a split."""
    labels = Counter(sample.label for sample in samples)
    in_groups = (sum(place == split for place, _ in group) for group in groups)
    repeated = sum(max(count - 1, 0) for count in in_groups)
    counts = tuple((str(expression), labels[index]) for index, expression in enumerate(label_set))
    return SplitReport(split, len(samples), labels[None], num_left_out, repeated, counts)


def _count_shared(split: str, other: str, groups: list[list[tuple[str, Sample]]]) -> SharedPictures:
    """Count the pictures of a split that also occur in another."""
    places = [[place for place, _ in group] for group in groups]
    return SharedPictures(split, other, sum(group.count(split) for group in places if other in group))


def _twin_group(group: list[tuple[str, Sample]], label_set: LabelSet) -> TwinGroup:
    """Describe files with the same pixels."""
    labels = (sample.label for _, sample in group)
    return TwinGroup(
        tuple(sample.source for _, sample in group),
        tuple(split for split, _ in group),
        tuple(None if label is None else str(label_set.classes[label]) for label in labels),
    )


def _find_remarks(reader: DatasetReader, splits: tuple[SplitReport, ...]) -> list[str]:
    """Return a sentence for every count that is not as published, and for every class without a picture."""
    remarks = [count_remark(reader, report.split, report.num_samples) for report in splits]
    for report in splits:
        empty = [name for name, count in report.class_counts if not count]
        if empty:
            remarks.append(f"The split {report.split!r} has no picture of: {', '.join(empty)}.")
    return [remark for remark in remarks if remark is not None]


__all__ = ["DatasetReport", "SharedPictures", "SplitReport", "TwinGroup", "check_dataset"]
