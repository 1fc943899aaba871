"""The classifier on a GPU: eager, fused, and compiled with CUDA graphs, in three precisions."""

from __future__ import annotations

import copy
import statistics
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import Tensor

from benchmarks.speed.faces import noise
from benchmarks.speed.subjects import Subject
from fer_zoo.models import FerPreTrainedModel
from fer_zoo.pipelines.backend import CompiledModel

BATCH_SIZES = (1, 8, 32, 128, 512)
DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}
WARM_UP_CALLS = 5  # a compiled model captures its graph in the first ones
ROUNDS = 20


def measure_cuda(subject: Subject) -> Iterator[dict[str, Any]]:
    """Yield one row for each form, precision and batch size, in rounds over the forms."""
    for precision, dtype in DTYPES.items():
        forms = _forms(copy.deepcopy(subject.model).to("cuda", dtype))
        for size in BATCH_SIZES:
            pixels = torch.from_numpy(noise(subject.model, size)).to("cuda", dtype)
            yield from _measure_forms(forms, pixels, {"model": subject.name, "precision": precision, "batch": size})


def _forms(model: FerPreTrainedModel) -> dict[str, Callable[[Tensor], Any]]:
    """Return the ways to run a model that is on the GPU."""
    fused = copy.deepcopy(model).fuse()
    return {"eager": model, "fused": fused, "compiled": CompiledModel(fused, options=True)}


def _measure_forms(
    forms: dict[str, Callable[[Tensor], Any]], pixels: Tensor, row: dict[str, Any]
) -> Iterator[dict[str, Any]]:
    """Yield one row for each form."""
    times: dict[str, list[float]] = {}
    for name, form in forms.items():
        try:
            with torch.inference_mode():
                for _ in range(WARM_UP_CALLS):
                    form(pixels)
            times[name] = []
        except RuntimeError as error:  # out of memory, or what cannot be compiled
            yield {**row, "contender": name, "reason": str(error).partition("\n")[0]}
    for _ in range(ROUNDS):
        for name, found in times.items():
            found.append(milliseconds_on_gpu(partial(forms[name], pixels)))
    for name, found in times.items():
        median = statistics.median(found)
        speed = {"median_ms": median, "lowest_ms": min(found), "faces_per_second": 1000 * len(pixels) / median}
        yield {**row, "contender": name, **speed}


def milliseconds_on_gpu(call: Callable[[], object]) -> float:
    """Return the time between two events around a call, in milliseconds: what the GPU does and what it waits for."""
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    with torch.inference_mode():
        torch.cuda.synchronize()
        start.record()
        call()
        end.record()
    end.synchronize()
    elapsed: float = start.elapsed_time(end)
    return elapsed
