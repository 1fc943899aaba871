"""Cropping that is interrupted, repeated, or begun anew."""

from __future__ import annotations

import os
import signal
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import pytest
from bright_faces import ONE_FACE, BrightDetector, files_below, pictures_below
from forked import forked
from numpy.typing import NDArray
from PIL import Image

from fer_zoo.errors import InvalidOptionError
from fer_zoo.models import FerImageProcessor
from fer_zoo.pipelines import CropRow, FaceCropper, crop_folder, read_crop_report
from fer_zoo.results import Face


class UnusedDetector(BrightDetector):
    """Fails when it is asked, under the name of the usual one."""

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[tuple[Face, ...]]:
        """Fail."""
        raise AssertionError("a finished picture was worked on again")


UnusedDetector.__qualname__ = BrightDetector.__qualname__


class StoppedError(Exception):
    """Stands for whatever ends a run from outside."""


def done(source: Path, destination: Path, cropper: FaceCropper, **options: Any) -> list[str]:
    """Return the pictures that a run works on."""
    rows: list[CropRow] = []
    crop_folder(source, destination, cropper, on_row=rows.append, **options)
    return [row.image for row in rows]


@pytest.fixture
def many(photographs: Path) -> Path:
    """Return a folder with 36 pictures, two with the same stem among them."""
    for number in range(30):
        Image.fromarray(ONE_FACE).save(photographs / f"train/sad/{number:02}.{'bmp' if number % 2 else 'png'}")
    (photographs / "train/sad/00.bmp").write_bytes((photographs / "train/sad/01.bmp").read_bytes())
    return photographs


class CountingDetector(BrightDetector):
    """Says when it is asked for the third time: with one worker, two pictures are cropped then."""

    def __init__(self) -> None:
        self.third = Event()
        self._number = 0

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[tuple[Face, ...]]:
        """Count, and find the faces."""
        self._number += 1
        if self._number == 3:
            self.third.set()
        return super().detect(images)


CountingDetector.__qualname__ = BrightDetector.__qualname__


def stop_ahead_of_the_report(source: Path, destination: Path, *, kills: bool) -> None:
    """Crop a folder, and stop at the first row when a second picture is cropped: by Ctrl-C, or by SIGKILL."""
    detector = CountingDetector()

    def stop(row: CropRow) -> None:
        assert detector.third.wait(60)
        if kills:
            os.kill(os.getpid(), signal.SIGKILL)
        raise KeyboardInterrupt

    crop_folder(source, destination, FaceCropper(detector=detector), workers=1, on_row=stop)


def listed(destination: Path) -> list[str]:
    """Return the crops that a report lists."""
    return [crop.crop for row in read_crop_report(destination) for crop in row.crops]


def test_interrupted_run_leaves_no_crop_without_a_row(photographs: Path, tmp_path: Path) -> None:
    """Crops ahead of the report are removed with the folders made for them; the next run makes them."""
    with pytest.raises(KeyboardInterrupt):
        stop_ahead_of_the_report(photographs, tmp_path / "crops", kills=False)

    assert pictures_below(tmp_path / "crops") == listed(tmp_path / "crops") == ["test/sad/two.png"]
    assert not (tmp_path / "crops/train").exists()
    assert not list((tmp_path / "crops").glob(".*"))


@pytest.mark.parametrize("overwrite", [False, True])
def test_crop_that_a_killed_run_left_is_removed(
    overwrite: bool, photographs: Path, bright: FaceCropper, tmp_path: Path
) -> None:
    """Its photograph is gone meanwhile, so no further run would write it; it joins no training set."""
    with forked(partial(stop_ahead_of_the_report, kills=True), photographs, tmp_path / "crops", folder=tmp_path) as it:
        assert it.wait() == -signal.SIGKILL
    assert (tmp_path / "crops/train/happy/1.png").exists()
    (photographs / "train/happy/1.png").unlink()

    crop_folder(photographs, tmp_path / "crops", bright, overwrite=overwrite)
    crop_folder(photographs, tmp_path / "fresh", bright)

    assert files_below(tmp_path / "crops") == files_below(tmp_path / "fresh")


