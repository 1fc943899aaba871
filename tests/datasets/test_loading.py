"""What holds for every kind of data set, and the options of ``load_dataset``."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from dataset_trees import WRITERS, write_fer_plus, write_image_folder, write_raf_db

from fer_zoo.datasets import DATASETS, DatasetCard, load_dataset
from fer_zoo.errors import ArgumentTypeError, DatasetLayoutError, DatasetWarning, InvalidOptionError, UnknownNameError
from fer_zoo.labels import LABEL_SETS

every_kind = pytest.mark.parametrize("kind", DATASETS)


def test_every_kind_has_a_fake_tree() -> None:
    """The tests below run on each kind of the table."""
    assert set(WRITERS) == set(DATASETS)


@every_kind
class TestEveryKind:
    """Facts that hold for each kind."""

    def test_every_picture_can_be_read_with_its_label(self, kind: str, tmp_path: Path) -> None:
        """Whatever the layout, an item is a picture in RGB with a class index of the label set."""
        dataset = load_dataset(kind, WRITERS[kind](tmp_path), check_counts=False)

        assert len(dataset) > 0
        assert dataset.split == "all"
        assert [dataset[index]["label"] for index in range(len(dataset))] == list(dataset.labels)
        assert all(dataset[index]["image"].mode == "RGB" for index in range(len(dataset)))

    def test_splits_add_up_to_everything(self, kind: str, tmp_path: Path) -> None:
        """The samples of all splits, one after the other, are those that no split gives."""
        path = WRITERS[kind](tmp_path)
        splits = DATASETS[kind](path).find_splits()

        parts = [load_dataset(kind, path, split=split, check_counts=False) for split in splits]

        together = [sample for part in parts for sample in part.samples]
        assert together == list(load_dataset(kind, path, check_counts=False).samples)
        assert tuple(part.split for part in parts) == splits

    def test_pickle_round_trip(self, kind: str, tmp_path: Path) -> None:
        """A data set goes to the workers of a data loader, whatever its samples are."""
        dataset = load_dataset(kind, WRITERS[kind](tmp_path), check_counts=False)

        copy = pickle.loads(pickle.dumps(dataset))  # noqa: S301 - our own bytes

        assert copy.samples == dataset.samples
        assert copy[0]["image"].tobytes() == dataset[0]["image"].tobytes()

    def test_missing_data_show_layout_and_source(self, kind: str, tmp_path: Path) -> None:
        """The error says what the data look like and where they come from."""
        card = DATASETS[kind].card

        with pytest.raises(DatasetLayoutError) as caught:
            load_dataset(kind, tmp_path / "nowhere")

        assert "there is no such" in caught.value.problem
        assert all(line in str(caught.value) for line in card.layout.splitlines())
        assert str(caught.value).endswith(card.source)

    def test_empty_folder_is_not_taken_for_data(self, kind: str, tmp_path: Path) -> None:
        """A folder with nothing in it is an error of the layout."""
        with pytest.raises(DatasetLayoutError):
            load_dataset(kind, tmp_path)

    def test_unknown_split_is_answered_with_those_known(self, kind: str, tmp_path: Path) -> None:
        """A split that no data set of this kind has is a wrong name."""
        path = WRITERS[kind](tmp_path)

        with pytest.raises(UnknownNameError, match=f"Unknown split of {kind} 'extra'"):
            load_dataset(kind, path, split="extra")

    def test_card_says_where_the_data_come_from(self, kind: str, tmp_path: Path) -> None:
        """A published data set has paper, address, terms and label set; one's own has a sentence."""
        card: DatasetCard = DATASETS[kind].card

        assert card.label_set_name in {None, *LABEL_SETS}
        assert bool(card.homepage) == bool(card.paper) == (kind not in {"image_folder", "table"})
        assert card.homepage in card.source
        assert set(card.counts) <= set(card.splits)


def test_unknown_kind_is_answered_with_the_closest() -> None:
    """A slip of the pen gets the name that was meant."""
    with pytest.raises(UnknownNameError, match=r"Unknown kind of data set 'rafdb'\. Did you mean 'raf_db'\?"):
        load_dataset("rafdb", "faces")


