"""One's own pictures in folders named by expression."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import ClassVar, Final

from fer_zoo.datasets.files import find_split_folders, list_folders, read_class_folders
from fer_zoo.datasets.reader import ALL, DatasetCard, DatasetReader, SplitSamples, expression_of
from fer_zoo.datasets.sample import Sample
from fer_zoo.errors import InvalidOptionError
from fer_zoo.imaging.folders import is_picture_name
from fer_zoo.labels import Expression, LabelSet, get_label_set

UNLABELLED: Final = "unlabelled"
"""Name of a folder whose pictures have no label; pictures beside the class folders have none either."""


class ImageFolderReader(DatasetReader):
    """Reads class folders, with or without a folder for each split around them.

    Args:
        root: the folder.
        label_set: the classes, or the name of a known set; by default the classes that have a folder in any split, in
            the order of :class:`~fer_zoo.labels.Expression`.
    """

    card: ClassVar[DatasetCard] = DatasetCard(
        name="image_folder",
        title="folders of pictures",
        paper="",
        homepage="",
        terms="your own",
        layout=(
            "happy/*.jpg, sad/*.jpg, ...          any word for an expression\n"
            "unlabelled/*.jpg                     if there are pictures without a label\n"
            "or\n"
            "train/happy/*.jpg, ...\n"
            "validation/happy/*.jpg, ..."
        ),
        splits=("train", "validation", "test"),
    )

    def __init__(self, root: Path, *, label_set: LabelSet | str | None = None) -> None:
        super().__init__(root)
        self._given = get_label_set(label_set) if isinstance(label_set, str) else label_set

    @cached_property
    def _folders(self) -> dict[str, Path]:
        """The folder of each split."""
        return find_split_folders(self.root) or {ALL: self.root}

    @cached_property
    def label_set(self) -> LabelSet:
        """The given classes, or those that have a folder.

        Raises:
            InvalidOptionError: there is no class folder and no label set was given.
        """
        if self._given is not None:
            return self._given
        names = [folder for place in self._folders.values() for folder in list_folders(place)]
        found = {expression_of(folder.name, folder) for folder in names if folder.name != UNLABELLED}
        if not found:
            raise InvalidOptionError("label_set", None, f"a label set, as {str(self.root)!r} has no class folders")
        return LabelSet(self.card.name, tuple(expression for expression in Expression if expression in found))

    def find_splits(self) -> tuple[str, ...]:
        """Return the split folders, or ``("all",)`` if the class folders lie in the folder itself."""
        if not any(list_folders(place) or _loose_pictures(place) for place in self._folders.values()):
            raise self.layout_error("there are no class folders and no pictures")
        return tuple(self._folders)

    def read_split(self, split: str) -> SplitSamples:
        """Return the pictures of a split."""
        place = self._folders[split]
        loose = tuple(Sample(path) for path in _loose_pictures(place))
        return SplitSamples(loose + read_class_folders(place, self._label_of))

    def _label_of(self, folder: Path) -> int | None:
        """Return the class index of a folder, or ``None`` for the one without labels."""
        return None if folder.name == UNLABELLED else self.label_of_word(folder.name, folder)


def _loose_pictures(folder: Path) -> list[Path]:
    """Return the pictures that lie beside the class folders."""
    return sorted(path for path in folder.iterdir() if is_picture_name(path.name) and path.is_file())


__all__ = ["UNLABELLED", "ImageFolderReader"]
