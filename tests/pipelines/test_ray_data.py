"""What the engine for many machines decides by itself; ``nox -s ray`` runs it on a cluster and kills its workers."""

from __future__ import annotations

import pickle
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from bright_faces import ONE_FACE, BrightDetector
from numpy.typing import NDArray
from PIL import Image

from fer_zoo import Face, FaceExpressionPipeline
from fer_zoo.errors import InvalidOptionError, MissingPackageError
from fer_zoo.pipelines import AnalysisOptions, RayResources, analyze_files_with_ray, ray_data
from fer_zoo.pipelines.groups import Group, analyze_apart
from fer_zoo.pipelines.ray_data import POISON, AttemptLedger, GroupWorker


def test_picture_is_blamed_when_two_workers_died_of_it() -> None:
    """The first death may have been an accident; from the second on, the picture is left out."""
    ledger = AttemptLedger()

    assert ledger.begin("group") == (1, {}, False)
    assert ledger.begin("group") == (2, {}, False)
    ledger.note("group", 5)
    assert ledger.begin("group") == (3, {}, False)
    ledger.note("group", 4)
    ledger.note("group", 5)
    assert ledger.begin("group") == (4, {5: POISON}, False)


def test_pictures_that_were_passed_are_not_blamed() -> None:
    """Nor is any if a worker dies after it has looked at all of them, nor one of another group."""
    ledger = AttemptLedger()

    for _ in range(4):
        ledger.begin("group")
        ledger.note("group", 0)
        ledger.note("group", 1)
        ledger.note("group", None)

    assert ledger.begin("group").poisoned == {}
    assert ledger.begin("other") == (1, {}, False)


def test_group_is_blamed_when_two_workers_died_of_it_as_a_whole() -> None:
    """The first death may have been an accident, and that of another group does not count."""
    ledger = AttemptLedger()

    assert ledger.begin("group") == (1, {}, False)
    assert ledger.begin("group") == (2, {}, False)
    for place in (0, 1, None):
        ledger.note("group", place)
    assert ledger.begin("group") == (3, {}, True)
    assert ledger.begin("other") == (1, {}, False)
    assert ledger.begin("other") == (2, {}, False)


class WorkerDiedError(BaseException):
    """The process is gone: nothing that it does itself can be caught."""


class CrowdedDetector(BrightDetector):
    """Needs the process to itself: it dies where two pictures come at once."""

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[tuple[Face, ...]]:
        """Find faces as usual, unless there is a crowd."""
        if len(images) > 1:
            raise WorkerDiedError
        return super().detect(images)


class HereAndNow:
    """What Ray is asked for, done at once in this process."""

    def __init__(self, ledger: AttemptLedger) -> None:
        self.begin = SimpleNamespace(remote=ledger.begin)
        self.note = SimpleNamespace(remote=ledger.note)

    @staticmethod
    def get(answer: object) -> object:
        """Return what an actor has answered."""
        return answer


def test_group_that_kills_workers_as_a_whole_is_not_repeated_for_ever(
    small_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The third worker gives the results of the single pictures; those that cannot be read are rows as ever."""
    for name in ("a.png", "b.png"):
        Image.fromarray(ONE_FACE).save(tmp_path / name)
    group = Group((str(tmp_path / "a.png"), "missing.png", str(tmp_path / "b.png")))
    ray = HereAndNow(AttemptLedger())
    monkeypatch.setattr(ray_data, "import_optional", lambda *_: ray)
    threads = torch.get_num_threads()
    making = {"model": small_model, "detector": CrowdedDetector(), "device": "cpu"}
    worker = GroupWorker(making, AnalysisOptions(), RayResources(), ray)
    torch.set_num_threads(threads)

    for _ in range(2):
        with pytest.raises(WorkerDiedError):
            worker({"group": [pickle.dumps(group)]})
    answer = worker({"group": [pickle.dumps(group)]})

    assert answer["digest"] == [group.digest]
    results = pickle.loads(answer["results"][0])  # noqa: S301  # our own bytes
    assert [result.source for result in results] == [str(tmp_path / "a.png"), "missing.png", str(tmp_path / "b.png")]
    assert [len(result.faces) for result in results] == [1, 0, 1]
    assert [result.error is None for result in results] == [True, False, True]


def test_every_picture_is_announced_before_it_is_read(bright_pipeline: FaceExpressionPipeline, tmp_path: Path) -> None:
    """So the one that kills the worker is the last that was announced; those known to do so are not read."""
    Image.fromarray(ONE_FACE).save(tmp_path / "a.png")
    group = Group((str(tmp_path / "a.png"), "known.png", "missing.png"))
    announced: list[int | None] = []

    _, found = analyze_apart(bright_pipeline, group, AnalysisOptions(), {1: "it bites"}, on_picture=announced.append)

    assert announced == [0, 1, 2, None]
    assert found == {1: "it bites"}


def test_pictures_apart_give_a_row_each(bright_pipeline: FaceExpressionPipeline, tmp_path: Path) -> None:
    """In their order: one with a face, one that was known to bite, and one that cannot be read."""
    Image.fromarray(ONE_FACE).save(tmp_path / "a.png")
    group = Group((str(tmp_path / "a.png"), "known.png", "missing.png"))

    results, found = analyze_apart(bright_pipeline, group, AnalysisOptions(), {1: "it bites"})

    assert found == {1: "it bites"}
    assert [len(result.faces) for result in results] == [1, 0, 0]
    assert results[1].error == "Cannot read image 'known.png': it bites."
    assert "missing.png" in str(results[2].error)


@pytest.mark.parametrize(("option", "value"), [("num_workers", 0), ("num_cpus", -0.5), ("num_gpus", -1)])
def test_resources_check_their_ranges(option: str, value: float) -> None:
    """Naming the option."""
    with pytest.raises(InvalidOptionError, match=f"Invalid value {value} for {option}"):
        RayResources(**{option: value})  # type: ignore[arg-type]  # one of them is a whole number


def test_missing_package_is_named_with_its_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The message has the command that installs it, and nothing is begun."""
    monkeypatch.setitem(sys.modules, "ray", None)

    with pytest.raises(MissingPackageError, match=r"'ray'.* pip install 'fer-zoo\[ray\]'"):
        analyze_files_with_ray(tmp_path, tmp_path / "out.csv")

    assert not list(tmp_path.iterdir())
