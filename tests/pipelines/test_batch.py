"""Folders and archives into one table."""

from __future__ import annotations

import os
import tarfile
import zipfile
from collections.abc import Iterator, Sequence
from functools import partial
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest
from bright_faces import ONE_FACE, BrightDetector, write_many
from locked import without_access
from numpy.typing import NDArray
from PIL import Image

from fer_zoo import Face, FaceExpressionPipeline, ImageResult, pipeline
from fer_zoo.errors import ImageReadError, InvalidOptionError, WorkerError
from fer_zoo.imaging.archives import ArchivedPicture, ArchiveReader
from fer_zoo.imaging.locations import Location
from fer_zoo.imaging.remote import RemotePicture
from fer_zoo.pipelines import AnalysisOptions, analyze_files
from fer_zoo.pipelines.batch import describe_run, run_groups
from fer_zoo.pipelines.groups import GROUP_SIZE, Group, analyze_group, analyze_groups, group_pictures
from fer_zoo.results import read_json_lines


class SpottyDetector(BrightDetector):
    """Raises an error of its own for pictures whose first pixel is black."""

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[tuple[Face, ...]]:
        """Find the faces, or fail."""
        if any(not image[0, 0].any() for image in images):
            raise RuntimeError("black")
        return super().detect(images)


class WhiteIsTooMuch(BrightDetector):
    """Raises an error of its own for pictures whose first pixel is white."""

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[tuple[Face, ...]]:
        """Find the faces, or fail."""
        if any(image[0, 0].all() for image in images):
            raise RuntimeError("white")
        return super().detect(images)


@pytest.fixture
def spotty_pipeline(bright_pipeline: FaceExpressionPipeline) -> FaceExpressionPipeline:
    """Return the pipeline whose detector fails for some pictures."""
    return pipeline(
        model=bright_pipeline.model,
        image_processor=bright_pipeline.image_processor,
        detector=SpottyDetector(),
        device="cpu",
    )


def test_every_file_has_its_rows(bright_pipeline: FaceExpressionPipeline, photographs: Path, tmp_path: Path) -> None:
    """In the order of the names: faces, nobody, and why a file could not be read; and nothing is left beside it."""
    summary = analyze_files(photographs, tmp_path / "out/faces.parquet", bright_pipeline)

    rows = pyarrow.parquet.read_table(tmp_path / "out/faces.parquet").to_pylist()
    assert [(row["image"].removeprefix(f"{photographs}/"), row["status"], row["face"]) for row in rows] == [
        ("test/sad/two.png", "face", 1),
        ("test/sad/two.png", "face", 2),
        ("train/happy/1.png", "face", 1),
        ("train/happy/2.bmp", "face", 1),
        ("train/happy/broken.jpg", "unreadable", None),
        ("train/happy/nobody.png", "no face", None),
        ("train/sad/1.png", "face", 1),
    ]
    assert [rows[1][edge] for edge in ("xmin", "ymin", "xmax", "ymax")] == [60, 5, 80, 45]
    assert rows[4]["error"].startswith(f"Cannot read image '{photographs}/train/happy/broken.jpg': it is not an image")
    assert summary.to_dict() == {
        "output": str(tmp_path / "out/faces.parquet"),
        "num_pictures": 6,
        "num_faces": 5,
        "num_without_face": 1,
        "num_unreadable": 1,
        "num_done_before": 0,
    }
    assert summary.failures == (rows[4]["error"],)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["faces.parquet"]


def test_answers_are_those_of_the_pipeline(
    bright_pipeline: FaceExpressionPipeline, photographs: Path, tmp_path: Path
) -> None:
    """One picture at a time gives the same boxes and labels, and the same probabilities but for rounding."""
    analyze_files(photographs, tmp_path / "out.jsonl", bright_pipeline)

    for result in read_json_lines(tmp_path / "out.jsonl"):
        alone = bright_pipeline.analyze(result.source, on_error="skip")
        assert (alone.width, alone.height, alone.error) == (result.width, result.height, result.error)
        assert [face.face for face in alone.faces] == [face.face for face in result.faces]
        for one, other in zip(alone.faces, result.faces, strict=True):
            assert dict(one.scores) == pytest.approx(dict(other.scores), abs=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["parquet", "jsonl", "csv"])