def kill_at_third_row(source: Path, destination: Path) -> None:
    """Crop a folder, and kill the process, without any chance to tidy up, as soon as the third row is written."""
    rows: list[CropRow] = []

    def note(row: CropRow) -> None:
        rows.append(row)
        if len(rows) == 3:
            os.kill(os.getpid(), signal.SIGKILL)

    crop_folder(source, destination, FaceCropper(detector=BrightDetector()), workers=2, on_row=note)


def test_killed_run_is_taken_up_again(many: Path, bright: FaceCropper, tmp_path: Path) -> None:
    """After SIGKILL, and half a row, the rest is done and nothing twice; the end is as if nothing had happened."""
    crop_folder(many, tmp_path / "undisturbed", bright)

    with forked(kill_at_third_row, many, tmp_path / "crops", folder=tmp_path) as process:
        assert process.wait() == -signal.SIGKILL

    report = tmp_path / "crops/crop_report.jsonl"
    before = [row.image for row in read_crop_report(tmp_path / "crops")]
    assert len(before) == 3
    next_row = (tmp_path / "undisturbed/crop_report.jsonl").read_bytes().splitlines()[3]
    report.write_bytes(report.read_bytes() + next_row[:50])
    assert [row.image for row in read_crop_report(tmp_path / "crops")] == before
    after = done(many, tmp_path / "crops", bright)
    assert len(before + after) == len(set(before + after)) == 37
    assert files_below(tmp_path / "crops") == files_below(tmp_path / "undisturbed")


def test_second_run_repeats_nothing(photographs: Path, bright: FaceCropper, tmp_path: Path) -> None:
    """Pictures that are cropped or have no face are not looked at again; deleted crops stay deleted."""
    (photographs / "train/happy/broken.jpg").unlink()
    crop_folder(photographs, tmp_path / "crops", bright)
    (tmp_path / "crops/train/sad/1.png").unlink()
    before = files_below(tmp_path / "crops")

    summary = crop_folder(photographs, tmp_path / "crops", FaceCropper(detector=UnusedDetector()))

    assert files_below(tmp_path / "crops") == before
    assert (summary.num_pictures, summary.num_done_before) == (5, 5)


def test_new_pictures_are_taken_up(photographs: Path, bright: FaceCropper, tmp_path: Path) -> None:
    """One that sorts before a finished picture of the same stem does not take its crop away."""
    crop_folder(photographs, tmp_path / "crops", bright)
    Image.fromarray(ONE_FACE).save(photographs / "train/sad/1.bmp")
    before = (tmp_path / "crops/train/sad/1.png").stat().st_mtime_ns

    crop_folder(photographs, tmp_path / "crops", bright)

    names = {row.image: row.stem for row in read_crop_report(tmp_path / "crops")}
    assert (names["train/sad/1.png"], names["train/sad/1.bmp"]) == ("train/sad/1", "train/sad/1-2")
    assert (tmp_path / "crops/train/sad/1.png").stat().st_mtime_ns == before
    assert (tmp_path / "crops/train/sad/1-2.png").is_file()


def test_unreadable_pictures_are_tried_again(photographs: Path, bright: FaceCropper, tmp_path: Path) -> None:
    """Every run tries them, and the report has one row for each picture all the same."""
    crop_folder(photographs, tmp_path / "crops", bright)

    assert done(photographs, tmp_path / "crops", bright) == ["train/happy/broken.jpg"]
    Image.fromarray(ONE_FACE).save(photographs / "train/happy/broken.jpg", "PNG")
    assert done(photographs, tmp_path / "crops", bright) == ["train/happy/broken.jpg"]
    assert done(photographs, tmp_path / "crops", bright) == []

    rows = list(read_crop_report(tmp_path / "crops"))
    assert len(rows) == len({row.image for row in rows}) == 6
    assert [row.status for row in rows if row.image.endswith("broken.jpg")] == ["cropped"]


