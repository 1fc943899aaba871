"""Challenge lists: every published form of a line, and what they select."""

from __future__ import annotations

from pathlib import Path

import pytest
from dataset_trees import write_fer_plus, write_raf_db, write_text

from fer_zoo.datasets import ChallengeEntry, ExpressionDataset, Sample, load_dataset, read_challenge_list
from fer_zoo.errors import AnnotationError, DatasetLayoutError, DatasetWarning, InvalidOptionError
from fer_zoo.labels import get_label_set


@pytest.mark.parametrize(
    ("line", "entry"),
    [
        ("test_0003_aligned 3 4", ChallengeEntry("test_0003_aligned", 3, ("3", "4"))),
        ("4/test_0006_aligned.jpg", ChallengeEntry("test_0006_aligned", 4)),
        ("1_fer0034656.png 8 0", ChallengeEntry("fer0034656", 1, ("8", "0"))),
        ("0/fer0032226.jpg", ChallengeEntry("fer0032226", 0)),
        ("val/0/bc9ad400db82eca1882b11c9/", ChallengeEntry("bc9ad400db82eca1882b11c9", 0)),
        ("7/7dc825b5a55f0c7a877773868b.jpg", ChallengeEntry("7dc825b5a55f0c7a877773868b", 7)),
        ("faces/my.face.JPG,2", ChallengeEntry("my.face", 2, ("2",))),
        ("face_3", ChallengeEntry("face_3")),
    ],
    ids=[
        "raf occlusion",
        "raf pose",
        "fer+ occlusion",
        "fer+ pose",
        "affectnet occlusion",
        "affectnet pose",
        "csv",
        "bare",
    ],
)
def test_every_form_of_a_line(tmp_path: Path, line: str, entry: ChallengeEntry) -> None:
    """Name and label are found in each form that was published."""
    challenge = read_challenge_list(write_text(tmp_path / "pose.txt", f"{line}\n\n"))

    assert challenge.name == "pose"
    assert tuple(challenge) == (entry,)


def test_list_selects_by_name_without_ending(tmp_path: Path) -> None:
    """The lists say ``.jpg`` where FER+ has PNG; the order is that of the list, and the label that of the data."""
    dataset = load_dataset("fer_plus", write_fer_plus(tmp_path), split="train", check_counts=False)
    path = write_text(tmp_path / "pose.txt", "5/fer0000001.jpg\n0/fer0000000.jpg\n5/fer0000001.jpg\n")

    chosen = dataset.select_challenge(read_challenge_list(path))

    assert [sample.path.name for sample in chosen.samples] == ["fer0000001.png", "fer0000000.png"]
    assert chosen.labels == (1, 0)


def test_names_that_are_not_there_are_counted_in_a_warning(tmp_path: Path) -> None:
    """The warning lists the first of them."""
    dataset = load_dataset("raf_db", write_raf_db(tmp_path), split="test", check_counts=False)
    path = write_text(tmp_path / "occlusion.txt", "test_0001_aligned 3 4\ntest_0008_aligned 0 4\n")

    with pytest.warns(
        DatasetWarning, match="1 of the 2 pictures of occlusion are not in raf_db, test: test_0008_aligned"
    ):
        chosen = dataset.select_challenge(read_challenge_list(path))

    assert len(chosen) == 1


def test_list_of_other_data_is_refused(tmp_path: Path) -> None:
    """A list of which nothing is there belongs to another data set."""
    dataset = load_dataset("raf_db", write_raf_db(tmp_path), check_counts=False)
    path = write_text(tmp_path / "pose.txt", "0/fer0000000.jpg\n")

    with pytest.raises(InvalidOptionError, match=r"none of its 1 names \(fer0000000"):
        dataset.select_challenge(read_challenge_list(path))


def test_name_that_fits_several_pictures_is_refused(tmp_path: Path) -> None:
    """Which of two pictures of one name is meant cannot be known."""
    samples = [Sample(Path("a/1.png"), 0), Sample(Path("b/1.png"), 1)]
    dataset = ExpressionDataset(samples, get_label_set("raf_db"), name="faces")

    with pytest.raises(InvalidOptionError, match="several pictures are called 1"):
        dataset.select_challenge(read_challenge_list(write_text(tmp_path / "pose.txt", "1.png\n")))


def test_missing_list_says_where_they_are(tmp_path: Path) -> None:
    """The error has the address."""
    with pytest.raises(DatasetLayoutError, match="Challenge-condition-FER-dataset"):
        read_challenge_list(tmp_path / "pose.txt")


@pytest.mark.parametrize(
    ("text", "reason"), [("\n\n", "it has no lines"), ("0/a.jpg\n///\n", "line 2 of .* it has no file name")]
)
def test_list_without_names_is_refused(tmp_path: Path, text: str, reason: str) -> None:
    """An empty list would select nothing in silence."""
    with pytest.raises(AnnotationError, match=reason):
        read_challenge_list(write_text(tmp_path / "pose.txt", text))
