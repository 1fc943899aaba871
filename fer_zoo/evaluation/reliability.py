"""Whether probabilities mean what they say, and what is gained by giving no answer where they are low.

Papers: C. Guo et al., "On calibration of modern neural networks", ICML 2017 (arXiv 1706.04599), Section 2, for the
bins and the expected calibration error; R. El-Yaniv, Y. Wiener, "On the foundations of noise-free selective
classification", JMLR 11 (2010), for coverage and accuracy with abstention.

The confidence of an answer is its probability, the highest of all classes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

NUM_BINS = 15  # as in the experiments of Guo et al.

#: Confidences at which the curve of abstention is read.
THRESHOLDS = (*(step / 20 for step in range(20)), 0.99)


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """The answers whose confidence lies in ``(low, high]``.

    Attributes:
        low: lower end, in [0, 1]; only the first bin holds it.
        high: upper end, in [0, 1].
        count: how many answers.
        confidence: their mean confidence; ``None`` if there is no answer.
        accuracy: share of them that is right; ``None`` if there is no answer.
    """

    low: float
    high: float
    count: int
    confidence: float | None
    accuracy: float | None


@dataclass(frozen=True, slots=True)
class AbstentionPoint:
    """What is left if answers below a confidence are withheld.

    Attributes:
        min_confidence: answers below are withheld, in [0, 1].
        answered: how many answers are given.
        coverage: share of the pictures with an answer, in [0, 1].
        accuracy: share of the given answers that is right; ``None`` if none is given.
    """

    min_confidence: float
    answered: int
    coverage: float
    accuracy: float | None


def reliability_table(
    confidences: NDArray[np.floating[Any]], hits: NDArray[np.bool_], *, num_bins: int = NUM_BINS
) -> tuple[ReliabilityBin, ...]:
    """Sort answers by their confidence into bins of equal width.

    Args:
        confidences: ``(N,)``, in [0, 1].
        hits: ``(N,)``, whether each answer is right.
        num_bins: number of bins.
    """
    edges = np.linspace(0, 1, num_bins + 1)
    # (low, high] as in the paper; a confidence of 0 belongs to the first bin, one a rounding above 1 to the last
    numbers = np.clip(np.digitize(confidences, edges, right=True) - 1, 0, num_bins - 1)
    counts = np.bincount(numbers, minlength=num_bins)
    confidence_sums = np.bincount(numbers, weights=confidences, minlength=num_bins)
    hit_sums = np.bincount(numbers, weights=hits, minlength=num_bins)
    return tuple(
        ReliabilityBin(
            float(edges[i]),
            float(edges[i + 1]),
            int(counts[i]),
            float(confidence_sums[i] / counts[i]) if counts[i] else None,
            float(hit_sums[i] / counts[i]) if counts[i] else None,
        )
        for i in range(num_bins)
    )


def expected_calibration_error(table: Iterable[ReliabilityBin]) -> float:
    """Return the mean distance between accuracy and confidence of the bins, weighted by their counts (equation 3).

    Args:
        table: the bins, with at least one answer.

    Returns:
        The error in [0, 1]; 0 is perfect.
    """
    gaps = [
        (bin_.count, abs(bin_.accuracy - bin_.confidence))
        for bin_ in table
        if bin_.accuracy is not None and bin_.confidence is not None
    ]
    return sum(count * gap for count, gap in gaps) / sum(count for count, _ in gaps)


def abstain_below(
    min_confidence: float, confidences: NDArray[np.floating[Any]], hits: NDArray[np.bool_]
) -> AbstentionPoint:
    """Return coverage and accuracy if answers below a confidence are withheld.

    Args:
        min_confidence: in [0, 1].
        confidences: ``(N,)``, in [0, 1], at least one.
        hits: ``(N,)``, whether each answer is right.
    """
    given = confidences >= min_confidence
    answered = int(given.sum())
    accuracy = float(hits[given].mean()) if answered else None
    return AbstentionPoint(min_confidence, answered, answered / len(confidences), accuracy)


__all__ = [
    "AbstentionPoint",
    "ReliabilityBin",
    "abstain_below",
    "expected_calibration_error",
    "reliability_table",
]
