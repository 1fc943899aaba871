"""The files of a video appear together, or none of them does."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest
from face_videos import moving_face, write_video
from full_disk import full_disk

from fer_zoo import FaceExpressionPipeline
from fer_zoo.errors import InvalidOptionError
from fer_zoo.pipelines.video import VideoAnalyzer, analyze_video

NAMES = {"frames": "frames.csv", "segments": "segments.csv", "annotated": "marked.mp4", "timeline": "timeline.png"}


def places_in(folder: Path, *options: str) -> dict[str, Any]:
    """Return where the files of some options go."""
    return {option: folder / NAMES[option] for option in options}


@pytest.mark.parametrize("options", [("segments", "annotated"), ("frames", "segments", "timeline")])
def test_disk_that_is_full_at_the_last_file_leaves_what_was_there(
    analyzer: VideoAnalyzer, clip: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    """A little is missing for the last, largest file: those before it are not replaced, and nothing else is left.

    A fiftieth, as an encoder with several threads does not always write the same number of bytes.
    """
    whole, full = places_in(tmp_path / "whole", *options), places_in(tmp_path / "full", *options)
    analyze_video(clip, analyzer, **whole)
    *earlier, last = (place.stat().st_size for place in whole.values())
    free = last - last // 50
    assert max(earlier) < free
    (tmp_path / "full").mkdir()
    for place in full.values():
        place.write_bytes(b"before")

    with full_disk(free), pytest.raises(InvalidOptionError, match=rf"for {options[-1]}: .*File too large"):
        analyze_video(clip, analyzer, **full)

    assert {path: path.read_bytes() for path in (tmp_path / "full").iterdir()} == dict.fromkeys(
        full.values(), b"before"
    )


def test_disk_that_is_full_on_the_way_leaves_nothing(analyzer: VideoAnalyzer, tmp_path: Path) -> None:
    """The table of frames fails first; what others still hold cannot be written either, and goes with them."""
    source = write_video(tmp_path / "long.mp4", moving_face(40, step=2))
    places = places_in(tmp_path / "out", *NAMES)

    with full_disk(10), pytest.raises(InvalidOptionError, match=r"for frames: .*File too large"):
        analyze_video(source, analyzer, **places)

    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("suffix", [".csv", ".jsonl", ".parquet"])
def test_table_that_cannot_be_ended_hides_no_error(
    analyzer: VideoAnalyzer, clip: Path, tmp_path: Path, suffix: str
) -> None:
    """After an error elsewhere a full disk is nobody's concern: that error is raised, and no file is left."""

    def fail(result: object) -> None:
        raise LookupError

    places = places_in(tmp_path, "segments", "timeline") | {"frames": tmp_path / f"frames{suffix}"}
    with full_disk(10), pytest.raises(LookupError):
        analyze_video(clip, analyzer, on_result=fail, **places)

    assert list(tmp_path.iterdir()) == []


def test_files_that_are_replaced_keep_their_permissions_and_links(
    bright_pipeline: FaceExpressionPipeline, clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each place is a link to a file without an ending, in another folder, that others may not read.

    The disk has each before it has its name, so a power cut leaves no empty file.
    """
    places, elsewhere = places_in(tmp_path / "out", *NAMES), tmp_path / "elsewhere"
    for folder in (tmp_path / "out", elsewhere):
        folder.mkdir()
    for option, place in places.items():
        (elsewhere / option).write_bytes(b"before")
        (elsewhere / option).chmod(0o640)
        place.symlink_to(elsewhere / option)
    synced: set[int] = set()
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.add(os.fstat(descriptor).st_ino))

    analyze_video(clip, VideoAnalyzer(bright_pipeline), **places)

    assert all(place.is_symlink() for place in places.values())
    assert sorted(path.name for path in elsewhere.iterdir()) == sorted(NAMES)
    for real in elsewhere.iterdir():
        assert real.read_bytes() != b"before"
        assert stat.S_IMODE(real.stat().st_mode) == 0o640
        assert real.stat().st_ino in synced


@pytest.mark.skipif(os.name == "nt", reason="needs pipes of POSIX")
def test_pipe_is_not_replaced(analyzer: VideoAnalyzer, clip: Path, tmp_path: Path) -> None:
    """A link would lead to ``/dev/null`` in the same way."""
    os.mkfifo(tmp_path / "pipe.csv")

    with pytest.raises(InvalidOptionError, match=r"for frames: expected a file, this is a device or a pipe\."):
        analyze_video(clip, analyzer, frames=tmp_path / "pipe.csv")

    assert (tmp_path / "pipe.csv").is_fifo()
