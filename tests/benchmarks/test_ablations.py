"""The ablations: which runs are started, and what the command says of them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.ablations import main


def start(script: str, folder: Path, monkeypatch: pytest.MonkeyPatch, model: str = "mfn") -> int | str | None:
    """Run the command for one model with a shell script in the place of Python, and return its exit status."""
    program = folder / "program"
    program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(program))
    words = ["ablations", "FERPlus", "--output", str(folder / "out"), "--models", model, "--", "--epochs", "1"]
    monkeypatch.setattr(sys, "argv", words)
    with pytest.raises(SystemExit) as ended:
        main()
    return ended.value.code


@pytest.mark.parametrize(("script", "status"), [("exit 0", 0), ("exit 2", 1), ("kill -9 $$", 1)])
def test_a_run_that_failed_or_was_killed_is_a_failure(
    script: str, status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signal ends a process with a status below 0."""
    assert start(script, tmp_path, monkeypatch) == status


@pytest.mark.parametrize(
    ("name", "content", "is_started"),
    [("evaluation.json", "{}", True), ("training.json", "", True), ("training.json", '{"files": []}', False)],
)
def test_a_run_is_done_when_its_record_is_there(
    name: str, content: str, is_started: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The record is written last; a run that was stopped before is started again, and in no table."""
    folder = tmp_path / "out" / "mfn"
    folder.mkdir(parents=True)
    (folder / name).write_text(content, encoding="utf-8")
    monkeypatch.setattr("benchmarks.ablations.table", lambda variants, output: "")

    assert start(f"touch {tmp_path}/started", tmp_path, monkeypatch) == 0

    assert (tmp_path / "started").exists() == is_started


def test_a_run_that_is_not_done_is_in_no_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A report without a record is no reason to stop."""
    folder = tmp_path / "out" / "mfn"
    folder.mkdir(parents=True)
    (folder / "evaluation.json").write_text("{}", encoding="utf-8")

    start("exit 0", tmp_path, monkeypatch)

    table = (tmp_path / "out" / "ablations.md").read_text(encoding="utf-8")
    assert table.splitlines()[0].split("|")[5] == " time since it last began or went on "
    assert "mfn" not in table


def test_an_unknown_model_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing is started, and the message lists the models that there are."""
    assert start(f"touch {tmp_path}/started", tmp_path, monkeypatch, model="mhn") == 2

    assert "invalid choice: 'mhn'" in capsys.readouterr().err
    assert not (tmp_path / "started").exists()
