"""CK+: sequences from neutral to the peak."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from dataset_trees import write_ck_plus, write_text

from fer_zoo.datasets import load_dataset
from fer_zoo.errors import AnnotationError, DatasetLayoutError, DatasetWarning, InvalidOptionError


def frames(path: Path, **options: Any) -> list[tuple[str, int | None]]:
    """Return the frames and labels that the options give."""
    dataset = load_dataset("ck_plus", path, check_counts=False, **options)
    return [(sample.path.stem, sample.label) for sample in dataset.samples]


def test_first_frame_is_neutral_and_the_last_show_the_label(tmp_path: Path) -> None:
    """The labels are the codes of the files, 3 disgust and 7 surprise; a sequence without a label is left out."""
    assert frames(write_ck_plus(tmp_path)) == [
        ("S005_001_00000001", 0),
        ("S005_001_00000003", 3),
        ("S005_001_00000004", 3),
        ("S005_001_00000005", 3),
        ("S010_002_00000001", 0),
        ("S010_002_00000002", 7),
        ("S010_002_00000003", 7),
        ("S010_002_00000004", 7),
    ]


def test_options_choose_the_frames(tmp_path: Path) -> None:
    """The peak alone, without neutral frames."""
    assert frames(write_ck_plus(tmp_path), last_frames=1, neutral=False) == [
        ("S005_001_00000005", 3),
        ("S010_002_00000004", 7),
    ]


def test_subject_is_the_group(tmp_path: Path) -> None:
    """A split by group keeps a person on one side."""
    dataset = load_dataset("ck_plus", write_ck_plus(tmp_path), check_counts=False, last_frames=1)

    assert dataset.groups == ("S005", "S005", "S010", "S010")


def test_expected_count_follows_the_options(tmp_path: Path) -> None:
    """327 labelled sequences give 654 pictures with one peak and the neutral frame."""
    path = write_ck_plus(tmp_path)

    with pytest.warns(DatasetWarning, match="has 4 pictures, expected 654"):
        load_dataset("ck_plus", path, last_frames=1)


def test_folders_of_the_download_are_accepted(tmp_path: Path) -> None:
    """The archives unpack into folders around those of the description."""
    path = write_ck_plus(tmp_path)
    for inner, outer in (("cohn-kanade-images", "extended-cohn-kanade-images"), ("Emotion", "Emotion_labels")):
        (path / outer).mkdir()
        (path / inner).rename(path / outer / inner)

    assert len(frames(path)) == 8


def test_too_short_a_sequence_is_named(tmp_path: Path) -> None:
    """The neutral frame must not be a peak too."""
    with pytest.raises(AnnotationError, match=r"S010_002.*has 4 frames, more than 4 are needed"):
        frames(write_ck_plus(tmp_path), last_frames=4)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("   8.0000000e+00\n", "the label 8.0000000e[+]00 is not in 1 to 7"),
        ("0", "the label 0 is not in 1 to 7"),
        ("1.5", "the label 1.5 is not in 1 to 7"),
        ("", "expected a number, found ''"),
        ("happy", "expected a number, found 'happy'"),
    ],
    ids=["too large", "neutral", "fraction", "empty", "word"],
)
def test_broken_label_is_named_by_file(tmp_path: Path, text: str, reason: str) -> None:
    """The message leads to the label file."""
    path = write_ck_plus(tmp_path)
    write_text(path / "Emotion" / "S005" / "001" / "S005_001_00000005_emotion.txt", text)

    with pytest.raises(AnnotationError, match=f"line 1 of '.*S005_001_00000005_emotion.txt': {reason}"):
        frames(path)


def test_missing_labels_are_named(tmp_path: Path) -> None:
    """Pictures without the folder of labels are only half of the data."""
    path = write_ck_plus(tmp_path)
    (path / "Emotion").rename(path / "Other")

    with pytest.raises(DatasetLayoutError, match="the folder 'Emotion' is missing"):
        frames(path)


def test_number_of_frames_is_at_least_one(tmp_path: Path) -> None:
    """Without a peak there is nothing to learn."""
    with pytest.raises(InvalidOptionError, match="last_frames: expected a whole number of at least 1"):
        frames(write_ck_plus(tmp_path), last_frames=0)
