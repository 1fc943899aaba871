"""Two processes learn what one does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parent.parent / "semi_supervised_processes.py"


@pytest.mark.parametrize("method", ["ada_cm", "distillation"])
def test_two_processes_give_the_result_of_one(method: str, tmp_path: Path) -> None:
    """Each with half of every batch: the same weights, logged terms and, of Ada-CM, thresholds."""
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    results: list[dict[str, Any]] = []

    for place, options in (("one", []), ("two", launcher)):
        file = tmp_path / place / "result.json"
        file.parent.mkdir()
        command = [sys.executable, *options, str(SCRIPT), method, str(file)]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        finished = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        assert finished.returncode == 0, finished.stderr
        results.append(json.loads(file.read_text(encoding="utf-8")))

    one, two = results
    for name, values in one.items():
        assert two[name] == pytest.approx(values, abs=1e-5), name
    assert one["weights"]
    assert len(one["logs"]) == 6 * (4 if method == "ada_cm" else 3)
