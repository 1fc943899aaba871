"""From a folder of photographs to a folder of crops: what is written where, and what the report says."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bright_faces import ONE_FACE, TWO_FACES, BrightDetector, files_below, photograph, pictures_below
from full_disk import full_disk
from numpy.typing import NDArray
from PIL import Image

from fer_zoo.errors import InvalidOptionError
from fer_zoo.pipelines import CroppedFace, CropRow, FaceCropper, crop_folder, read_crop_report
from fer_zoo.pipelines.threads import map_in_order
from fer_zoo.results import Box, Face


class WrongDetector(BrightDetector):
    """Finds a box without any extent in every picture."""

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[tuple[Face, ...]]:
        """Return one impossible face for each picture."""
        return [(Face(Box(5, 5, 5, 5), 1.0),) for _ in images]


def save(path: Path, picture: NDArray[np.uint8]) -> None:
    """Write a picture and its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(picture).save(path)


def test_crops_lie_as_the_photographs_do(photographs: Path, bright: FaceCropper, tmp_path: Path) -> None:
    """Folders survive, every crop has the size of the model, and nothing is left half done."""
    summary = crop_folder(photographs, tmp_path / "crops", bright)

    crops = ["test/sad/two.png", "train/happy/1.png", "train/happy/2.png", "train/sad/1.png"]
    assert pictures_below(tmp_path / "crops") == crops
    assert sorted(path.name for path in (tmp_path / "crops").iterdir()) == [
        "crop_options.json",
        "crop_report.jsonl",
        "test",
        "train",
    ]
    for name in crops:
        with Image.open(tmp_path / "crops" / name) as crop:
            assert (crop.format, crop.mode, crop.size) == ("PNG", "RGB", (112, 112))
    assert summary.to_dict() == {
        "report": str(tmp_path / "crops/crop_report.jsonl"),
        "num_pictures": 6,
        "num_cropped": 4,
        "num_crops": 4,
        "num_without_face": 1,
        "num_unreadable": 1,
        "num_done_before": 0,
    }


def test_report_has_a_row_for_every_picture(photographs: Path, bright: FaceCropper, tmp_path: Path) -> None:
    """In the order of the names: the face that was cropped, no face, or the reason; the callback saw the same rows."""
    seen: list[CropRow] = []

    crop_folder(photographs, tmp_path / "crops", bright, on_row=seen.append)

    rows = list(read_crop_report(tmp_path / "crops"))
    assert rows == seen
    assert [(row.image, row.status) for row in rows] == [
        ("test/sad/two.png", "cropped"),
        ("train/happy/1.png", "cropped"),
        ("train/happy/2.bmp", "cropped"),
        ("train/happy/broken.jpg", "unreadable"),
        ("train/happy/nobody.png", "no face"),
        ("train/sad/1.png", "cropped"),
    ]
    largest = Face(Box(60.0, 5.0, 80.0, 45.0), 0.6)
    assert rows[0] == CropRow(
        "test/sad/two.png", "test/sad/two", 100, 60, num_faces=2, crops=(CroppedFace("test/sad/two.png", largest),)
    )
    assert rows[3].error is not None
    assert rows[3].error.startswith("it is not an image of a known format")
    assert rows[4] == CropRow("train/happy/nobody.png", "train/happy/nobody", 100, 60)


def test_row_with_landmarks_comes_back_from_the_report() -> None:
    """Nothing is lost on the way through JSON."""
    points = ((1.5, 2.25), (3.0, 2.0), (2.0, 3.0), (1.0, 4.0), (3.0, 4.125))
    row = CropRow("a.jpg", "a", 9, 8, 1, (CroppedFace("a.png", Face(Box(0.5, 1.0, 5.0, 6.0), 0.75, points)),))

    assert CropRow.from_dict(row.to_dict()) == row


