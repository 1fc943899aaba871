"""The classifier alone: how fast, and with which answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from benchmarks.speed.contenders import REFERENCE, Run
from benchmarks.speed.faces import PixelValues, noise
from benchmarks.speed.subjects import Subject
from benchmarks.speed.timing import measure_rounds, seconds_of, summarise

AGREEMENT_BATCH = 32
ALWAYS_MEASURED = 32  # faces in a batch, however long it takes


def measure_batch(
    subject: Subject, runs: Mapping[str, Run], size: int, *, seconds: float, longest: float
) -> Iterator[dict[str, Any]]:
    """Measure all contenders at one batch size.

    Args:
        subject: the model.
        runs: the contenders.
        size: number of faces in the batch.
        seconds: how long the rounds take; three rounds may take longer.
        longest: of a batch of more than 32, a contender whose single call takes longer, in seconds, is left out.

    Yields:
        one row for each contender.
    """
    pixels = noise(subject.model, size)
    row = {"model": subject.name, "is_trained": subject.is_trained, "batch": size}
    calls: dict[str, Callable[[], object]] = {}
    expected: dict[str, float] = {}
    for name, run in runs.items():
        expected[name] = _expected_seconds(run, pixels)
        if size > ALWAYS_MEASURED and expected[name] > longest:
            yield {**row, "contender": name, "reason": f"would take {expected[name]:.0f} s a call"}
        else:
            calls[name] = partial(run, pixels)
    for name, timing in summarise(measure_rounds(calls, expected, seconds), REFERENCE).items():
        yield {
            **row,
            "contender": name,
            "median_ms": timing.median_ms,
            "lowest_ms": timing.lowest_ms,
            "faces_per_second": 1000 * size / timing.median_ms,
            "ratio": timing.ratio,
            "rounds": timing.num_rounds,
        }


def measure_agreement(subject: Subject, runs: Mapping[str, Run], faces: PixelValues) -> Iterator[dict[str, Any]]:
    """Compare the answers of all contenders with those of the reference.

    Yields:
        one row for each contender but the reference: the share of faces with the same most probable class.
    """
    batches = np.array_split(faces, -(-len(faces) // AGREEMENT_BATCH))
    answers = {name: np.concatenate([run(batch).argmax(axis=1) for batch in batches]) for name, run in runs.items()}
    for name in answers:
        if name != REFERENCE:
            share = share_of_equal(answers[name].tolist(), answers[REFERENCE].tolist())
            yield {"model": subject.name, "contender": name, "num_faces": len(faces), "agreement": share}


def share_of_equal(answers: Sequence[int], expected: Sequence[int]) -> float:
    """Return which share of the answers is as expected, in [0, 1]."""
    return sum(one == other for one, other in zip(answers, expected, strict=True)) / len(expected)


def _expected_seconds(run: Run, pixels: PixelValues) -> float:
    """Return how long a batch is going to take, judged by an eighth of it."""
    part = pixels[: max(1, len(pixels) // 8)]
    call = partial(run, part)
    return min(seconds_of(call), seconds_of(call)) * len(pixels) / len(part)
