"""The commands of ``docs/tutorial.md``, read out of the page and run on painted portraits and a Hub on loopback."""

from __future__ import annotations

import re
import runpy
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hub_server import WRITE_TOKEN, Hub, serve_to_client
from safetensors.torch import load_file
from typer.testing import CliRunner

import fer_zoo
from fer_zoo.cli import app
from fer_zoo.evaluation import EvaluationReport

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "tutorial.md"

#: What a reader does once, for the machine and for the account.
NOT_RUN = {"pip install 'fer-zoo[train]'", "hf auth login"}

#: A block of the page that a reader takes over: its language and its lines.
BLOCK = re.compile(r"^```(shell|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

# Said by the client of the Hub of itself: it hands a file to httpx in a way that httpx has a newer one for.
pytestmark = [
    pytest.mark.filterwarnings("ignore:Use 'content=<...>' to upload raw bytes:DeprecationWarning"),
    pytest.mark.slow,
]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    """Run a Hub that takes the token of the one who is logged in."""
    with serve_to_client(monkeypatch, tmp_path / "client") as running:
        monkeypatch.setenv("HF_TOKEN", WRITE_TOKEN)
        yield running


def read_steps() -> list[tuple[str, str]]:
    """Return the language and the text of every step of the page: a line of a shell, or a block of Python."""
    steps = []
    for language, block in BLOCK.findall(PAGE.read_text(encoding="utf-8").replace("OWNER/", "me/")):
        lines = [block] if language == "python" else block.splitlines()
        steps += [(language, line) for line in lines]
    return steps


def run_command(line: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run one line of a shell in this process, and return what it printed."""
    program, *arguments = shlex.split(line)
    if program == "fer-zoo":
        result = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
        assert result.exit_code == 0, f"{line}\n{result.output}"
        return result.stdout
    assert program == "python", line
    monkeypatch.setattr(sys, "argv", arguments)
    runpy.run_path(str(ROOT / arguments[0]), run_name="__main__")
    return ""


def test_the_tutorial_leads_from_photographs_to_a_published_model(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every command works, the model that is fetched is the one that was trained, and it knows both classes."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.syspath_prepend(str(ROOT / "examples"))
    printed, done = {}, set()

    for language, text in read_steps():
        if language == "python":
            exec(compile(text, str(PAGE), "exec"), {})  # noqa: S102 - the page is ours
        elif text in NOT_RUN:
            done.add(text)
        else:
            command = " ".join(text.split()[:2])
            printed[command] = run_command(text, monkeypatch)

    assert done == NOT_RUN
    assert list(printed) == [
        "python examples/painted_portraits.py",
        *(f"fer-zoo {name}" for name in ("crop", "data", "train", "evaluate", "calibrate", "push", "pull", "predict")),
    ]
    assert printed["fer-zoo crop"] in PAGE.read_text(encoding="utf-8")
    weights = load_file(work / "fetched" / "model.safetensors")
    trained = load_file(work / "runs" / "mine" / "model.safetensors")
    assert weights.keys() == trained.keys()
    assert all(value.equal(trained[name]) for name, value in weights.items())
    assert (work / "fetched" / "README.md").read_bytes() == (work / "runs" / "calibrated" / "README.md").read_bytes()
    assert [sorted(repository.branches) for repository in hub.repositories.values()] == [["main"]]
    assert EvaluationReport.load(work / "report").counts.evaluated == 8  # three of each class, and two undecided
    label, score = capsys.readouterr().out.split()
    assert label in {"happiness", "sadness"}
    assert 0.5 <= float(score) <= 1  # the higher of two
    assert fer_zoo.pipeline(model=work / "fetched", device="cpu").model.config.num_labels == 2