def test_output_does_not_depend_on_the_number_of_workers(
    ending: str, bright_pipeline: FaceExpressionPipeline, tmp_path: Path
) -> None:
    """Byte for byte, over three groups of pictures of several sizes."""
    folder = write_many(tmp_path / "in", 140)

    for workers in (1, 5):
        summary = analyze_files(folder, tmp_path / f"{workers}.{ending}", bright_pipeline, workers=workers)

    assert (tmp_path / f"1.{ending}").read_bytes() == (tmp_path / f"5.{ending}").read_bytes()
    assert (summary.num_pictures, summary.num_unreadable, summary.num_without_face) == (140, 14, 42)


def test_archive_gives_what_its_folder_gives(
    bright_pipeline: FaceExpressionPipeline, photographs: Path, tmp_path: Path
) -> None:
    """With the names of its members, and nothing is extracted."""
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        for path in sorted(photographs.rglob("*.*")):
            archive.write(path, path.relative_to(photographs))
    before = set(tmp_path.iterdir())

    analyze_files(photographs, tmp_path / "folder.jsonl", bright_pipeline)
    analyze_files(tmp_path / "in.zip", tmp_path / "zip.jsonl", bright_pipeline)

    folder, archived = (
        (tmp_path / name).read_text().replace(f"{tmp_path}/{prefix}", "")
        for name, prefix in (("folder.jsonl", "photographs/"), ("zip.jsonl", "in.zip!"))
    )
    assert folder == archived
    assert set(tmp_path.iterdir()) - before == {tmp_path / "folder.jsonl", tmp_path / "zip.jsonl"}


def test_pictures_of_one_name_keep_their_own_answers(bright_pipeline: FaceExpressionPipeline, tmp_path: Path) -> None:
    """An archive to which newer pictures were appended has every name twice, in groups of their own."""
    path = tmp_path / "in.tar"
    for mode, width in (("w", 60), ("a", 90)):
        content = BytesIO()
        Image.fromarray(np.full((40, width, 3), 20, np.uint8)).save(content, "PNG")
        with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]  # its modes are literals
            for number in range(GROUP_SIZE):
                member = tarfile.TarInfo(f"{number:02}.png")
                member.size = len(content.getvalue())
                archive.addfile(member, BytesIO(content.getvalue()))

    analyze_files(path, tmp_path / "out.jsonl", bright_pipeline)

    widths = [result.width for result in read_json_lines(tmp_path / "out.jsonl")]
    assert widths == [60] * GROUP_SIZE + [90] * GROUP_SIZE


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        (
            RemotePicture("s3://b?region=a", "b/1", "s3://b/1"),
            RemotePicture("s3://b?region=b", "b/1", "s3://b/1"),
            False,
        ),
        (RemotePicture("s3://me:1@b", "b/1", "s3://b/1"), RemotePicture("s3://me:2@b", "b/1", "s3://b/1"), True),
        ("data:image/png;base64,AAAA", "data:image/png;base64,BBBB", False),
        ("http://me:1@h/a?id=1", "http://me:2@h/a?id=1", True),
        ("http://h/a?id=1", "http://h/a?id=2", False),
        (ArchivedPicture("a.zip", "1.png", 0, 5), ArchivedPicture("a.zip", "1.png", 1, 5), False),
        (ImageReadError("a", "it is gone"), ImageReadError("a", "it is gone"), True),
    ],
)
def test_groups_are_told_apart_by_more_than_is_shown(
    one: Location | ImageReadError, other: Location | ImageReadError, is_same: bool
) -> None:
    """By queries, contents and places in archives, but never by passwords, as the digest is the name of a file."""
    assert (Group((one,)).digest == Group((other,)).digest) == is_same


def test_sources_follow_each_other(bright_pipeline: FaceExpressionPipeline, photographs: Path, tmp_path: Path) -> None:
    """A picture, a folder, the same again, a URI and what is not there: each has its rows, in this order."""
    happy = photographs / "train/happy"
    sources: list[str | Path] = [
        happy / "1.png",
        photographs / "train/sad",
        happy / "1.png",
        f"file://{happy}/2.bmp",
        tmp_path / "gone",
    ]

    analyze_files(sources, tmp_path / "out.jsonl", bright_pipeline)

    results = list(read_json_lines(tmp_path / "out.jsonl"))
    assert [(result.source, len(result.faces)) for result in results] == [
        (str(happy / "1.png"), 1),
        (str(photographs / "train/sad/1.png"), 1),
        (str(happy / "1.png"), 1),
        (f"file://{happy}/2.bmp", 1),
        (str(tmp_path / "gone"), 0),
    ]
    assert results[4].error == f"Cannot read image {str(tmp_path / 'gone')!r}: there is no such file."