def test_path_without_its_kind_is_told_where_it_belongs(tmp_path: Path) -> None:
    """A path alone, or before the kind, is not left as an unknown kind."""
    remark = r"Known: affectnet_7, .*\. A path comes second, after the kind\.$"
    with pytest.raises(UnknownNameError, match=remark):
        load_dataset("photographs")
    with pytest.raises(UnknownNameError, match=remark):
        load_dataset(str(tmp_path), "train")
    with pytest.raises(UnknownNameError, match=r"Known: [a-z0-9_, ]+\.$"):
        load_dataset("photographs", "train")


def test_kind_without_a_path_is_asked_for_it() -> None:
    """Nothing is downloaded, so there is no other place."""
    with pytest.raises(
        ArgumentTypeError, match=r"'NoneType' for path: expected where the data lie: 'raf_db', then the"
    ):
        load_dataset("raf_db")


def test_unknown_option_is_answered_with_those_known(tmp_path: Path) -> None:
    """An option of one kind is refused by another."""
    with pytest.raises(UnknownNameError, match=r"option of ck_plus 'last_frame'\. Did you mean 'last_frames'\?"):
        load_dataset("ck_plus", tmp_path, last_frame=1)


def test_missing_split_says_what_is_missing_and_what_is_there(tmp_path: Path) -> None:
    """A split that was published but is not on the disk is an error only if it is asked for."""
    path = write_fer_plus(tmp_path)

    with pytest.raises(
        DatasetLayoutError, match=r"the split 'test' is missing, 'FER2013Test/label\.csv'; there is: tr"
    ):
        load_dataset("fer_plus", path, split="test")


def test_usual_short_forms_of_a_split_are_understood(tmp_path: Path) -> None:
    """``val`` is the validation split."""
    dataset = load_dataset("fer_plus", write_fer_plus(tmp_path), split="val", check_counts=False)

    assert (dataset.split, len(dataset)) == ("validation", 1)


def test_other_counts_than_published_are_a_warning(tmp_path: Path) -> None:
    """The warning has both numbers, and the data are loaded."""
    path = write_raf_db(tmp_path)

    with pytest.warns(DatasetWarning, match=r"The split 'train' of raf_db in '.*' has 3 pictures, expected 12,271\."):
        dataset = load_dataset("raf_db", path, split="train")

    assert len(dataset) == 3


def test_targets_that_the_data_lack_are_refused(tmp_path: Path) -> None:
    """RAF-DB's list has no votes."""
    path = write_raf_db(tmp_path)

    with pytest.raises(InvalidOptionError, match=r"Invalid value 'votes' for targets: .* the 5 pictures in"):
        load_dataset("raf_db", path, targets="votes", check_counts=False)


def test_unknown_targets_are_refused_before_anything_is_read() -> None:
    """A wrong word is an error even where there are no data."""
    with pytest.raises(InvalidOptionError, match="Invalid value 'logits' for targets"):
        load_dataset("raf_db", "nowhere", targets="logits")  # type: ignore[arg-type]


def test_unlabelled_samples_are_dropped_and_counted_or_kept(tmp_path: Path) -> None:
    """Pictures beside the class folders have no label: they are left out unless they are asked for."""
    path = write_image_folder(tmp_path)
    (path / "happy" / "0.png").rename(path / "loose.png")

    assert load_dataset("image_folder", path).num_dropped == 1
    kept = load_dataset("image_folder", path, keep_unlabelled=True)
    assert (len(kept), kept.num_dropped, kept.labels[0]) == (4, 0, None)


def test_documentation_has_every_kind_with_its_numbers() -> None:
    """The table in the documentation is written by hand; it names each kind, its source and its counts."""
    page = (Path(__file__).parents[2] / "docs" / "datasets.md").read_text(encoding="utf-8")

    for name, reader in DATASETS.items():
        (row,) = (line for line in page.splitlines() if line.startswith("|") and f"`{name}`" in line)
        assert reader.card.homepage in row
        assert all(f"{count:,}" in row for counts in reader.card.counts.values() for count in counts)