def test_every_face_gets_a_number(photographs: Path, tmp_path: Path) -> None:
    """With all faces the crops are numbered in the detector's order, a single one too."""
    crop_folder(photographs, tmp_path / "crops", FaceCropper(detector=BrightDetector(), faces="all"))

    names = pictures_below(tmp_path / "crops")
    assert names[:3] == ["test/sad/two_1.png", "test/sad/two_2.png", "train/happy/1_1.png"]
    row = next(read_crop_report(tmp_path / "crops"))
    assert [(crop.crop, crop.face.box.left) for crop in row.crops] == [
        ("test/sad/two_1.png", 10.0),
        ("test/sad/two_2.png", 60.0),
    ]


def test_pictures_of_one_name_do_not_overwrite_each_other(bright: FaceCropper, tmp_path: Path) -> None:
    """Endings, capital letters and names that look like given ones lead to different crops, each of its own picture."""
    names = ["A.png", "a-2.png", "a.bmp", "a.png"]
    for shift, name in enumerate(names):
        save(tmp_path / "in" / name, photograph((shift, 0, 20 + shift, 10)))

    crop_folder(tmp_path / "in", tmp_path / "out", bright)

    rows = list(read_crop_report(tmp_path / "out"))
    assert [(row.image, row.crops[0].crop, row.crops[0].face.box.left) for row in rows] == [
        ("A.png", "A.png", 0.0),
        ("a-2.png", "a-2.png", 1.0),
        ("a.bmp", "a-3.png", 2.0),
        ("a.png", "a-4.png", 3.0),
    ]
    assert pictures_below(tmp_path / "out") == ["A.png", "a-2.png", "a-3.png", "a-4.png"]


def test_jpeg_by_option(photographs: Path, bright: FaceCropper, tmp_path: Path) -> None:
    """A quality means JPEG, close to the PNG."""
    crop_folder(photographs, tmp_path / "png", bright)
    crop_folder(photographs, tmp_path / "jpeg", bright, quality=95)

    assert pictures_below(tmp_path / "jpeg")[0] == "test/sad/two.jpg"
    with (
        Image.open(tmp_path / "png/test/sad/two.png") as exact,
        Image.open(tmp_path / "jpeg/test/sad/two.jpg") as lossy,
    ):
        assert lossy.format == "JPEG"
        difference = np.abs(np.asarray(exact, np.int16) - np.asarray(lossy, np.int16))
    assert difference.mean() < 2


def test_number_of_workers_changes_nothing(photographs: Path, tmp_path: Path) -> None:
    """One thread and eight write the same files, byte by byte."""
    for number in range(30):
        save(photographs / f"more/{number}.png", photograph((number, 3, 50, 40)))
    for workers in (1, 8):
        crop_folder(
            photographs, tmp_path / str(workers), FaceCropper(detector=BrightDetector(), faces="all"), workers=workers
        )

    assert len(pictures_below(tmp_path / "1")) == 35
    assert files_below(tmp_path / "1") == files_below(tmp_path / "8")


def test_only_so_many_pictures_are_under_way() -> None:
    """Items are taken as answers are fetched, never more than the window ahead, and answers keep the order."""
    taken: list[int] = []

    def items() -> Iterator[int]:
        for item in range(1000):
            taken.append(item)
            yield item

    with ThreadPoolExecutor(2) as pool:
        answers = map_in_order(pool, lambda item: 10 * item, items(), 3)

        assert [next(answers) for _ in range(5)] == [0, 10, 20, 30, 40]
        assert len(taken) == 8
        assert list(answers)[-1] == 9990


def test_destination_inside_the_source_is_left_out(photographs: Path, bright: FaceCropper) -> None:
    """The crops are not cropped again, in the first run or in the next."""
    rows: list[CropRow] = []
    for _ in range(2):
        summary = crop_folder(photographs, photographs / "crops", bright, on_row=rows.append)

    assert summary.num_pictures == 6
    assert not [row for row in rows if row.image.startswith("crops")]


