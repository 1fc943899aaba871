"""FER+: the rules of its release, and its layout."""

from __future__ import annotations

from pathlib import Path

import pytest
from dataset_trees import write_csv, write_fer_plus, write_fer_plus_split

from fer_zoo.datasets import load_dataset
from fer_zoo.datasets.fer_plus import kept_votes, majority_label
from fer_zoo.errors import AnnotationError

#: Ten votes; what the majority is; what is kept. Worked out by hand.
CASES = {
    "all for one": ((10, 0, 0, 0, 0, 0, 0, 0, 0, 0), 0, (10, 0, 0, 0, 0, 0, 0, 0)),
    "single votes are dropped": ((1, 6, 1, 1, 1, 0, 0, 0, 0, 0), 1, (0, 6, 0, 0, 0, 0, 0, 0)),
    "six of ten": ((0, 0, 6, 4, 0, 0, 0, 0, 0, 0), 2, (0, 0, 6, 4, 0, 0, 0, 0)),
    "five of ten is no majority": ((5, 0, 0, 0, 5, 0, 0, 0, 0, 0), None, (5, 0, 0, 0, 5, 0, 0, 0)),
    "five of nine without the single vote": ((5, 1, 0, 4, 0, 0, 0, 0, 0, 0), 0, (5, 0, 0, 4, 0, 0, 0, 0)),
    "taken until three quarters": ((0, 0, 0, 0, 6, 2, 0, 2, 0, 0), 4, (0, 0, 0, 0, 6, 2, 0, 2)),
    "eight of ten are enough": ((8, 2, 0, 0, 0, 0, 0, 0, 0, 0), 0, (8, 0, 0, 0, 0, 0, 0, 0)),
    "unknown has the majority": ((2, 0, 0, 0, 0, 0, 0, 0, 8, 0), None, None),
    "not a face has the majority": ((0, 0, 0, 0, 0, 0, 0, 0, 0, 10), None, None),
    "unknown after a class is dropped": ((6, 0, 0, 0, 0, 0, 0, 0, 4, 0), 0, (6, 0, 0, 0, 0, 0, 0, 0)),
    "what is left after unknown is too little": ((5, 0, 0, 0, 0, 0, 0, 0, 3, 2), None, None),
    "level with unknown": ((5, 0, 0, 0, 0, 0, 0, 0, 5, 0), None, None),
    "five classes of two": ((2, 2, 2, 2, 2, 0, 0, 0, 0, 0), None, None),
    "three classes": ((4, 3, 3, 0, 0, 0, 0, 0, 0, 0), None, (4, 3, 3, 0, 0, 0, 0, 0)),
    "four classes, two level": ((3, 3, 2, 2, 0, 0, 0, 0, 0, 0), None, None),
    "nothing but single votes": ((1, 1, 1, 1, 1, 1, 1, 1, 1, 1), None, None),
}


@pytest.mark.parametrize(("votes", "label", "kept"), CASES.values(), ids=CASES)
def test_rules_of_the_release(votes: tuple[int, ...], label: int | None, kept: tuple[int, ...] | None) -> None:
    """Majority and kept votes of ten answers."""
    assert majority_label(votes) == label
    assert kept_votes(votes) == kept


def test_pictures_with_a_majority_are_the_labelled_ones(tmp_path: Path) -> None:
    """Of four training pictures two have a majority; the others are dropped and counted."""
    dataset = load_dataset("fer_plus", write_fer_plus(tmp_path), split="train", check_counts=False)

    assert [(sample.path.name, sample.label) for sample in dataset.samples] == [
        ("fer0000000.png", 0),
        ("fer0000001.png", 1),
    ]
    assert dataset.num_dropped == 2


def test_votes_keep_pictures_without_a_majority(tmp_path: Path) -> None:
    """A draw of two classes has no label but votes to learn from; unknown has neither."""
    dataset = load_dataset("fer_plus", write_fer_plus(tmp_path), split="train", targets="votes", check_counts=False)

    assert dataset.labels == (0, 1, None)
    assert dataset[2]["label"] == [4.0, 0.0, 4.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    assert dataset.num_dropped == 1


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (["fer0000000.png", "(0, 0, 48, 48)", *range(9)], "line 1 of .* expected 12 fields .*, found 11"),
        (["fer0000000.png", "", *["x"] * 10], "line 1 of .* a vote is not a number"),
        (["fer0000000.png", "", -1, *[0] * 9], "line 1 of .* a vote is below 0"),
        (["fer0000009.png", "", 10, *[0] * 9], r"line 1 of .* the picture '.*fer0000009\.png', which is not there"),
    ],
    ids=["too few", "no number", "negative", "no picture"],
)
def test_broken_row_is_named_by_file_and_line(tmp_path: Path, row: list[object], reason: str) -> None:
    """The message leads to the row that must be mended."""
    write_fer_plus_split(tmp_path / "FER2013Train", [(10, *[0] * 9)])
    write_csv(tmp_path / "FER2013Train" / "label.csv", [row])

    with pytest.raises(AnnotationError, match=reason):
        load_dataset("fer_plus", tmp_path)