def test_limit_stops_after_so_many_pictures(photographs: Path, bright: FaceCropper, tmp_path: Path) -> None:
    """Each run takes the next ones."""
    first = done(photographs, tmp_path / "crops", bright, limit=2)
    second = done(photographs, tmp_path / "crops", bright, limit=1)

    assert first + second == ["test/sad/two.png", "train/happy/1.png", "train/happy/2.bmp"]


def test_unreadable_pictures_do_not_use_up_the_limit(bright: FaceCropper, tmp_path: Path) -> None:
    """They count once; later runs try them again and take as many new ones, wherever they stand."""
    (tmp_path / "in").mkdir()
    for name in ("a", "b", "c", "g"):
        (tmp_path / f"in/{name}.png").write_bytes(b"no picture")
    for name in ("d", "e", "h"):
        Image.fromarray(ONE_FACE).save(tmp_path / f"in/{name}.png")

    runs = [done(tmp_path / "in", tmp_path / "out", bright, limit=3) for _ in range(4)]
    Image.fromarray(ONE_FACE).save(tmp_path / "in/0.png")
    Image.fromarray(ONE_FACE).save(tmp_path / "in/1.png")
    runs.append(done(tmp_path / "in", tmp_path / "out", bright, limit=1))

    assert ["".join(Path(name).stem for name in run) for run in runs] == ["abc", "abcdeg", "abcgh", "abcg", "0abcg"]
    assert len(list(read_crop_report(tmp_path / "out"))) == 8


def test_error_in_the_callback_ends_the_run_tidily(photographs: Path, bright: FaceCropper, tmp_path: Path) -> None:
    """It arrives as it was raised, the row before it is kept, and the next run goes on."""

    def fail(row: CropRow) -> None:
        raise StoppedError(row.image)

    with pytest.raises(StoppedError, match="two"):
        crop_folder(photographs, tmp_path / "crops", bright, on_row=fail)

    assert not list((tmp_path / "crops").glob(".*"))
    assert len(done(photographs, tmp_path / "crops", bright)) == 5


@pytest.mark.parametrize(
    ("changed", "difference"),
    [
        ({"size": 224}, "size was 112 and is now 224"),
        ({"faces": "all", "threshold": 0.5}, "faces was 'largest' and is now 'all'; threshold was 0.0 and is now 0.5"),
        ({"detector": "center_face"}, "detector was 'BrightDetector' and is now 'center_face'"),
    ],
)
def test_other_options_are_refused(
    photographs: Path, bright: FaceCropper, tmp_path: Path, changed: dict[str, Any], difference: str
) -> None:
    """The error names what differs and the ways out, and nothing changes."""
    crop_folder(photographs, tmp_path / "crops", bright)
    before = files_below(tmp_path / "crops")

    with pytest.raises(InvalidOptionError) as caught:
        crop_folder(photographs, tmp_path / "crops", FaceCropper(**{"detector": BrightDetector(), **changed}))

    assert str(caught.value) == (
        f"Invalid value {str(tmp_path / 'crops')!r} for destination: expected a folder whose crops were made with the "
        f"same options ({difference}); choose another folder, or overwrite=True (--overwrite) to begin anew."
    )
    assert files_below(tmp_path / "crops") == before


def test_other_model_source_or_format_is_refused(photographs: Path, bright: FaceCropper, tmp_path: Path) -> None:
    """Crops of another template, of other photographs or in another format do not mix."""
    FerImageProcessor().save_pretrained(tmp_path / "model")
    crop_folder(photographs, tmp_path / "crops", bright)

    with pytest.raises(InvalidOptionError, match=r"model was 'mhan' and is now .*crop_template was .*0\.3126"):
        crop_folder(photographs, tmp_path / "crops", FaceCropper(tmp_path / "model", detector=BrightDetector()))
    with pytest.raises(InvalidOptionError, match=r"source was '.*photographs' and is now '.*train'"):
        crop_folder(photographs / "train", tmp_path / "crops", bright)
    with pytest.raises(InvalidOptionError, match="jpeg_quality was None and is now 90"):
        crop_folder(photographs, tmp_path / "crops", bright, quality=90)


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff"])
def test_damaged_options_are_refused(photographs: Path, bright: FaceCropper, tmp_path: Path, content: bytes) -> None:
    """If it is not known how crops were made, none are added."""
    crop_folder(photographs, tmp_path / "crops", bright)
    (tmp_path / "crops/crop_options.json").write_bytes(content)

    with pytest.raises(
        InvalidOptionError, match=r"expected a folder with a readable crop_options\.json; choose another"
    ):
        crop_folder(photographs, tmp_path / "crops", bright)