def test_link_to_itself_is_a_row(bright_pipeline: FaceExpressionPipeline, tmp_path: Path) -> None:
    """Named directly it ends nothing, as it ends nothing in a folder."""
    (tmp_path / "loop.png").symlink_to("loop.png")

    summary = analyze_files(tmp_path / "loop.png", tmp_path / "out.jsonl", bright_pipeline)

    (result,) = read_json_lines(tmp_path / "out.jsonl")
    assert (summary.num_pictures, summary.num_unreadable) == (1, 1)
    assert (result.source, result.faces) == (str(tmp_path / "loop.png"), ())


@pytest.mark.skipif(os.name == "nt", reason="needs permissions of POSIX")
def test_places_that_may_not_be_looked_into_are_rows(
    bright_pipeline: FaceExpressionPipeline, photographs: Path, tmp_path: Path
) -> None:
    """A folder, a picture in it and a name that is too long end nothing."""
    locked, good = photographs / "test", photographs / "train/happy/1.png"
    sources: list[str | Path] = [locked / "sad/two.png", "x" * 300, locked, good]
    tmp_path.chmod(0o777)

    with without_access(locked):
        analyze_files(sources, tmp_path / "out.jsonl", bright_pipeline)

    *results, last = read_json_lines(tmp_path / "out.jsonl")
    assert last.source == str(good)
    assert len(last.faces) == 1
    assert ["denied" in str(result.error) for result in results] == [True, False, True]
    assert "too long" in str(results[1].error)


def test_secrets_of_sources_are_not_written(bright_pipeline: FaceExpressionPipeline, tmp_path: Path) -> None:
    """Neither the options of a run that others may read nor the error for another run repeat a password."""

    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        analyze_files(
            "http://someone:S3CRET@127.0.0.1:9/a.png", tmp_path / "out.csv", bright_pipeline, on_progress=interrupt
        )
    with pytest.raises(InvalidOptionError, match=r"127\.0\.0\.1:9/a\.png") as caught:
        analyze_files("http://someone:S3CRET@127.0.0.1:9/b.png", tmp_path / "out.csv", bright_pipeline)

    assert "S3CRET" not in str(caught.value)
    options = (tmp_path / "out.csv.partial/options.json").read_text()
    assert "http://127.0.0.1:9/a.png" in options
    assert "S3CRET" not in options


def test_options_reach_the_results(bright_pipeline: FaceExpressionPipeline, photographs: Path, tmp_path: Path) -> None:
    """The threshold leaves out the right face, whose score is 0.6; nothing is sure enough; the rest is too large."""
    options = AnalysisOptions(threshold=0.7, min_confidence=1.0)

    analyze_files(photographs / "test", tmp_path / "1.jsonl", bright_pipeline, options=options)
    analyze_files(photographs / "test", tmp_path / "2.jsonl", bright_pipeline, options=AnalysisOptions(max_pixels=9))

    (first,), (second,) = (list(read_json_lines(tmp_path / name)) for name in ("1.jsonl", "2.jsonl"))
    assert [(face.face.score, face.is_uncertain) for face in first.faces] == [(0.9, True)]
    assert second.error is not None
    assert "above the limit of 9" in second.error


def test_options_of_the_pipeline_hold_for_files(small_model: Path, photographs: Path, tmp_path: Path) -> None:
    """Its threshold leaves out a face, nothing is sure enough, and pictures are too large, unless a call says more."""
    made = partial(pipeline, model=str(small_model), detector=BrightDetector(), device="cpu")

    strict, small = made(threshold=0.7, min_confidence=1.0), made(max_pixels=9)
    analyze_files(photographs / "test", tmp_path / "1.jsonl", strict)
    analyze_files(photographs / "test", tmp_path / "2.jsonl", small)
    analyze_files(photographs / "test", tmp_path / "3.jsonl", small, options=AnalysisOptions(max_pixels=6000))
    analyze_files(photographs / "test", tmp_path / "4.jsonl", strict, options=AnalysisOptions(0.0, 0.0))

    first, second, third, fourth = (next(read_json_lines(tmp_path / f"{number}.jsonl")) for number in range(1, 5))
    assert [(face.face.score, face.is_uncertain) for face in first.faces] == [(0.9, True)]
    assert second.error is not None
    assert "above the limit of 9" in second.error
    assert len(third.faces) == 2
    assert [(face.face.score, face.is_uncertain) for face in fourth.faces] == [(0.9, False), (0.6, False)]


