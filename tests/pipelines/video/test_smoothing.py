"""Smoothing over time: medians, exponential means and labels, worked out by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from fer_zoo.errors import InvalidOptionError
from fer_zoo.pipelines.video import Smoothing
from fer_zoo.pipelines.video.smoothing import LabelHysteresis, ScoreSmoother, TrackSmoother

NOTHING = Smoothing(median_window=0, time_constant=0, margin=0, hold=0)


def run(smoothing: Smoothing, *steps: tuple[float, tuple[float, ...]]) -> list[list[float]]:
    """Return the smoothed scores after each step: time in seconds, scores."""
    smoother = ScoreSmoother(smoothing)
    return [smoother.update(time, np.array(scores)).tolist() for time, scores in steps]


def labels(smoothing: Smoothing, *steps: tuple[float, float]) -> list[int]:
    """Return the label after each step: time in seconds, score of the second of two classes."""
    hysteresis = LabelHysteresis(smoothing)
    return [hysteresis.update(time, np.array([1 - score, score])) for time, score in steps]


def test_nothing_is_smoothed_with_times_of_zero() -> None:
    """The scores of each frame come out as they are."""
    steps = (0.0, (0.9, 0.1)), (0.1, (0.2, 0.8)), (0.2, (0.6, 0.4))

    assert run(NOTHING, *steps) == [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]]


def test_median_removes_a_single_outlier() -> None:
    """Of 0.9, 0.1, 0.9 the median is 0.9; the window holds what is less than 0.3 s old."""
    steps = [(0.0, (0.9, 0.1)), (0.1, (0.1, 0.9)), (0.2, (0.9, 0.1)), (0.3, (0.1, 0.9)), (0.4, (0.1, 0.9))]

    smoothed = run(Smoothing(median_window=0.3, time_constant=0), *steps)

    assert [round(first, 6) for first, _ in smoothed] == [0.9, 0.5, 0.9, 0.1, 0.1]


def test_medians_of_classes_are_made_to_add_up_to_one() -> None:
    """The medians 0.6, 0.2, 0.1 of three answers add up to 0.9, so they are divided by that."""
    steps = (0.0, (0.7, 0.2, 0.1)), (0.1, (0.6, 0.0, 0.4)), (0.2, (0.0, 0.9, 0.1))

    smoothed = run(Smoothing(median_window=1, time_constant=0), *steps)

    assert smoothed[2] == pytest.approx([0.6 / 0.9, 0.2 / 0.9, 0.1 / 0.9])


def test_three_certain_and_different_answers_leave_the_last() -> None:
    """Every median is 0 then, which is no distribution."""
    steps = (0.0, (1.0, 0.0, 0.0)), (0.1, (0.0, 1.0, 0.0)), (0.2, (0.0, 0.0, 1.0))

    assert run(Smoothing(median_window=1, time_constant=0), *steps)[2] == [0, 0, 1]


def test_exponential_mean_takes_over_63_percent_in_its_time_constant() -> None:
    """After a step from 0 to 1, the mean is 1 - 1/e after 0.2 s and 1 - 1/e² after 0.4 s."""
    smoothed = run(Smoothing(median_window=0, time_constant=0.2), (0, (0, 1)), (0.2, (1, 0)), (0.4, (1, 0)))

    assert [first for first, _ in smoothed] == pytest.approx([0, 1 - 1 / math.e, 1 - 1 / math.e**2])


def test_exponential_mean_does_not_depend_on_the_frame_rate() -> None:
    """Forty frames of 10 ms lead to the same place as two of 200 ms."""
    often = run(Smoothing(0, 0.2), (0, (0, 1)), *[(i / 100, (1.0, 0.0)) for i in range(1, 41)])
    seldom = run(Smoothing(0, 0.2), (0, (0, 1)), (0.2, (1, 0)), (0.4, (1, 0)))

    assert often[-1] == pytest.approx(seldom[-1])


def test_label_changes_only_after_the_time_ahead() -> None:
    """Ahead at 0.1 and at 0.2 is 0.1 s; at 0.3 it is 0.2 s, which is enough."""
    smoothing = Smoothing(margin=0.1, hold=0.2)

    assert labels(smoothing, (0, 0.2), (0.1, 0.9), (0.2, 0.9), (0.3, 0.9), (0.4, 0.9)) == [0, 0, 0, 1, 1]


def test_label_does_not_change_for_less_than_the_margin() -> None:
    """0.53 against 0.47 is ahead by 0.06; 0.56 against 0.44 by 0.12."""
    smoothing = Smoothing(margin=0.1, hold=0)

    assert labels(smoothing, (0, 0.4), (0.1, 0.53), (0.2, 0.56), (0.3, 0.47), (0.4, 0.44)) == [0, 0, 1, 1, 0]


def test_falling_back_begins_the_time_ahead_anew() -> None:
    """Ahead at 0.1, not at 0.2, ahead from 0.3 on: the label changes at 0.5."""
    smoothing = Smoothing(margin=0.1, hold=0.2)
    scores = [0.2, 0.9, 0.5, 0.9, 0.9, 0.9]

    assert labels(smoothing, *[(i / 10, score) for i, score in enumerate(scores)]) == [0, 0, 0, 0, 0, 1]


def test_tracks_are_smoothed_apart_and_forgotten_after_a_gap() -> None:
    """Track 1 is not seen for 0.6 s, so its next frame begins anew; track 2 goes on."""
    smoother = TrackSmoother(Smoothing(median_window=0, time_constant=0.2, max_gap=0.5))
    sad, glad = np.array([1.0, 0.0]), np.array([0.0, 1.0])
    for time in (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6):
        smoother.update(2, time, 0.1, sad)
    smoother.update(1, 0.0, 0.1, sad)

    first, _ = smoother.update(1, 0.7, 0.1, glad)
    second, _ = smoother.update(2, 0.7, 0.1, glad)

    assert first.tolist() == [0, 1]
    assert second.tolist() == pytest.approx([math.exp(-0.5), 1 - math.exp(-0.5)])


@pytest.mark.parametrize("option", ["median_window", "time_constant", "margin", "hold", "max_gap"])
@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf, None, "0.2"])
def test_values_out_of_range_are_refused(option: str, value: Any) -> None:
    """The error names the option."""
    with pytest.raises(InvalidOptionError, match=option):
        Smoothing(**{option: value})


def test_margin_above_one_is_refused() -> None:
    """No probability is ahead of another by more than 1."""
    with pytest.raises(InvalidOptionError, match="margin: expected a number from 0 to 1"):
        Smoothing(margin=1.5)
