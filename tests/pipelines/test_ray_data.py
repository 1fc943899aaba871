"""What the engine for many machines decides by itself; ``nox -s ray`` runs it on a cluster and kills its workers."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from bright_faces import ONE_FACE
from PIL import Image

from fer_zoo import FaceExpressionPipeline
from fer_zoo.errors import InvalidOptionError, MissingPackageError
from fer_zoo.pipelines import AnalysisOptions, RayResources, analyze_files_with_ray
from fer_zoo.pipelines.groups import Group, find_poisoned
from fer_zoo.pipelines.ray_data import POISON, AttemptLedger


def test_picture_is_blamed_when_two_workers_died_of_it() -> None:
    """The first death may have been an accident; from the second on, the picture is left out."""
    ledger = AttemptLedger()

    assert ledger.begin("group") == (1, {})
    assert ledger.begin("group") == (2, {})
    ledger.note("group", 5)
    assert ledger.begin("group") == (3, {})
    ledger.note("group", 4)
    ledger.note("group", 5)
    assert ledger.begin("group") == (4, {5: POISON})


def test_pictures_that_were_passed_are_not_blamed() -> None:
    """Nor is any if a worker dies after it has looked at all of them, nor one of another group."""
    ledger = AttemptLedger()

    for _ in range(4):
        ledger.begin("group")
        ledger.note("group", 0)
        ledger.note("group", 1)
        ledger.note("group", None)

    assert ledger.begin("group") == (5, {})
    assert ledger.begin("other") == (1, {})


def test_every_picture_is_announced_before_it_is_read(bright_pipeline: FaceExpressionPipeline, tmp_path: Path) -> None:
    """So the one that kills the worker is the last that was announced; those known to do so are not read."""
    Image.fromarray(ONE_FACE).save(tmp_path / "a.png")
    group = Group((str(tmp_path / "a.png"), "known.png", "missing.png"))
    announced: list[int | None] = []

    found = find_poisoned(bright_pipeline, group, AnalysisOptions(), {1: "it bites"}, on_picture=announced.append)

    assert announced == [0, 1, 2, None]
    assert found == {1: "it bites"}


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
