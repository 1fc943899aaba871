"""The reliability table, the expected calibration error and abstention, worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from fer_zoo.evaluation import AbstentionPoint, abstain_below, expected_calibration_error, reliability_table

CONFIDENCES = np.array([0.15, 0.2, 0.35, 0.7, 0.7, 0.7, 0.95])
HITS = np.array([False, True, True, True, True, False, True])


def test_bins_are_open_below_and_closed_above() -> None:
    """With five bins, 0.2 is still in the first, as in the paper."""
    table = reliability_table(CONFIDENCES, HITS, num_bins=5)

    assert [row.count for row in table] == [2, 1, 0, 3, 1]
    assert [row.accuracy for row in table] == pytest.approx([0.5, 1.0, None, 2 / 3, 1.0])
    assert [row.confidence for row in table] == pytest.approx([0.175, 0.35, None, 0.7, 0.95])
    assert [(row.low, row.high) for row in table][1] == pytest.approx((0.2, 0.4))


def test_confidences_of_zero_and_one_are_in_the_outer_bins() -> None:
    """Nothing falls out at the ends, nor where rounding makes a sum a little larger than 1."""
    table = reliability_table(np.array([0.0, 1.0, 1.0 + 1e-12]), np.array([True, True, True]))

    assert len(table) == 15
    assert (table[0].count, table[-1].count) == (1, 2)


def test_expected_calibration_error_by_hand() -> None:
    """Gaps of 0.325, 0.65, 0.0333 and 0.05 with weights of 2, 1, 3 and 1 sevenths; empty bins do not count."""
    error = expected_calibration_error(reliability_table(CONFIDENCES, HITS, num_bins=5))

    assert error == pytest.approx((2 * 0.325 + 0.65 + 3 * (0.7 - 2 / 3) + 0.05) / 7)


def test_expected_calibration_error_against_a_slow_version() -> None:
    """A loop over answers and bins, written from the definition, gives the same on random answers."""
    random = np.random.default_rng(0)
    confidences = random.uniform(0.1, 1, 500)
    hits = random.uniform(size=500) < confidences**2
    slow = 0.0
    for number in range(15):
        inside = [i for i in range(500) if number / 15 < confidences[i] <= (number + 1) / 15]
        slow += abs(sum(hits[i] for i in inside) - sum(confidences[i] for i in inside)) / 500

    assert expected_calibration_error(reliability_table(confidences, hits)) == pytest.approx(slow)


def test_abstention_by_hand() -> None:
    """Four of seven answers have at least 0.7, which is enough, and three of them are right."""
    assert abstain_below(0.7, CONFIDENCES, HITS) == AbstentionPoint(0.7, 4, 4 / 7, 0.75)
    assert abstain_below(0.0, CONFIDENCES, HITS) == AbstentionPoint(0.0, 7, 1.0, 5 / 7)


def test_no_answer_has_no_accuracy() -> None:
    """If all answers are withheld, their accuracy is not 0 but unknown."""
    assert abstain_below(0.99, CONFIDENCES, HITS) == AbstentionPoint(0.99, 0, 0.0, None)