def test_too_long_name_is_a_row(bright: FaceCropper, tmp_path: Path) -> None:
    """A crop whose name the system refuses does not end the job."""
    save(tmp_path / "in" / f"{'x' * 251}.bmp", ONE_FACE)
    save(tmp_path / "in" / f"{'x' * 251}.png", ONE_FACE)
    save(tmp_path / "in" / "y.png", ONE_FACE)

    summary = crop_folder(tmp_path / "in", tmp_path / "out", bright)

    rows = list(read_crop_report(tmp_path / "out"))
    assert [row.status for row in rows] == ["cropped", "unreadable", "cropped"]
    assert rows[1].error == "its crop cannot be written (File name too long)"
    assert summary.num_crops == len(pictures_below(tmp_path / "out")) == 2


def test_face_that_cannot_be_cropped_is_none(photographs: Path, tmp_path: Path) -> None:
    """What a detector finds may be impossible: the pictures have no face then, and the broken one is unreadable."""
    summary = crop_folder(photographs, tmp_path / "crops", FaceCropper(detector=WrongDetector()))

    assert (summary.num_cropped, summary.num_without_face, summary.num_unreadable) == (0, 5, 1)


def test_failure_of_the_detector_is_a_row(photographs: Path, tmp_path: Path) -> None:
    """An error of its own over one picture does not end the job."""

    class Moody(BrightDetector):
        """Fails on the first picture."""

        def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[tuple[Face, ...]]:
            """Find faces, but not the first time."""
            if not hasattr(self, "asked"):
                self.asked = True
                raise RuntimeError("no mood")
            return super().detect(images)

    summary = crop_folder(photographs, tmp_path / "crops", FaceCropper(detector=Moody()), workers=1)

    first = next(read_crop_report(tmp_path / "crops"))
    assert first.error == "cropping it failed (RuntimeError: no mood)"
    assert (summary.num_cropped, summary.num_unreadable) == (3, 2)


def test_too_large_picture_is_a_row(photographs: Path, bright: FaceCropper, tmp_path: Path) -> None:
    """Pictures of 6,000 pixels are refused below that limit, and cropped as soon as it is raised."""
    summary = crop_folder(photographs, tmp_path / "crops", bright, max_pixels=5999)
    assert (summary.num_cropped, summary.num_unreadable) == (0, 6)

    summary = crop_folder(photographs, tmp_path / "crops", bright, max_pixels=6000)
    assert (summary.num_cropped, summary.num_unreadable) == (4, 1)


def test_name_that_is_no_unicode_survives(bright: FaceCropper, tmp_path: Path) -> None:
    """A file name in another encoding is written as it was, and found again."""
    name = os.fsdecode(b"caf\xe9.png")
    save(tmp_path / "in" / name, ONE_FACE)

    crop_folder(tmp_path / "in", tmp_path / "out", bright)
    summary = crop_folder(tmp_path / "in", tmp_path / "out", bright)

    assert [row.image for row in read_crop_report(tmp_path / "out")] == [name]
    assert (tmp_path / "out" / name).is_file()
    assert summary.num_done_before == 1


