"""AffectNet with seven or eight expressions."""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar, Final

from fer_zoo.datasets.affect_net_forms import (
    AffectNetForm,
    find_annotation_folders,
    find_class_folders,
    find_lists,
)
from fer_zoo.datasets.reader import DatasetCard, DatasetReader, SplitSamples

_LAYOUT: Final = (
    "train_set/images/*.jpg               and train_set/annotations/*_exp.npy, one code a file\n"
    "val_set/images/*.jpg                 and val_set/annotations/*_exp.npy\n"
    "or\n"
    "Manually_Annotated_file_lists/training.csv, validation.csv\n"
    "Manually_Annotated_Images/1/*.jpg, ...\n"
    "or\n"
    "train/0/*.jpg ... train/7/*.jpg      folders named by code or by word\n"
    "val/0/*.jpg ..."
)


class AffectNet8Reader(DatasetReader):
    """Reads the release with annotation files, the original lists, or folders of classes, whichever is there.

    Pictures that are none of the classes (none, uncertain, no face) are left out and counted. The original lists give
    the box of the face, which is cut out.
    """

    card: ClassVar[DatasetCard] = DatasetCard(
        name="affectnet_8",
        title="AffectNet, eight expressions",
        paper="Mollahosseini et al., IEEE TAC 10(1), 2019",
        homepage="http://mohammadmahoor.com/pages/databases/affectnet/",
        terms="research only, under a signed agreement",
        layout=_LAYOUT,
        splits=("train", "validation"),
        label_set_name="affectnet_8",
        counts={"train": (287_651,), "validation": (3_999, 4_000)},  # one picture fewer in the smaller release
    )

    @cached_property
    def _form(self) -> AffectNetForm:
        """The form that the data are in."""
        for find in (find_annotation_folders, find_lists, find_class_folders):
            form = find(self.root)
            if form is not None:
                return form
        raise self.layout_error("neither annotation files nor lists nor class folders are there")

    def find_splits(self) -> tuple[str, ...]:
        """Return the splits that are there."""
        return tuple(self._form.places)

    def read_split(self, split: str) -> SplitSamples:
        """Return the pictures of a split that are one of the classes."""
        return self._form.read(self._form.places[split], self.label_set)

    def describe_split(self, split: str) -> str:
        """Return what a split is usually called."""
        words = {
            "train": "'train_set', 'training.csv' or 'train'",
            "validation": "'val_set', 'validation.csv' or 'val'",
        }
        return words[split]


class AffectNet7Reader(AffectNet8Reader):
    """Reads the same data without contempt."""

    card: ClassVar[DatasetCard] = DatasetCard(
        name="affectnet_7",
        title="AffectNet, seven expressions",
        paper=AffectNet8Reader.card.paper,
        homepage=AffectNet8Reader.card.homepage,
        terms=AffectNet8Reader.card.terms,
        layout=_LAYOUT,
        splits=("train", "validation"),
        label_set_name="affectnet_7",
        counts={"train": (283_901,), "validation": (3_500,)},
    )


__all__ = ["AffectNet7Reader", "AffectNet8Reader"]
