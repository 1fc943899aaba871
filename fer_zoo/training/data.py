"""The pictures of a run: what it learns from, what the epoch is chosen by, and what the report is about."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fer_zoo.datasets import ExpressionDataset, Sample, load_dataset
from fer_zoo.datasets.files import find_split_folders, pictures_below
from fer_zoo.datasets.loading import open_reader
from fer_zoo.datasets.reader import ALL
from fer_zoo.errors import InvalidOptionError, MissingPackageError, TrainingDataError
from fer_zoo.imaging import DEFAULT_MAX_PIXELS
from fer_zoo.labels import LabelSet, get_label_set
from fer_zoo.training.settings import DataSettings
from fer_zoo.training.unlabelled import list_pictures

#: Options of :func:`fer_zoo.datasets.load_dataset` that are none of a kind of data set.
LOADING_OPTIONS = ("check_counts", "keep_unlabelled", "max_pixels")

AUTOMATIC_SHARE = 0.1  # cut off for choosing where there is no validation split
MIN_PER_CLASS = 2  # pictures of a class of which one can be cut off
MIN_CLASSES = 2  # that can be told apart


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
    """
    splits = open_reader(settings.kind, settings.path, **_reader_options(settings.options)).find_splits()
    split = settings.split or ("train" if "train" in splits else None)
    if split is None and len(splits) > 1:
        raise InvalidOptionError("data.split", None, f"one of the splits that are there: {', '.join(splits)}")
    train = _load(settings, split)
    train.require_every_class()
    _check_learnable(train, needs_labels=needs_labels)
    eval_split, share = settings.eval_split, settings.eval_share
    if eval_split is None and share is None:
        has_validation = "validation" in splits and train.split not in {"validation", ALL}
        eval_split, share = ("validation", None) if has_validation else (None, AUTOMATIC_SHARE)
    chosen = _load(settings, eval_split) if eval_split else None
    words = []
    if share:
        whole = train
        train, chosen = cut_share(train, share, seed)
        if not settings.test_split:
            words.append(f"a share of {len(chosen):,} of {len(whole):,} that was cut off")
    tested = _load(settings, settings.test_split) if settings.test_split else None
    chosen, tested = (part and part.with_labels() for part in (chosen, tested))
    learnt = {"data.split": train, "data.unlabelled": _load_unlabelled(settings, train.label_set)}
    num_twins = 0
    if settings.without_twins:
        found = [_leave_out_twins(part, learnt.values(), unreadable) for part in (chosen, tested)]
        num_twins = sum(len(old) - len(new) for old, new in zip((chosen, tested), found, strict=True) if old and new)
        reported, rest = (chosen, found[0]) if tested is None else (tested, found[1])
        if reported is not None and rest is not None:
            words.append(f"without {len(reported) - len(rest):,} pictures that training has too")
        chosen, tested = found
    for part, name in ((chosen, "to choose the epoch by"), (tested, "to report on")):
        if part is not None and len(part) == 0:
            raise TrainingDataError(f"No picture is left {name}")
    for setting, part in learnt.items():
        check_measured_apart(setting, part, {"data.eval_split": chosen, "data.test_split": tested})
    return TrainingData(train, chosen, tested, learnt["data.unlabelled"], num_twins, ", ".join(words))


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
    part: ExpressionDataset | None, learnt: Iterable[ExpressionDataset | None], unreadable: str
) -> ExpressionDataset | None:
    """Return a part to measure with, without the pictures that are learnt too."""
    for other in learnt:
        if part and other:
            part = part.without_twins_of(other, unreadable=unreadable)
    return part


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


def cut_share(dataset: ExpressionDataset, share: float, seed: int) -> tuple[ExpressionDataset, ExpressionDataset]:
    """Cut a share off a data set, the same of every class, without a person on both sides where persons are known.

    Args:
        dataset: the pictures.
        share: how much, in (0, 1); with persons, one over a whole number that is close to it.
        seed: the same seed cuts the same pictures off.

    Returns:
        What is left, and what was cut off.

    Raises:
        TrainingDataError: if a class has too few pictures or persons, all of a class would be cut off, or a picture has
            no class.
        MissingPackageError: if scikit-learn is not installed.
    """
    try:
        from sklearn.model_selection import StratifiedGroupKFold, train_test_split
    except ModuleNotFoundError as error:
        raise MissingPackageError("scikit-learn", "Cutting off a share", "pip install 'fer-zoo[train]'") from error
    found = _classes(dataset)
    if None in found:
        raise TrainingDataError(
            f"A share of {share:g} cannot be cut off the same of every class: {found.count(None):,} of "
            f"{len(dataset):,} pictures have none. Name data.eval_split, or set data.eval_share to 0"
        )
    classes = np.array(found)
    counts = np.bincount(classes, minlength=len(dataset.label_set))
    rare = [str(e) for e, count in zip(dataset.label_set, counts, strict=True) if 0 < count < MIN_PER_CLASS]
    if rare:
        raise TrainingDataError(f"Only one picture of {', '.join(rare)}: nothing can be cut off to choose the epoch by")
    places = np.arange(len(dataset))
    groups = [str(place) if group is None else group for place, group in enumerate(dataset.groups)]
    try:
        if any(group is not None for group in dataset.groups):
            folds = StratifiedGroupKFold(max(2, round(1 / share)), shuffle=True, random_state=seed)
            left, cut = next(iter(folds.split(places, classes, groups)))
        else:
            left, cut = train_test_split(places, test_size=share, stratify=classes, random_state=seed)
    except ValueError as error:
        raise TrainingDataError(
            f"A share of {share:g} of {len(dataset)} pictures cannot be cut off ({error})"
        ) from error
    kept = np.bincount(classes[left], minlength=len(dataset.label_set))
    lost = [str(e) for e, count, rest in zip(dataset.label_set, counts, kept, strict=True) if count and not rest]
    if lost:
        raise TrainingDataError(
            f"A share of {share:g} of {len(dataset)} pictures with seed {seed} takes all of {', '.join(lost)}: choose "
            "a smaller data.eval_share, another training.seed, or data.eval_split"
        )
    return dataset.select(sorted(left.tolist())), dataset.select(sorted(cut.tolist()))


def _classes(dataset: ExpressionDataset) -> list[int | None]:
    """Return the class of every picture; where only votes are known, the class with the most."""
    return [
        int(np.argmax(sample.votes)) if sample.label is None and sample.votes is not None else sample.label
        for sample in dataset.samples
    ]


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


__all__ = ["TrainingData", "cut_share", "load_training_data"]
