"""RAF-DB, the basic expressions on aligned faces."""

from __future__ import annotations

import re
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from fer_zoo.datasets.files import KnownFiles, read_lines
from fer_zoo.datasets.reader import DatasetCard, DatasetReader, SplitSamples
from fer_zoo.datasets.sample import Sample
from fer_zoo.errors import AnnotationError

LIST = Path("EmoLabel", "list_patition_label.txt")  # spelt so by its authors
_ROW = re.compile(r"(?P<name>(?P<split>train|test)_\d+)\.jpg\s+(?P<label>\d{1,9})")


class RafDbReader(DatasetReader):
    """Reads the folder ``basic`` of RAF-DB, or the folder that holds it.

    Its labels count from 1 (surprise) to 7 (neutral).
    """

    card: ClassVar[DatasetCard] = DatasetCard(
        name="raf_db",
        title="RAF-DB, basic expressions",
        paper="Li et al., CVPR 2017",
        homepage="http://www.whdeng.cn/RAF/model1.html",
        terms="research only, on request to the authors",
        layout=(
            "EmoLabel/list_patition_label.txt          lines such as 'train_00001.jpg 5'\n"
            "Image/aligned/train_00001_aligned.jpg\n"
            "Image/aligned/test_0001_aligned.jpg"
        ),
        splits=("train", "test"),
        label_set_name="raf_db",
        counts={"train": (12_271,), "test": (3_068,)},
    )

    @cached_property
    def _folder(self) -> Path:
        """The folder with the list."""
        for folder in (self.root, self.root / "basic"):
            if (folder / LIST).is_file():
                if not (folder / "Image" / "aligned").is_dir():
                    raise self.layout_error("the folder 'Image/aligned' is missing")
                return folder
        raise self.layout_error(f"the file '{LIST.as_posix()}' is missing")

    @cached_property
    def _rows(self) -> tuple[tuple[int, str, str, int], ...]:
        """The rows of the list: line, split, name without ending, class index."""
        file = self._folder / LIST
        rows = []
        for line, text in read_lines(file):
            if not text.strip():
                continue
            match = _ROW.fullmatch(text.strip())
            if match is None:
                raise AnnotationError(str(file), line, f"expected a row such as 'train_00001.jpg 5', found {text!r}")
            label = int(match["label"])
            if not 1 <= label <= len(self.label_set):
                raise AnnotationError(str(file), line, f"the label {label} is not in 1 to {len(self.label_set)}")
            rows.append((line, match["split"], match["name"], label - 1))
        return tuple(rows)

    def find_splits(self) -> tuple[str, ...]:
        """Return the splits that the list has."""
        there = {split for _, split, _, _ in self._rows}
        if not there:
            raise self.layout_error(f"the file '{LIST.as_posix()}' is empty")
        return tuple(split for split in self.card.splits if split in there)

    def read_split(self, split: str) -> SplitSamples:
        """Return the rows of a split."""
        files, folder = KnownFiles(), self._folder / "Image" / "aligned"
        return SplitSamples(
            tuple(
                Sample(files.require(folder / f"{name}_aligned.jpg", self._folder / LIST, line), label)
                for line, row_split, name, label in self._rows
                if row_split == split
            )
        )

    def describe_split(self, split: str) -> str:
        """Return which rows a split consists of."""
        return f"no row of '{LIST.as_posix()}' begins with '{split}_'"


__all__ = ["RafDbReader"]
