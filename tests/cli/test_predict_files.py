"""``fer-zoo predict --output`` and archives, through the real entry point."""

from __future__ import annotations

import json
import sys
import tarfile
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow.parquet
import pytest
from numpy.typing import NDArray
from typer.testing import Result

from fer_zoo.imaging import archives
from fer_zoo.results import read_json_lines

Write = Callable[[str, NDArray[np.uint8]], str]
Run = Callable[..., Result]


@pytest.fixture
def predict(run: Run) -> Run:
    """Return a function that runs ``fer-zoo predict`` with arguments."""
    return partial(run, "predict")


@pytest.fixture
def folder(write_picture: Write, astronaut: NDArray[np.uint8], landscape: NDArray[np.uint8]) -> Path:
    """Return a folder with a face, a landscape and a broken file."""
    write_picture("in/smile.png", astronaut)
    path = Path(write_picture("in/empty.png", landscape)).parent
    (path / "broken.jpg").write_bytes(b"no picture")
    return path


def test_folder_becomes_a_file(predict: Run, folder: Path, tmp_path: Path) -> None:
    """The summary counts what became of the files, the reasons are on stderr, and the exit status is 1."""
    result = predict(folder, "--output", tmp_path / "out.parquet")

    assert result.exit_code == 1
    assert result.stdout == (
        f"3 pictures: 1 face, 1 without a face, 1 unreadable\nOutput: {tmp_path / 'out.parquet'}\n"
    )
    assert f"error: Cannot read image '{folder}/broken.jpg': it is not an image" in result.stderr
    rows = pyarrow.parquet.read_table(tmp_path / "out.parquet").to_pylist()
    assert [(Path(row["image"]).name, row["status"], row["label"]) for row in rows] == [
        ("broken.jpg", "unreadable", None),
        ("empty.png", "no face", None),
        ("smile.png", "face", "happiness"),
    ]


def test_summary_as_json(predict: Run, folder: Path, tmp_path: Path) -> None:
    """Machines get the figures by name; without a bad file the exit status is 0."""
    (folder / "broken.jpg").unlink()

    result = predict(folder, "--output", tmp_path / "out.jsonl", "--json", "--workers", 2)

    assert result.exit_code == 0
    assert json.loads(result.stdout) == {
        "output": str(tmp_path / "out.jsonl"),
        "num_pictures": 2,
        "num_faces": 1,
        "num_without_face": 1,
        "num_unreadable": 0,
        "num_done_before": 0,
    }


def test_patterns_and_archives_can_be_mixed(predict: Run, folder: Path, tmp_path: Path) -> None:
    """A pattern without a match is reported and does not end the run."""
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.write(folder / "smile.png", "a/smile.png")

    result = predict(f"{folder}/s*.png", tmp_path / "in.zip", f"{folder}/*.gif", "--output", tmp_path / "out.jsonl")

    assert result.exit_code == 1
    assert "no file matches this pattern" in result.stderr
    assert [(item.source, len(item.faces)) for item in read_json_lines(tmp_path / "out.jsonl")] == [
        (f"{folder}/smile.png", 1),
        (f"{tmp_path}/in.zip!a/smile.png", 1),
    ]


def test_pattern_without_a_match_is_the_reason_where_nothing_else_is_given(predict: Run, tmp_path: Path) -> None:
    """Nothing is read then, and nothing is written."""
    result = predict(f"{tmp_path}/nope*.jpg", "--output", tmp_path / "out.csv")

    assert result.exit_code == 1
    assert result.stderr == f"error: Cannot read image '{tmp_path}/nope*.jpg': no file matches this pattern.\n"
    assert not list(tmp_path.iterdir())


def test_reasons_on_the_terminal_are_few(predict: Run, tmp_path: Path) -> None:
    """Of 23 bad files twenty are named; the rest is in the output."""
    (tmp_path / "in").mkdir()
    for number in range(23):
        (tmp_path / f"in/{number}.png").write_bytes(b"no picture")

    result = predict(tmp_path / "in", "--output", tmp_path / "out.csv")

    assert result.exit_code == 1
    assert len([line for line in result.stderr.splitlines() if "Cannot read image" in line]) == 20
    assert "error: 3 more; their rows hold the reasons" in result.stderr


def test_existing_output_is_only_replaced_if_asked(predict: Run, folder: Path, tmp_path: Path) -> None:
    """The error names the way out, which works."""
    (tmp_path / "out.csv").write_text("mine")

    refused = predict(folder, "--output", tmp_path / "out.csv")
    replaced = predict(folder, "--output", tmp_path / "out.csv", "--overwrite")

    assert refused.exit_code == 2
    assert "overwrite=True (--overwrite) to replace it" in refused.stderr
    assert replaced.exit_code == 1
    assert (tmp_path / "out.csv").read_text().startswith("image,status,")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--output", "out.txt"), "expected a file that ends in .parquet, .jsonl, .csv"),
        (("--output", "out.csv", "--csv"), "cannot be combined with --csv, --annotate and --top-k"),
        (("--output", "out.csv", "--annotate", "marked"), "cannot be combined with --csv, --annotate and --top-k"),
        (("--output", "out.csv", "--top-k", "1"), "cannot be combined with --csv, --annotate and --top-k"),
        (("--output", "out.csv", "--engine", "spark"), "Unknown engine 'spark'. Did you mean 'ray'?"),
    ],
)
def test_wrong_usage(
    options: tuple[str, ...], message: str, predict: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The exit status is 2, and nothing is written."""
    monkeypatch.chdir(tmp_path)

    result = predict(folder, *options)

    assert result.exit_code == 2
    assert message.split(" Did")[0] in " ".join(result.stderr.replace("│", "").split())
    assert [path.name for path in tmp_path.iterdir()] == ["in"]


def test_engine_that_is_not_installed_is_named(
    predict: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the command that installs it."""
    monkeypatch.setitem(sys.modules, "ray", None)

    result = predict(folder, "--output", tmp_path / "out.csv", "--engine", "ray")

    assert result.exit_code == 2
    assert "pip install 'fer-zoo[ray]'" in result.stderr


def test_archive_without_an_output_is_printed_and_marked(predict: Run, folder: Path, tmp_path: Path) -> None:
    """As a folder is: with rows on the terminal, and its pictures with their faces marked."""
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.write(folder / "smile.png", "a/smile.png")

    result = predict(tmp_path / "in.zip", "--json", "--annotate", tmp_path / "marked")

    (answer,) = json.loads(result.stdout)
    assert result.exit_code == 0
    assert (answer["image"], answer["faces"][0]["label"]) == (f"{tmp_path}/in.zip!a/smile.png", "happiness")
    assert [path.name for path in (tmp_path / "marked").iterdir()] == ["smile.png"]


def test_compressed_archive_is_opened_once_to_mark_its_pictures(
    predict: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opened for each of them, it would be decompressed from its beginning each time."""
    with tarfile.open(tmp_path / "in.tar.gz", "w:gz") as archive:
        for number in range(4):
            archive.add(folder / "empty.png", f"a/{number}.png")
    opened = []
    open_tar = archives._open_tar

    def note_and_open(path: Path) -> IO[bytes]:
        opened.append(path)
        return open_tar(path)

    monkeypatch.setattr(archives, "_open_tar", note_and_open)

    result = predict(tmp_path / "in.tar.gz", "--annotate", tmp_path / "marked")

    assert result.exit_code == 0
    assert sorted(path.name for path in (tmp_path / "marked").iterdir()) == ["0.png", "1.png", "2.png", "3.png"]
    assert len(opened) == 3  # for the list of its members, the analysis and the marks
