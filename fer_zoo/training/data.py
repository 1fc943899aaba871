"""The pictures of a run: what it learns from, what the epoch is chosen by, and what the report is about."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fer_zoo.datasets import ExpressionDataset, Sample, load_dataset
from fer_zoo.datasets.files import find_split_folders, pictures_below
from fer_zoo.datasets.loading import open_reader
from fer_zoo.datasets.reader import ALL
from fer_zoo.errors import DatasetWarning, InvalidOptionError, TrainingDataError
from fer_zoo.imaging import DEFAULT_MAX_PIXELS
from fer_zoo.labels import LabelSet, get_label_set
from fer_zoo.training.settings import DataSettings
from fer_zoo.training.share import cut_share
from fer_zoo.training.unlabelled import list_pictures

#: Options of :func:`fer_zoo.datasets.load_dataset` that are none of a kind of data set.
LOADING_OPTIONS = ("check_counts", "keep_unlabelled", "max_pixels")

AUTOMATIC_SHARE = 0.1  # cut off for choosing where there is no validation split
MIN_CLASSES = 2  # that can be told apart
TO_CHOOSE, TO_REPORT = "to choose the epoch by", "to report on"


@dataclass(frozen=True, slots=True)
class TrainingData:
    """The pictures of a run.

    Attributes:
        train: to learn from.
        eval: to choose the epoch and the temperature by; ``None`` if there are none.
        test: to report on; ``None`` means ``eval``.
        unlabelled: further pictures without labels; ``None`` if there are none.
        num_twins: how many pictures were left out of ``eval`` and ``test`` because training has them too.
        selection: which pictures of their split the reported ones are, in words; empty for all.
    """

    train: ExpressionDataset
    eval: ExpressionDataset | None = None
    test: ExpressionDataset | None = None
    unlabelled: ExpressionDataset | None = None
    num_twins: int = 0
    selection: str = ""

    @property
    def reported(self) -> ExpressionDataset | None:
        """The pictures that the report is about."""
        return self.eval if self.test is None else self.test

    @property
    def reports_on_choice(self) -> bool:
        """Whether the report is about pictures that the epoch and the temperature were chosen by, if only some."""
        chosen, reported = (set(list_pictures(part)) for part in (self.eval, self.reported))
        return not chosen.isdisjoint(reported)

    def digest(self, place: str) -> str:
        """Return a digest of the pictures that are learnt and that choose the epoch, with their targets, in order.

        Args:
            place: ``data.path``; pictures below it are told apart by their paths from there, others by their names, so
                that data may be moved as a whole.
        """
        root = Path(place).absolute()
        root = root.parent if root.is_file() else root
        found = hashlib.sha256()
        for name, part in (("train", self.train), ("eval", self.eval)):
            for sample in part.samples if part is not None else ():
                path = sample.path.absolute()
                picture = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
                found.update(repr((name, picture, sample.part, part and part.target_of(sample))).encode())
        return found.hexdigest()

    def counts(self) -> dict[str, dict[str, int]]:
        """Return the number of pictures of each class, by part; last, where there are any, that of those without."""
        parts = {"train": self.train, "eval": self.eval, "test": self.test}
        return {name: _count_classes(part) for name, part in parts.items() if part is not None}


def load_training_data(
    settings: DataSettings, *, seed: int, unreadable: str = "raise", needs_labels: bool = True
) -> TrainingData:
    """Load the pictures of a run.

    What is learnt may be votes; what is judged are classes, so pictures whose votes name none are left out there.

    Args:
        settings: which.
        seed: of the share that is cut off.
        unreadable: what to do with pictures that cannot be read while twins are looked for.
        needs_labels: whether every picture to learn from must have a label.

    Raises:
        EmptyClassError: if a class has no picture to learn from.
        TrainingDataError: if a part has no pictures, training has fewer than two classes or pictures without a label, a
            class has too few pictures to cut a share off, or pictures to measure with are among those to learn from,
            the unlabelled ones included.
        DatasetLayoutError: if the data or a split are not there.
        AnnotationError: if a label is outside the set.

    Warns:
        DatasetWarning: all pictures of a class are left out of a part to measure with, as twins.
    """
    splits = open_reader(settings.kind, settings.path, **_reader_options(settings.options)).find_splits()
    whole = train = _load_to_learn(settings, splits, needs_labels=needs_labels)
    eval_split, share = _find_choice(settings, splits, train)
    chosen = _load(settings, eval_split) if eval_split else None
    if share:
        train, chosen = cut_share(train, share, seed)
    tested = _load(settings, settings.test_split) if settings.test_split else None
    measured = {TO_CHOOSE: chosen and chosen.with_labels(), TO_REPORT: tested and tested.with_labels()}
    learnt = {"data.split": train, "data.unlabelled": _load_unlabelled(settings, train.label_set)}
    kept = dict(measured)
    if settings.without_twins:
        kept = {use: _leave_out_twins(use, part, learnt.values(), unreadable) for use, part in measured.items()}
    for use, part in kept.items():
        if part is not None and len(part) == 0:
            raise TrainingDataError(f"No picture is left {use}")
    names = {"data.eval_share" if share else "data.eval_split": kept[TO_CHOOSE], "data.test_split": kept[TO_REPORT]}
    for setting, part in learnt.items():
        check_measured_apart(setting, part, names)
    num_twins = {use: len(part) - len(kept[use] or ()) for use, part in measured.items() if part is not None}
    words = []
    if share and tested is None:
        words.append(f"a share of {len(chosen or ()):,} of {len(whole):,} that was cut off")
    if settings.without_twins and num_twins:
        words.append(f"without {num_twins.get(TO_REPORT, num_twins.get(TO_CHOOSE)):,} pictures that training has too")
    return TrainingData(
        train,
        kept[TO_CHOOSE],
        kept[TO_REPORT],
        learnt["data.unlabelled"],
        sum(num_twins.values()),
        ", ".join(words),
    )


def _load_to_learn(settings: DataSettings, splits: Sequence[str], *, needs_labels: bool) -> ExpressionDataset:
    """Load the pictures to learn from: the training split, or all of data that have no splits.

    Raises:
        InvalidOptionError: if there are several splits, of which none is for training, and none is named.
        EmptyClassError: if a class has no picture.
        TrainingDataError: if nothing can be learnt from them.
    """
    split = settings.split or ("train" if "train" in splits else None)
    if split is None and len(splits) > 1:
        raise InvalidOptionError("data.split", None, f"one of the splits that are there: {', '.join(splits)}")
    train = _load(settings, split)
    train.require_every_class()
    _check_learnable(train, needs_labels=needs_labels)
    return train


def _find_choice(
    settings: DataSettings, splits: Sequence[str], train: ExpressionDataset
) -> tuple[str | None, float | None]:
    """Return the split to choose the epoch by, or the share that is cut off; by default validation, or a tenth."""
    if settings.eval_split is not None or settings.eval_share is not None:
        return settings.eval_split, settings.eval_share
    has_validation = "validation" in splits and train.split not in {"validation", ALL}
    return ("validation", None) if has_validation else (None, AUTOMATIC_SHARE)


def check_measured_apart(
    setting: str, learnt: ExpressionDataset | None, measured: Mapping[str, ExpressionDataset | None]
) -> None:
    """Refuse pictures to measure with that are among those to learn from, as far as their paths show.

    Args:
        setting: that names the pictures to learn from.
        learnt: the pictures to learn from.
        measured: the parts to measure with, by the setting that names them.

    Raises:
        TrainingDataError: if a part shares pictures with training.
    """
    if learnt is None:
        return
    known = set(list_pictures(learnt))
    for name, part in measured.items():
        shared = [key for key in list_pictures(part) if key in known] if part is not None else []
        if part is not None and shared:
            raise TrainingDataError(
                f"{len(shared):,} of {len(part):,} pictures of {name} ({part.split}) are among the {len(learnt):,} to "
                f"learn from ({learnt.split}), the first of them {shared[0][0]!r}: choose another {setting} or {name}, "
                "or leave them out of measuring with data.without_twins"
            )


def _leave_out_twins(
    use: str, part: ExpressionDataset | None, learnt: Iterable[ExpressionDataset | None], unreadable: str
) -> ExpressionDataset | None:
    """Return a part to measure with, without the pictures that are learnt too.

    Warns:
        DatasetWarning: a class is left without a picture.
    """
    if part is None:
        return None
    rest = part
    for other in learnt:
        if rest and other:
            rest = rest.without_twins_of(other, unreadable=unreadable)
    counts = zip(part.class_counts().items(), rest.class_counts().values(), strict=True)
    lost = [str(expression) for (expression, before), after in counts if before and not after]
    if rest and lost:
        message = f"Of the pictures {use}, none of {', '.join(lost)} is left: training has the same ones"
        warnings.warn(DatasetWarning(message), stacklevel=3)
    return rest


def _count_classes(part: ExpressionDataset) -> dict[str, int]:
    """Return the number of pictures of each class, and of those that have none if there are any."""
    counts = {str(expression): count for expression, count in part.class_counts().items()}
    rest = len(part) - sum(counts.values())
    return {**counts, "no majority" if part.targets == "votes" else "no label": rest} if rest else counts


def _check_learnable(train: ExpressionDataset, *, needs_labels: bool) -> None:
    """Refuse pictures of which nothing can be learnt.

    Raises:
        TrainingDataError: if there are fewer than two classes, or pictures without a label that need one.
    """
    if len(train.label_set) < MIN_CLASSES:
        raise TrainingDataError(
            f"The only class is {', '.join(map(str, train.label_set))}: training needs at least {MIN_CLASSES} classes"
        )
    number = sum(train.target_of(sample) is None for sample in train.samples)
    if needs_labels and number:
        raise TrainingDataError(
            f"{number:,} of {len(train):,} pictures to learn from have no label: leave keep_unlabelled out of "
            "data.options, and name pictures without labels in data.unlabelled"
        )


def _reader_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that belong to the kind of data set."""
    return {name: value for name, value in options.items() if name not in LOADING_OPTIONS}