def test_folder_with_other_things_is_refused(photographs: Path, bright: FaceCropper, tmp_path: Path) -> None:
    """Files of the user could be replaced; hidden ones, which file managers leave behind, do not matter."""
    (tmp_path / "crops").mkdir()
    (tmp_path / "crops/.DS_Store").touch()
    crop_folder(photographs, tmp_path / "crops", bright, limit=1)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").touch()

    for overwrite in (False, True):
        with pytest.raises(InvalidOptionError, match=r"new or empty folder, or one that crops .* is neither\.$"):
            crop_folder(photographs, tmp_path / "mine", bright, overwrite=overwrite)

    assert list(files_below(tmp_path / "mine")) == ["notes.txt"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_files_of_the_user_are_not_replaced(
    overwrite: bool, photographs: Path, bright: FaceCropper, tmp_path: Path
) -> None:
    """One with the name of a crop that is to be written leaves its picture without a crop, and the report says so."""
    crops = tmp_path / "crops"
    crop_folder(photographs, crops, bright, limit=1)
    mine = crops / "train/happy/1.png"
    mine.parent.mkdir(parents=True, exist_ok=True)
    mine.write_bytes(b"mine")

    for _ in range(2):
        summary = crop_folder(photographs, crops, bright, overwrite=overwrite)

        assert mine.read_bytes() == b"mine"
        assert summary.num_unreadable == 2
        errors = {row.image: row.error for row in read_crop_report(crops) if row.error}
        assert errors["train/happy/1.png"] == (
            "its crop cannot be written (a file of this name is there that no run wrote)"
        )


def test_overwriting_leaves_nothing_of_the_earlier_run(photographs: Path, bright: FaceCropper, tmp_path: Path) -> None:
    """Crops and empty folders of another choice are gone; what was not written by a run stays."""
    crop_folder(photographs, tmp_path / "crops", FaceCropper(detector=BrightDetector(), faces="all", size=224))
    (tmp_path / "crops/notes.txt").write_text("kept")
    for path in (photographs / "test/sad").iterdir():
        path.unlink()

    summary = crop_folder(photographs, tmp_path / "crops", bright, overwrite=True)

    assert pictures_below(tmp_path / "crops") == [
        "notes.txt",
        "train/happy/1.png",
        "train/happy/2.png",
        "train/sad/1.png",
    ]
    assert not (tmp_path / "crops/test").exists()
    assert (summary.num_pictures, summary.num_done_before) == (5, 0)


def test_overwriting_that_was_killed_is_completed(photographs: Path, bright: FaceCropper, tmp_path: Path) -> None:
    """The old report waits aside until its crops are removed, so none of them outlives a kill in between."""
    crop_folder(photographs, tmp_path / "crops", FaceCropper(detector=BrightDetector(), faces="all"))
    crops = tmp_path / "crops"
    (crops / "crop_report.jsonl").rename(crops / ".crops_stale.jsonl")
    (crops / "test/sad/two_1.png").unlink()

    crop_folder(photographs, crops, bright, overwrite=True)
    crop_folder(photographs, tmp_path / "fresh", bright)

    assert files_below(crops) == files_below(tmp_path / "fresh")


def test_overwriting_never_removes_files_elsewhere(photographs: Path, bright: FaceCropper, tmp_path: Path) -> None:
    """A report that was tampered with cannot point out of its folder."""
    crop_folder(photographs, tmp_path / "crops", bright)
    report = tmp_path / "crops/crop_report.jsonl"
    report.write_text(report.read_text().replace('"crop": "test/sad/two.png"', '"crop": "../precious.png"'))
    (tmp_path / "precious.png").touch()

    crop_folder(photographs, tmp_path / "crops", bright, overwrite=True)

    assert (tmp_path / "precious.png").exists()
