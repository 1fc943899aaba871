"""What a GPU would be given: every kernel compiled to its machine code, and layers traced by torch.compile.

None of it needs a GPU. Triton's interpreter, which runs the kernels in the other tests, forgives what its compiler does
not: sizes that are no powers of two, branches on values, types that do not fit.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

pytestmark = pytest.mark.slow

CAN_PRETEND = hasattr(torch.compiler, "is_exporting")  # torch 2.6 asks the GPU even for tensors that pretend
PROGRAM = Path(__file__).parents[2] / "kernel_compilation.py"


@pytest.fixture(scope="module")
def answer(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what the program says, which runs where Triton compiles and has compiled nothing before."""
    if find_spec("triton") is None:
        pytest.skip("Triton comes with torch on Linux alone")
    environment = {**os.environ, "TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": str(tmp_path_factory.mktemp("triton"))}
    done = subprocess.run(
        [sys.executable, str(PROGRAM), *(["--trace"] if CAN_PRETEND else [])],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def test_every_kernel_compiles_for_every_dtype(answer: dict[str, Any]) -> None:
    """Triton and ptxas make machine code for Hopper of each kernel in float32, float16 and bfloat16."""
    compiled = {(name, dtype) for name, _, types, _ in map(json.loads, answer["launches"]) for dtype in types}

    assert len(answer["kernels"]) == 14
    assert compiled == {(name, dtype) for name in answer["kernels"] for dtype in ("*fp32", "*fp16", "*bf16")}


def test_another_batch_size_compiles_nothing_new(answer: dict[str, Any]) -> None:
    """Batches of 1, 16 and 513 launch the very kernels that a batch of 3 has compiled."""
    assert answer["other_batches"] == []


@pytest.mark.skipif(not CAN_PRETEND, reason="torch 2.6 traces no layer for a GPU without one")
def test_torch_compile_takes_fused_layers_in_one_graph(answer: dict[str, Any]) -> None:
    """No layer breaks the graph, and each graph holds the operators of its kernels."""
    assert answer["traced"] == {
        "coordinate": ["fer_zoo.strip_means_forward.default", "fer_zoo.strip_gates_forward.default"],
        "local": ["fer_zoo.local_attention_forward.default"],
        "heads": ["fer_zoo.attend_forward.default"],
        "fusion": ["fer_zoo.score_fusion_forward.default"],
        "context": ["fer_zoo.excitation_forward.default"],
        "gradient": ["fer_zoo.sobel_pooling_forward.default"],
    }
