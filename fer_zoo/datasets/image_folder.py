"""One's own pictures in folders named by expression."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import ClassVar, Final

from fer_zoo.datasets.files import find_split_folders, list_folders, read_class_folders
from fer_zoo.datasets.reader import ALL, DatasetCard, DatasetReader, SplitSamples, expression_of
from fer_zoo.datasets.sample import Sample
from fer_zoo.errors import AnnotationError, InvalidOptionError, UnknownNameError
from fer_zoo.imaging.folders import is_picture_name
from fer_zoo.labels import Expression, LabelSet, get_label_set, parse_expression

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
        """The folder of each split.

        Raises:
            AnnotationError: class folders or pictures lie beside the folders of splits, and so belong to none.
        """
        found = find_split_folders(self.root)
        if not found:
            return {ALL: self.root}
        pictures = _loose_pictures(self.root)
        beside = [f"the folder '{path.name}'" for path in list_folders(self.root) if _stands_for_a_class(path.name)]
        if pictures:
            beside.append(f"{len(pictures):,} pictures" if len(pictures) > 1 else f"the picture '{pictures[0].name}'")
        if beside:
            splits = ", ".join(f"'{folder.name}'" for folder in found.values())
            raise AnnotationError(
                str(self.root),
                None,
                f"beside the folders of splits ({splits}) it holds {', '.join(beside)}, which belong to no split; move "
                "them into one of these folders or a new one, such as 'train', or out of it",
            )
        return found

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


def _stands_for_a_class(name: str) -> bool:
    """Return whether a folder of this name holds pictures of an expression, or pictures without a label."""
    try:
        parse_expression(name)
    except UnknownNameError:
        return name == UNLABELLED
    return True


def _loose_pictures(folder: Path) -> list[Path]:
    """Return the pictures that lie beside the class folders."""
    return sorted(path for path in folder.iterdir() if is_picture_name(path.name) and path.is_file())


__all__ = ["UNLABELLED", "ImageFolderReader"]