def test_folder_that_cannot_be_looked_into_is_a_row(
    photographs: Path, bright: FaceCropper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pictures in it are missing, so the report says why; the rest is done."""
    scandir = os.scandir

    def refuse(path: Any) -> Any:
        if isinstance(path, Path) and path.name == "happy":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    monkeypatch.setattr("fer_zoo.imaging.folders.os.scandir", refuse)  # the tests may run as root, who may do all

    summary = crop_folder(photographs, tmp_path / "crops", bright)

    rows = {row.image: row.error for row in read_crop_report(tmp_path / "crops")}
    assert rows["train/happy"] == "the folder cannot be looked into (Permission denied)"
    assert (summary.num_cropped, summary.num_unreadable) == (2, 1)


@pytest.mark.parametrize("size", [0, 30, 600])
def test_full_disk_is_a_clear_error(bright: FaceCropper, tmp_path: Path, size: int) -> None:
    """Options, report or crop, whichever no longer fits: the error names the folder, and the job can go on later."""
    noise = np.random.default_rng(0).integers(0, 255, (60, 100, 3), dtype=np.uint8)
    noise[10:40, 10:30] = 255
    save(tmp_path / "in/1.png", noise)

    with (
        full_disk(size),
        pytest.raises(InvalidOptionError, match=r"for destination: expected a folder that can be written to \(.*large"),
    ):
        crop_folder(tmp_path / "in", tmp_path / "out", bright)

    assert pictures_below(tmp_path / "out") == []
    assert crop_folder(tmp_path / "in", tmp_path / "out", bright).num_cropped == 1


@pytest.mark.parametrize("name", ["file", "file/below"])
def test_destination_that_is_a_file_is_refused(
    photographs: Path, bright: FaceCropper, tmp_path: Path, name: str
) -> None:
    """A file cannot be the folder, nor have folders in it."""
    (tmp_path / "file").write_text("kept")

    with pytest.raises(InvalidOptionError, match="for destination: expected a folder"):
        crop_folder(photographs, tmp_path / name, bright)

    assert (tmp_path / "file").read_text() == "kept"


@pytest.mark.parametrize("name", ["photographs", "."])
def test_crops_never_lie_among_the_photographs(
    photographs: Path, bright: FaceCropper, tmp_path: Path, name: str
) -> None:
    """The source itself, and a folder that holds it, are refused: crops could replace pictures."""
    before = files_below(tmp_path)

    with pytest.raises(InvalidOptionError, match="expected a folder that does not hold the photographs"):
        crop_folder(photographs, tmp_path / name, bright, overwrite=True)

    assert files_below(tmp_path) == before


@pytest.mark.parametrize("name", ["missing", "photographs/train/happy/1.png"])
def test_source_that_is_no_folder_is_refused(photographs: Path, bright: FaceCropper, tmp_path: Path, name: str) -> None:
    """Neither a missing folder nor a file has pictures in it; nothing is written."""
    with pytest.raises(InvalidOptionError, match="for source: expected a folder of pictures"):
        crop_folder(tmp_path / name, tmp_path / "crops", bright)

    assert not (tmp_path / "crops").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"quality": 0}, "Invalid value 0 for quality: expected a number from 1 to 100, or None for PNG."),
        ({"quality": "a"}, "Invalid value 'a' for quality: expected a number from 1 to 100, or None for PNG."),
        ({"quality": 101}, "Invalid value 101 for quality: expected a number from 1 to 100, or None for PNG."),
        ({"max_pixels": 0}, "Invalid value 0 for max_pixels: expected a number above 0."),
        ({"workers": 0}, "Invalid value 0 for workers: expected a whole number of at least 1."),
        ({"limit": 0}, "Invalid value 0 for limit: expected a whole number of at least 1."),
    ],
)
def test_options_out_of_range_are_refused(
    photographs: Path, bright: FaceCropper, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    """Each is named, and nothing is written."""
    with pytest.raises(InvalidOptionError) as caught:
        crop_folder(photographs, tmp_path / "crops", bright, **options)

    assert str(caught.value) == message
    assert not (tmp_path / "crops").exists()


def test_empty_folder_is_no_error(bright: FaceCropper, tmp_path: Path) -> None:
    """No picture gives a report without rows."""
    (tmp_path / "in").mkdir()

    assert crop_folder(tmp_path / "in", tmp_path / "out", bright).num_pictures == 0
    assert list(read_crop_report(tmp_path / "out")) == []


def test_two_faces_are_counted_where_one_is_cropped(bright: FaceCropper, tmp_path: Path) -> None:
    """The row tells that a picture shows more people than its crop."""
    save(tmp_path / "in/1.png", TWO_FACES)

    crop_folder(tmp_path / "in", tmp_path / "out", bright)

    (row,) = read_crop_report(tmp_path / "out")
    assert (row.num_faces, len(row.crops)) == (2, 1)
