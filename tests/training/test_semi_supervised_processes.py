"""Two processes learn what one does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from forked import run_together
from semi_supervised_processes import train


@pytest.mark.slow
@pytest.mark.parametrize("method", ["ada_cm", "distillation"])
def test_two_processes_give_the_result_of_one(method: str, tmp_path: Path) -> None:
    """Each with half of every batch: the same weights, logged terms and, of Ada-CM, thresholds."""
    results: list[dict[str, Any]] = []

    for number in (1, 2):
        file = tmp_path / str(number) / "result.json"
        file.parent.mkdir()
        run_together(number, train, method, file, folder=file.parent)
        results.append(json.loads(file.read_text(encoding="utf-8")))

    one, two = results
    for name, values in one.items():
        assert two[name] == pytest.approx(values, abs=1e-5), name
    assert one["weights"]
    assert len(one["logs"]) == 6 * (4 if method == "ada_cm" else 3)
