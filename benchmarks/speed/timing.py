"""Timing in rounds, and the arithmetic on what was measured.

A machine that others use too gets faster and slower by the minute. So contenders are never measured one after the
other: each round runs every one of them a few times, and what is compared is what was measured in the same round.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

Blocks: TypeAlias = list[list[float]]  # milliseconds of each call, by round

MIN_ROUNDS = 3
BLOCK_SECONDS = 0.06  # a block has as many calls as fit in here, from 1 to 10
MAX_CALLS = 10
PAUSE = 0.02  # seconds between blocks, for threads that wait in a loop to go to sleep


@dataclass(frozen=True, slots=True)
class Timing:
    """The times of one contender.

    Attributes:
        median_ms: of all calls, in milliseconds.
        lowest_ms: of all calls, in milliseconds.
        ratio: how many times as fast as the reference: the median over the rounds of the reference's time by the own
            time in the same round; ``None`` without a reference.
        num_rounds: number of rounds.
    """

    median_ms: float
    lowest_ms: float
    ratio: float | None
    num_rounds: int


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line through points, by least squares.

    Attributes:
        slope: of the line.
        intercept: of the line.
        residual: the largest distance of a point from it, as a share of the largest value.
    """

    slope: float
    intercept: float
    residual: float


def seconds_of(call: Callable[[], object]) -> float:
    """Return how long a call takes, in seconds."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def calls_in_block(seconds: float) -> int:
    """Return how many calls of this length make a block."""
    return max(1, min(MAX_CALLS, round(BLOCK_SECONDS / max(seconds, 1e-6))))


def measure_rounds(
    contenders: Mapping[str, Callable[[], object]], expected: Mapping[str, float], seconds: float
) -> dict[str, Blocks]:
    """Run all contenders in turns until the time is over, at least three times.

    Args:
        contenders: what to run, by name.
        expected: how long a call of each is going to take, in seconds.
        seconds: how long the rounds go on; a round that has begun is ended.

    Returns:
        milliseconds of each call, by contender and round.
    """
    blocks: dict[str, Blocks] = {name: [] for name in contenders}
    names = list(contenders)
    end = time.perf_counter() + seconds
    num_rounds = 0
    while names and (num_rounds < MIN_ROUNDS or time.perf_counter() < end):
        first = num_rounds % len(names)  # so that nobody always comes after the same one
        for name in names[first:] + names[:first]:
            time.sleep(PAUSE)
            contenders[name]()  # brings its memory back and wakes its threads
            num_calls = calls_in_block(expected[name])
            blocks[name].append([1000 * seconds_of(contenders[name]) for _ in range(num_calls)])
        num_rounds += 1
    return blocks


def summarise(blocks: Mapping[str, Blocks], reference: str | None = None) -> dict[str, Timing]:
    """Return the figures of each contender.

    Args:
        blocks: milliseconds of each call, by contender and round.
        reference: the contender that ratios refer to; no ratios if it is not among them.
    """
    medians = {name: [statistics.median(block) for block in rounds] for name, rounds in blocks.items()}
    compared = medians.get(reference or "")
    timings = {}
    for name, rounds in blocks.items():
        calls = [call for block in rounds for call in block]
        ratio = None
        if compared is not None:
            ratio = statistics.median(theirs / own for theirs, own in zip(compared, medians[name], strict=True))
        timings[name] = Timing(statistics.median(calls), min(calls), ratio, len(rounds))
    return timings


def fit_line(x: Sequence[float], y: Sequence[float]) -> Line:
    """Draw the straight line that is closest to points.

    Args:
        x: at least two different numbers.
        y: the value at each.
    """
    slope, intercept = np.polyfit(x, y, 1)
    distances = np.abs(np.asarray(y) - (slope * np.asarray(x) + intercept))
    return Line(float(slope), float(intercept), float(distances.max() / max(y)))
