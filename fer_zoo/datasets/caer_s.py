"""CAER-S: frames of television series."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import ClassVar

from fer_zoo.datasets.files import find_split_folders, read_class_folders
from fer_zoo.datasets.reader import DatasetCard, DatasetReader, SplitSamples


class CaerSReader(DatasetReader):
    """Reads the folders ``train`` and ``test`` with one folder a class.

    The pictures are whole scenes: crop the faces before training a model of faces.
    """

    card: ClassVar[DatasetCard] = DatasetCard(
        name="caer_s",
        title="CAER-S",
        paper="Lee et al., ICCV 2019",
        homepage="https://caer-dataset.github.io",
        terms="research only",
        layout="train/Anger/*.png, train/Disgust/*.png, ...\ntest/Anger/*.png, ...",
        splits=("train", "test"),
        label_set_name="caer_s",
        counts={"train": (44_996,), "test": (20_987,)},
    )

    @cached_property
    def _folders(self) -> dict[str, Path]:
        """The split folders."""
        return find_split_folders(self.root)

    def find_splits(self) -> tuple[str, ...]:
        """Return the splits that have a folder."""
        if not self._folders:
            raise self.layout_error("the folders 'train' and 'test' are missing")
        return tuple(self._folders)

    def read_split(self, split: str) -> SplitSamples:
        """Return the pictures of a split."""
        folder = self._folders[split]
        return SplitSamples(read_class_folders(folder, lambda path: self.label_of_word(path.name, path)))


__all__ = ["CaerSReader"]
