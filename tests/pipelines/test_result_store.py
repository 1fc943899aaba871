"""Where the results of a long run wait, and how the output gets its place."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from fer_zoo.errors import InvalidOptionError
from fer_zoo.pipelines.result_store import ResultStore


def write_nothing(output: Path, *, overwrite: bool = False) -> None:
    """Write an output of no pictures."""
    ResultStore(output, {}, overwrite=overwrite).finish([], 0, 0)


def test_output_that_is_replaced_keeps_its_permissions(tmp_path: Path) -> None:
    """What others may not read is not shown to them."""
    output = tmp_path / "faces.csv"
    output.write_text("before")
    output.chmod(0o640)

    write_nothing(output, overwrite=True)

    assert output.read_text().startswith("image,status,")
    assert stat.S_IMODE(output.stat().st_mode) == 0o640


def test_output_that_is_a_link_stays_one(tmp_path: Path) -> None:
    """Parts wait beside the file that it leads to, which may be on another disk, and nothing is left there."""
    (tmp_path / "out").mkdir()
    (tmp_path / "elsewhere").mkdir()
    output, real = tmp_path / "out/faces.csv", tmp_path / "elsewhere/real"
    output.symlink_to(real)

    store = ResultStore(output, {}, overwrite=False)
    waiting = [path.name for path in (tmp_path / "elsewhere").iterdir()]
    store.finish([], 0, 0)

    assert waiting == ["real.partial"]
    assert output.is_symlink()
    assert real.read_text().startswith("image,status,")
    assert [path.name for folder in ("out", "elsewhere") for path in (tmp_path / folder).iterdir()] == [
        "faces.csv",
        "real",
    ]


@pytest.mark.parametrize("name", ["faces.CSV", "faces.Parquet", "faces.JSONL"])
def test_ending_may_be_in_capitals(name: str, tmp_path: Path) -> None:
    """As for the tables of videos."""
    write_nothing(tmp_path / name)

    assert (tmp_path / name).is_file()


@pytest.mark.skipif(os.name == "nt", reason="needs pipes of POSIX")
def test_pipe_is_not_replaced(tmp_path: Path) -> None:
    """Not even where the output may be overwritten; a link would lead to ``/dev/null`` in the same way."""
    os.mkfifo(tmp_path / "pipe.csv")

    with pytest.raises(InvalidOptionError, match=r"for output: expected a file, this is a device or a pipe\."):
        write_nothing(tmp_path / "pipe.csv", overwrite=True)

    assert (tmp_path / "pipe.csv").is_fifo()