def _load(settings: DataSettings, split: str | None) -> ExpressionDataset:
    """Load one part, in the label set that is asked for."""
    targets: Any = settings.targets
    dataset = load_dataset(settings.kind, settings.path, split=split, targets=targets, **settings.options)
    return dataset if settings.label_set is None else dataset.mapped_to(get_label_set(settings.label_set))


def _load_unlabelled(settings: DataSettings, label_set: LabelSet) -> ExpressionDataset | None:
    """Load the further pictures; nothing is learnt from labels that they may have.

    Raises:
        InvalidOptionError: if their kind or path is missing.
    """
    source: Mapping[str, Any] = settings.unlabelled
    if not source:
        return None
    unknown = source.keys() - {"kind", "path", "split", "options"}
    if unknown or not {"kind", "path"} <= source.keys():
        raise InvalidOptionError(
            "data.unlabelled", dict(source), "a table with kind, path and, if needed, split, options"
        )
    options = dict(source.get("options") or {})
    if source["kind"] in {"image_folder", "table"}:
        options = {"label_set": label_set, **options}
    if source["kind"] == "image_folder":
        return _list_folder(source["path"], source.get("split"), label_set, options)
    return load_dataset(source["kind"], source["path"], split=source.get("split"), keep_unlabelled=True, **options)


def _list_folder(path: str, split: str | None, label_set: LabelSet, options: Mapping[str, Any]) -> ExpressionDataset:
    """Return the pictures of an image folder or of one of its splits, whatever the folders in it are called."""
    reader = open_reader("image_folder", path, **_reader_options(options))
    splits = reader.choose_splits(split)
    places = find_split_folders(reader.root) or {ALL: reader.root}
    pictures = [
        picture
        for place in (places[name] for name in splits)
        for picture in pictures_below(place)
        if not picture.relative_to(place).parts[0].startswith(".")
    ]
    return ExpressionDataset(
        [Sample(picture) for picture in pictures],
        label_set,
        name="image_folder",
        split=splits[0] if split not in {None, ALL} else ALL,
        max_pixels=options.get("max_pixels", DEFAULT_MAX_PIXELS),
    )


__all__ = ["TrainingData", "load_training_data"]
