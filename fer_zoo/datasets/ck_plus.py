"""CK+: posed expressions in the laboratory, from neutral to the peak."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Final

from fer_zoo.datasets.files import list_folders, pictures_below, read_lines
from fer_zoo.datasets.reader import ALL, DatasetCard, DatasetReader, SplitSamples
from fer_zoo.datasets.sample import Sample
from fer_zoo.errors import AnnotationError
from fer_zoo.labels import Expression
from fer_zoo.ranges import check_counts

PICTURE_FOLDERS: Final = ("cohn-kanade-images", "extended-cohn-kanade-images/cohn-kanade-images")
LABEL_FOLDERS: Final = ("Emotion", "Emotion_labels/Emotion")
NUM_LABELLED: Final = 327  # sequences with a label, of 593


class CkPlusReader(DatasetReader):
    """Reads the sequences that have a label; the subject is the group of each sample.

    The data set has no splits: keep a subject on one side when you make some, with ``ExpressionDataset.groups``.

    Args:
        root: the folder that holds the data.
        last_frames: how many frames at the end of a sequence show the expression of its label, at least 1.
        neutral: whether the first frame of each sequence is a neutral sample.
    """

    card: ClassVar[DatasetCard] = DatasetCard(
        name="ck_plus",
        title="CK+",
        paper="Lucey et al., CVPR Workshops 2010",
        homepage="https://www.jeffcohn.net/Resources/",
        terms="research only, under a signed agreement",
        layout=(
            "cohn-kanade-images/S005/001/S005_001_00000001.png, ...\n"
            "Emotion/S005/001/S005_001_00000011_emotion.txt      one number, 1 to 7; not every sequence has it"
        ),
        splits=(ALL,),
        label_set_name="ck_plus",
    )

    def __init__(self, root: Path, *, last_frames: int = 3, neutral: bool = True) -> None:
        super().__init__(root)
        check_counts(last_frames=last_frames)
        self.last_frames = last_frames
        self.neutral = neutral

    @cached_property
    def _pictures(self) -> Path:
        """The folder with the pictures of every subject."""
        return self._find(PICTURE_FOLDERS)

    @cached_property
    def _labels(self) -> Path:
        """The folder with the labels of every subject."""
        return self._find(LABEL_FOLDERS)

    def _find(self, names: tuple[str, ...]) -> Path:
        """Return the first folder that is there."""
        for name in names:
            if (self.root / name).is_dir():
                return self.root / name
        raise self.layout_error(f"the folder '{names[0]}' is missing")

    def find_splits(self) -> tuple[str, ...]:
        """Return the one split, after a look at both folders."""
        if not any(list_folders(folder) for folder in (self._pictures, self._labels)):
            raise self.layout_error("its folders are empty")
        return (ALL,)

    def read_split(self, split: str) -> SplitSamples:
        """Return the peaks and neutral frames of every labelled sequence."""
        return SplitSamples(tuple(sample for file in self._label_files() for sample in self._read_sequence(file)))

    def expected_counts(self, split: str) -> tuple[int, ...]:
        """Return the number of pictures that these options give of all labelled sequences."""
        return (NUM_LABELLED * (self.last_frames + int(self.neutral)),)

    def _label_files(self) -> Iterator[Path]:
        """Yield the label files in the order of subjects and sequences."""
        for subject in list_folders(self._labels):
            for sequence in list_folders(subject):
                yield from sorted(sequence.glob("*_emotion.txt"))

    def _read_sequence(self, file: Path) -> Iterator[Sample]:
        """Yield the samples of the sequence that a label file belongs to."""
        label = self._read_label(file)
        sequence = self._pictures / file.parent.relative_to(self._labels)
        frames = pictures_below(sequence) if sequence.is_dir() else []
        if len(frames) <= self.last_frames:
            reason = f"its sequence '{sequence}' has {len(frames)} frames, more than {self.last_frames} are needed"
            raise AnnotationError(str(file), None, reason)
        group = file.parent.parent.name
        if self.neutral:
            yield Sample(frames[0], self.label_set.index(Expression.NEUTRAL), group=group)
        for frame in frames[-self.last_frames :]:
            yield Sample(frame, label, group=group)

    def _read_label(self, file: Path) -> int:
        """Return the class index that a label file holds, as a float such as ``3.0000000e+00``."""
        line, text = next(((line, text.strip()) for line, text in read_lines(file) if text.strip()), (1, ""))
        try:
            label = float(text)
        except ValueError as error:
            raise AnnotationError(str(file), line, f"expected a number, found {text!r}") from error
        if label not in range(1, len(self.label_set)):
            raise AnnotationError(str(file), line, f"the label {text} is not in 1 to {len(self.label_set) - 1}")
        return int(label)


__all__ = ["CkPlusReader"]