def test_urls_of_strangers_lead_to_public_hosts_alone(tmp_path: Path) -> None:
    """A pipeline that asks no private hosts asks none for the pictures of a batch either."""
    pipe = pipeline(detector=BrightDetector(), device="cpu", allow_private_hosts=False)

    summary = analyze_files("http://127.0.0.1:9/photo.jpg", tmp_path / "out.jsonl", pipe)

    (failure,) = summary.failures
    assert "its host has the address 127.0.0.1, which is not public" in failure


def test_progress_begins_with_what_there_is_to_do(bright_pipeline: FaceExpressionPipeline, tmp_path: Path) -> None:
    """Once at the beginning and once a group."""
    seen: list[tuple[int, int]] = []

    analyze_files(
        write_many(tmp_path / "in", 70),
        tmp_path / "out.csv",
        bright_pipeline,
        on_progress=lambda done, total: seen.append((done, total)),
    )

    assert seen == [(0, 70), (64, 70), (70, 70)]


def test_error_of_the_detector_is_a_row(spotty_pipeline: FaceExpressionPipeline, tmp_path: Path) -> None:
    """The picture is found among the others, which have their results."""
    for name, value in (("a", 255), ("b", 0), ("c", 255)):
        picture = ONE_FACE.copy()
        picture[0, 0] = value
        Image.fromarray(picture).save(tmp_path / f"{name}.png")

    analyze_files(tmp_path, tmp_path / "out.jsonl", spotty_pipeline)

    results = list(read_json_lines(tmp_path / "out.jsonl"))
    assert [len(result.faces) for result in results] == [1, 0, 1]
    assert results[1].error == (
        f"Cannot read image {str(tmp_path / 'b.png')!r}: its analysis failed (RuntimeError: black)."
    )


def test_error_of_a_picture_that_is_alone_in_its_group_is_a_row(
    bright_pipeline: FaceExpressionPipeline, tmp_path: Path
) -> None:
    """A blank picture is analysed without an error, so the fault is the picture's."""
    Image.fromarray(np.full((9, 9, 3), 255, np.uint8)).save(tmp_path / "a.png")
    pipe = pipeline(
        model=bright_pipeline.model,
        image_processor=bright_pipeline.image_processor,
        detector=WhiteIsTooMuch(),
        device="cpu",
    )

    summary = analyze_files(tmp_path, tmp_path / "out.jsonl", pipe)

    assert summary.num_unreadable == 1
    (result,) = read_json_lines(tmp_path / "out.jsonl")
    assert result.error is not None
    assert result.error.endswith("its analysis failed (RuntimeError: white).")


def test_error_for_every_picture_ends_the_run(spotty_pipeline: FaceExpressionPipeline, tmp_path: Path) -> None:
    """With a blank one too it is not the pictures' fault; the error arrives as it was raised."""
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(tmp_path / "a.png")

    with pytest.raises(RuntimeError, match=r"^black$"):
        analyze_files(tmp_path, tmp_path / "out.jsonl", spotty_pipeline)


def test_failure_in_one_group_does_not_shift_the_next(spotty_pipeline: FaceExpressionPipeline, tmp_path: Path) -> None:
    """What was read ahead for a group that failed is not taken for the next one's."""
    names = [str(tmp_path / f"{number}.png") for number in range(9)]
    for number, name in enumerate(names):
        picture = ONE_FACE.copy()
        picture[0, 0] = 0 if number == 1 else 255
        Image.fromarray(picture).save(name)

    answers = list(analyze_groups(spotty_pipeline, group_pictures(names, 3), AnalysisOptions(), workers=2))

    assert [result.source for _, results in answers for result in results] == names
    assert [len(result.faces) for _, results in answers for result in results] == [1, 0, *[1] * 7]


def write_zip(path: Path, pictures: Sequence[NDArray[np.uint8]]) -> None:
    """Write pictures into a zip, named by their numbers."""
    with zipfile.ZipFile(path, "w") as archive:
        for number, picture in enumerate(pictures):
            content = BytesIO()
            Image.fromarray(picture).save(content, "PNG")
            archive.writestr(f"{number:03}.png", content.getvalue())


