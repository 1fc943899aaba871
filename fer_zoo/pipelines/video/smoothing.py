"""Expressions that do not flicker: probabilities smoothed over time, and labels that change reluctantly.

All is counted in seconds, so that a video of any rate, or of none, gives the same answer, and only the past is used, so
that a live stream gives the same answer as its recording.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from fer_zoo.errors import InvalidOptionError
from fer_zoo.ranges import check_not_negative, check_shares

TINY = 1e-9  # seconds; sums of frame times are not exact


@dataclass(frozen=True, slots=True)
class Smoothing:
    """How the scores of a track are smoothed, and when its label changes.

    Attributes:
        median_window: seconds that the median looks back; it removes single outliers. 0 for none.
        time_constant: seconds after which the exponential mean has taken over 63 % of a step. 0 for none.
        margin: how far the smoothed probability of another expression must be ahead, in [0, 1].
        hold: seconds for which it must be ahead, before it becomes the label.
        max_gap: seconds without the face after which nothing of what was before counts.

    Raises:
        InvalidOptionError: if a value is out of its range.
    """

    median_window: float = 0.3
    time_constant: float = 0.2
    margin: float = 0.1
    hold: float = 0.2
    max_gap: float = 0.5

    def __post_init__(self) -> None:
        """Refuse what is out of range."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        check_shares(margin=self.margin)
        check_not_negative(**values)
        for name, value in values.items():
            if value is None or math.isinf(value):
                raise InvalidOptionError(name, value, "a finite number")


class ScoreSmoother:
    """Smooths the probabilities of one track: the median of a window, then an exponential mean.

    Args:
        smoothing: window and time constant.
    """

    def __init__(self, smoothing: Smoothing) -> None:
        self._smoothing = smoothing
        self._window: deque[tuple[float, NDArray[np.float64]]] = deque()
        self._mean: NDArray[np.float64] | None = None
        self._time = 0.0

    def update(self, time: float, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Take the probabilities of the next frame and return the smoothed ones, which add up to 1 too.

        Args:
            time: of the frame, in seconds; above that of the frame before.
            scores: ``(K,)``, in [0, 1], adding up to 1.
        """
        median = self._median(time, scores)
        if self._mean is None or not self._smoothing.time_constant:
            self._mean = median
        else:
            weight = 1 - math.exp(-(time - self._time) / self._smoothing.time_constant)
            self._mean = self._mean + weight * (median - self._mean)
        self._time = time
        return self._mean

    def _median(self, time: float, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the median of each class over the window, made to add up to 1."""
        self._window.append((time, scores))
        while len(self._window) > 1 and self._window[0][0] <= time - self._smoothing.median_window + TINY:
            self._window.popleft()
        median = np.median([past for _, past in self._window], axis=0)
        total = float(median.sum())
        return median / total if total else scores  # three certain and different answers: no class has a median


class LabelHysteresis:
    """Keeps a label until another has been ahead by a margin for a while.

    Args:
        smoothing: margin and time.
    """

    def __init__(self, smoothing: Smoothing) -> None:
        self._smoothing = smoothing
        self._label: int | None = None
        self._challenger = -1
        self._since = 0.0

    def update(self, time: float, scores: NDArray[np.float64]) -> int:
        """Take the smoothed probabilities of the next frame and return the position of the label.

        Args:
            time: of the frame, in seconds.
            scores: ``(K,)``, in [0, 1].
        """
        best = int(scores.argmax())
        if self._label is None:
            self._label = best
        if best == self._label or scores[best] - scores[self._label] < self._smoothing.margin:
            self._challenger = -1
        elif best != self._challenger:
            self._challenger, self._since = best, time
        if self._challenger >= 0 and time - self._since >= self._smoothing.hold - TINY:
            self._label, self._challenger = best, -1
        return self._label


class TrackSmoother:
    """Smooths all tracks of a video, and forgets those that are gone.

    Args:
        smoothing: for every track.
    """

    def __init__(self, smoothing: Smoothing) -> None:
        self._smoothing = smoothing
        self._tracks: dict[int, tuple[ScoreSmoother, LabelHysteresis]] = {}
        self._seen_until: dict[int, float] = {}

    def update(
        self, track_id: int, time: float, duration: float, scores: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], int]:
        """Take the probabilities of a face.

        Args:
            track_id: number of its track.
            time: of the frame, in seconds.
            duration: of the frame, in seconds.
            scores: ``(K,)``, in [0, 1], adding up to 1.

        Returns:
            the smoothed probabilities ``(K,)`` and the position of the label.
        """
        self._forget_before(time)
        if track_id not in self._tracks:
            self._tracks[track_id] = ScoreSmoother(self._smoothing), LabelHysteresis(self._smoothing)
        smoother, hysteresis = self._tracks[track_id]
        self._seen_until[track_id] = time + duration
        smoothed = smoother.update(time, scores)
        return smoothed, hysteresis.update(time, smoothed)

    def _forget_before(self, time: float) -> None:
        """Drop the tracks that were not seen for too long."""
        for track_id, end in list(self._seen_until.items()):
            if time - end > self._smoothing.max_gap + TINY:
                del self._tracks[track_id], self._seen_until[track_id]


__all__ = ["LabelHysteresis", "ScoreSmoother", "Smoothing", "TrackSmoother"]
