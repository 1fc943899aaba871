"""Two processes learn what one does."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from forked import forked, several
from semi_supervised_processes import train


@pytest.mark.parametrize("method", ["ada_cm", "distillation"])
def test_two_processes_give_the_result_of_one(method: str, tmp_path: Path) -> None:
    """Each with half of every batch: the same weights, logged terms and, of Ada-CM, thresholds."""
    results: list[dict[str, Any]] = []

    for number in (1, 2):
        file = tmp_path / str(number) / "result.json"
        file.parent.mkdir()
        with ExitStack() as stack:
            processes = [
                stack.enter_context(
                    forked(train, method, file, folder=file.parent, name=f"rank{rank}", environment=environment)
                )
                for rank, environment in enumerate(several(number))
            ]
            for process in processes:
                assert process.wait() == 0, process.err.read_text(encoding="utf-8")
        results.append(json.loads(file.read_text(encoding="utf-8")))

    one, two = results
    for name, values in one.items():
        assert two[name] == pytest.approx(values, abs=1e-5), name
    assert one["weights"]
    assert len(one["logs"]) == 6 * (4 if method == "ada_cm" else 3)