@pytest.mark.slow
@pytest.mark.parametrize("black", [None, 4])
def test_picture_without_memory_to_read_it_is_a_row(
    black: int | None, spotty_pipeline: FaceExpressionPipeline, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the only one, in a batch of three groups, whether or not the detector fails for another in its group."""
    pictures = [ONE_FACE.copy() for _ in range(140)]
    for number, picture in enumerate(pictures):
        picture[0, 0] = 0 if number == black else 100
    write_zip(tmp_path / "in.zip", pictures)
    read = ArchiveReader.read

    def read_unless_large(reader: ArchiveReader, picture: ArchivedPicture) -> bytes:
        if picture.member == "009.png":
            raise MemoryError
        return read(reader, picture)

    monkeypatch.setattr(ArchiveReader, "read", read_unless_large)
    summary = analyze_files(tmp_path / "in.zip", tmp_path / "out.jsonl", spotty_pipeline, workers=2)

    results = list(read_json_lines(tmp_path / "out.jsonl"))
    assert [result.source for result in results] == [f"{tmp_path}/in.zip!{number:03}.png" for number in range(140)]
    without = {9} if black is None else {9, black}
    assert {number for number, result in enumerate(results) if not result.faces} == without
    assert results[9].error == f"Cannot read image '{tmp_path}/in.zip!009.png': reading it failed (MemoryError)."
    assert summary.num_pictures == 140


@pytest.mark.parametrize(
    ("groups", "rows", "message"),
    [
        (1, 64, "they stopped before they had come to all of 70 pictures"),
        (3, 6, "12 of 70 pictures have a row"),
    ],
)
def test_output_without_a_row_for_every_picture_is_refused(
    groups: int, rows: int, message: str, bright_pipeline: FaceExpressionPipeline, tmp_path: Path
) -> None:
    """Whoever did the work, there is no output."""
    folder = write_many(tmp_path / "in", 70)

    def end_early(pending: Iterator[Group]) -> Iterator[tuple[Group, list[ImageResult]]]:
        for group in islice(pending, groups):
            yield group, analyze_group(bright_pipeline, group, AnalysisOptions())[:rows]

    with pytest.raises(WorkerError, match=message):
        run_groups(
            folder,
            tmp_path / "out.csv",
            end_early,
            describe_run(bright_pipeline, AnalysisOptions()),
            overwrite=False,
            on_progress=None,
        )

    assert not (tmp_path / "out.csv").exists()


def test_poisoned_pictures_are_not_touched(bright_pipeline: FaceExpressionPipeline) -> None:
    """Their reason is their result."""
    (result,) = analyze_group(bright_pipeline, Group(("missing.png",)), AnalysisOptions(), poisoned={0: "it bites"})

    assert result == ImageResult("missing.png", error="Cannot read image 'missing.png': it bites.")


@pytest.mark.parametrize(
    ("output", "options", "message"),
    [
        ("out.txt", {}, r"for output: expected a file that ends in \.parquet, \.jsonl, \.csv\."),
        ("folder.csv", {}, "for output: expected a file, this is a folder"),
        ("there.csv", {}, r"choose another, or overwrite=True \(--overwrite\) to replace it"),
        ("there.csv/out.csv", {}, "for output: expected a folder that can be written to"),
        ("out.csv", {"workers": 0}, "Invalid value 0 for workers"),
        ("out.csv", {"sources": []}, "expected at least one folder, archive or picture"),
        ("out.csv", {"sources": b"abc"}, "for sources: expected at least one .*, as a path or URI"),
        ("out.csv", {"sources": ["a.png", 5]}, "for sources: expected at least one .*, as a path or URI"),
        ("out.csv", {"sources": None}, "for sources: expected at least one .*, as a path or URI"),
    ],
)
def test_bad_options_are_refused(
    output: str, options: dict[str, Any], message: str, bright_pipeline: FaceExpressionPipeline, tmp_path: Path
) -> None:
    """Before anything is done, with what was expected; and what was there stays as it was."""
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "there.csv").write_text("mine")

    with pytest.raises(InvalidOptionError, match=message):
        analyze_files(**{"sources": tmp_path, "output": tmp_path / output, "pipe": bright_pipeline, **options})

    assert (tmp_path / "there.csv").read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.csv", "there.csv"]


@pytest.mark.parametrize(
    ("option", "value"), [("threshold", 1.1), ("min_confidence", -0.1), ("batch_size", 0), ("max_pixels", 0)]
)
def test_analysis_options_check_their_ranges(option: str, value: float) -> None:
    """Naming the option."""
    with pytest.raises(InvalidOptionError, match=f"Invalid value {value} for {option}"):
        AnalysisOptions(**{option: value})  # type: ignore[arg-type]  # one of them is a whole number
