"""A batch that does not fit into the memory is done in smaller ones."""

from __future__ import annotations

import re
import resource
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from forked import forked
from numpy.typing import NDArray

from fer_zoo import pipeline
from fer_zoo.errors import SmallerBatchWarning
from fer_zoo.pipelines.memory import BatchSplitter, is_out_of_memory


def test_parts_shrink_until_they_fit_and_stay_small() -> None:
    """Eight items, of which three fit: tried are 8, 4, and then twos; a later batch begins with two."""
    tried: list[int] = []

    def double(part: list[int]) -> list[int]:
        tried.append(len(part))
        if len(part) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return [2 * item for item in part]

    splitter = BatchSplitter("faces")
    with pytest.warns(SmallerBatchWarning) as caught:
        answers = splitter.run(list(range(8)), double)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        later = splitter.run([1, 2, 3], double)

    assert answers == [[0, 2], [4, 6], [8, 10], [12, 14]]
    assert later == [[2, 4], [6]]
    assert tried == [8, 4, 2, 2, 2, 2, 2, 1]
    assert "memory for 8 faces together; going on with 4 at a time" in str(caught[0].message)


def test_other_errors_and_single_items_pass() -> None:
    """What is no lack of memory is raised, and so is a lack of it for one item."""

    def fail(part: list[int]) -> None:
        raise (MemoryError("no") if len(part) == 1 else ValueError("nonsense"))

    with pytest.raises(ValueError, match="nonsense"):
        BatchSplitter("faces").run([1, 2], fail)
    with pytest.raises(MemoryError):
        BatchSplitter("faces").run([1], fail)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            RuntimeError("[enforce fail at alloc_cpu.cpp:118] DefaultCPUAllocator: can't allocate memory: you tried"),
            True,
        ),
        (RuntimeError("[ONNXRuntimeError] : 6 : Failed to allocate memory for requested buffer of size 99"), True),
        (RuntimeError("Exception from src/inference: std::bad_alloc"), True),
        (RuntimeError("could not create a primitive"), True),
        (MemoryError(), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (OSError("Cannot allocate memory"), False),
    ],
)
def test_errors_that_mean_a_lack_of_memory(error: Exception, expected: bool) -> None:
    """As torch on a CPU, onnxruntime and OpenVINO say it; not what the system says of files and processes."""
    assert is_out_of_memory(error) is expected


def classify_with_little_memory(faces: list[NDArray[np.uint8]]) -> None:
    """Limit the address space of the process to what it has and a little more, and classify the faces in one batch."""
    pipe = pipeline(model="mhan", detector="whole_image", device="cpu")
    alone = [pipe.analyze(face) for face in faces[:3]]
    kibibytes = re.findall(r"VmSize:\s+(\d+)", Path("/proc/self/status").read_text(encoding="utf-8"))[0]
    resource.setrlimit(resource.RLIMIT_AS, (int(kibibytes) * 1024 + 90_000_000, resource.RLIM_INFINITY))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        together = pipe.analyze(faces, batch_size=len(faces))
    assert {item.category for item in caught} == {SmallerBatchWarning}
    assert len(together) == len(faces)
    for one, other in zip(alone, together, strict=False):
        assert one.faces[0].label == other.faces[0].label
        assert abs(one.faces[0].score - other.faces[0].score) < 1e-4


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits of the address space and /proc are Linux's")
def test_real_lack_of_memory_gives_all_answers(tmp_path: Path) -> None:
    """In a process that may take 90 MB more, 512 faces do not fit at once; the answers are those of single faces."""
    faces = list(np.random.default_rng(0).integers(0, 256, (512, 48, 48, 3), dtype=np.uint8))

    with forked(classify_with_little_memory, faces, folder=tmp_path) as process:
        assert process.wait() == 0, process.err.read_text(encoding="utf-8")[-2000:]
