"""Temperature scaling against known temperatures, a slow grid and its own definition."""

from __future__ import annotations

from math import log
from typing import Any

import numpy as np
import pytest
from evaluation_pictures import Pictures, columns_picture, reading_model
from numpy.typing import NDArray
from scipy.special import log_softmax

from fer_zoo.errors import ImageReadError, InvalidOptionError, TrainingDataError
from fer_zoo.evaluation import calibrate, cross_fit, fit_temperature
from fer_zoo.labels import get_label_set
from fer_zoo.models import FerImageProcessor


def sample(temperature: float, number: int = 400, seed: int = 0) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return random logits ``(N, 5)``, and labels drawn from their softmax at a temperature."""
    random = np.random.default_rng(seed)
    logits = random.normal(size=(number, 5)) * 3
    probabilities = np.exp(log_softmax(logits / temperature, axis=1))
    return logits, np.array([random.choice(5, p=row) for row in probabilities])


def likelihood(logits: NDArray[np.float64], targets: NDArray[np.float64], temperature: float) -> float:
    """Return the negative log-likelihood of targets ``(N, K)``."""
    return float(-(targets * log_softmax(logits / temperature, axis=1)).sum(axis=1).mean())


def test_temperature_of_two_classes_by_hand() -> None:
    """Three of four answers with a margin of 5 are right: 1 / (1 + exp(-5 / T)) = 3 / 4 gives T = 5 / ln 3."""
    logits = [[5.0, 0.0], [5.0, 0.0], [5.0, 0.0], [0.0, 5.0]]

    assert fit_temperature(logits, [0, 0, 1, 1]) == pytest.approx(5 / log(3), rel=1e-10)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_temperature_is_the_best_of_a_fine_grid(temperature: float) -> None:
    """No temperature of a grid in steps of a thousandth has a better likelihood, and the nearest one is its best."""
    logits, labels = sample(temperature)
    targets = np.eye(5)[labels]
    grid = temperature * np.arange(0.5, 2, 0.001)
    values = [likelihood(logits, targets, t) for t in grid]

    found = fit_temperature(logits, labels)

    assert likelihood(logits, targets, found) <= min(values)
    assert abs(found - grid[int(np.argmin(values))]) <= temperature * 0.001
    assert found == pytest.approx(temperature, rel=0.15)  # labels are drawn, so it is met as well as 400 of them allow


def test_votes_are_fitted_as_distributions() -> None:
    """Votes give the best temperature for their shares; unanimous ones that of the class numbers."""
    logits, labels = sample(2.0)
    votes = np.random.default_rng(1).multinomial(10, [0.2] * 5, size=400) + 20 * np.eye(5, dtype=int)[labels]
    shares = votes / votes.sum(axis=1, keepdims=True)

    found = fit_temperature(logits, votes)

    assert likelihood(logits, shares, found) <= min(likelihood(logits, shares, found * (1 + e)) for e in (-1e-4, 1e-4))
    assert fit_temperature(logits, 7 * np.eye(5)[labels]) == pytest.approx(fit_temperature(logits, labels), rel=1e-9)


def test_temperature_follows_the_scale_of_the_logits() -> None:
    """Logits twice as large need twice the temperature, and an offset of a row needs none."""
    logits, labels = sample(1.5)
    expected = fit_temperature(logits, labels)

    assert fit_temperature(2 * logits, labels) == pytest.approx(2 * expected, rel=1e-9)
    assert fit_temperature(logits + np.arange(400)[:, None], labels) == pytest.approx(expected, rel=1e-7)
    assert fit_temperature(logits.astype(np.float32), labels) == pytest.approx(expected, rel=1e-5)


def test_temperature_has_limits() -> None:
    """Always right asks for 0, always wrong for infinity, equal logits for nothing at all."""
    logits = 9 * np.eye(3)

    assert fit_temperature(logits, [0, 1, 2]) == 0.01
    assert fit_temperature(logits, [1, 2, 0]) == 100.0
    assert fit_temperature(np.ones((3, 3)), [0, 1, 2]) == 1.0


@pytest.mark.parametrize("scale", [1.0, 2.0, 0.7, 1e-6, 1e6])
def test_answers_that_are_all_right_ask_for_the_lowest_temperature(scale: float) -> None:
    """Rounding of a slope that is never 0 is not taken for its zero; nor is it at the other limit."""
    logits = scale * np.array([[1, 0, 0.1], [0, 1, 0.1], [0.1, 0, 1]])

    assert fit_temperature(logits, [0, 1, 2]) == 0.01
    assert fit_temperature(logits + 5 * scale, [0, 1, 2]) == 0.01
    assert fit_temperature(logits, 3 * np.eye(3)) == 0.01
    assert fit_temperature(logits[[0, 0, 0]], [0, 1, 2]) == 100.0  # each class is right as often, whatever is said


@pytest.mark.parametrize(
    ("logits", "labels", "message"),
    [
        (np.zeros((0, 3)), [], "the shape of logits: expected .* with at least one row"),
        (np.zeros(3), [0], "the shape of logits"),
        ([[1.0, np.nan]], [0], "logits: expected finite numbers"),
        ([[1.0, np.inf]], [0], "logits: expected finite numbers"),
        ([[1.0, 0.0], [0.0, 1.0]], [1, 1], "at least two classes"),
        ([[1.0, 0.0], [0.0, 1.0]], [0, 2], "class indices from 0 to 1"),
        ([[1.0, 0.0], [0.0, 1.0]], [0, 0.5], "class indices from 0 to 1"),
        ([[1.0, 0.0], [0.0, 1.0]], [0, 1, 1], "the shape of labels"),
        ([[1.0, 0.0], [0.0, 1.0]], [[1, 0], [0, 0]], "a vote in each row"),
        ([[1.0, 0.0], [0.0, 1.0]], [[1, 0], [2, -1]], "numbers of at least 0"),
        ([[1.0, 0.0], [0.0, 1.0]], [[1, 0], [3, 0]], "at least two classes"),
    ],
)
def test_data_that_cannot_be_fitted_is_refused(logits: Any, labels: Any, message: str) -> None:
    """Each has a message that names what is wrong."""
    with pytest.raises(InvalidOptionError, match=message):
        fit_temperature(logits, labels)


def test_cross_fitting_never_judges_a_row_by_itself() -> None:
    """Each row has a temperature of its fold, which stays when the labels of that fold change."""
    logits, labels = sample(2.0, number=60)
    probabilities = cross_fit(logits, labels, num_folds=3)
    changed = labels.copy()
    changed[0] = (labels[0] + 1) % 5

    again = cross_fit(logits, changed, num_folds=3)

    same = np.abs(probabilities - again).max(axis=1) < 1e-15
    assert same[0]  # its own label has no part in its temperature
    assert same.sum() == 20  # nor in that of its fold; the two other folds were fitted with it
    np.testing.assert_allclose(probabilities.sum(axis=1), 1)
    assert (probabilities.argmax(axis=1) == logits.argmax(axis=1)).all()


@pytest.mark.parametrize("num_folds", [1, 61])
def test_impossible_numbers_of_folds_are_refused(num_folds: int) -> None:
    """One fold has nothing to fit on, and none may be empty."""
    with pytest.raises(InvalidOptionError, match="num_folds: expected a number from 2 to that of the pictures, 60"):
        cross_fit(*sample(1.0, number=60), num_folds=num_folds)


class TestCalibrate:
    """A model and a data set."""

    def test_the_temperature_is_set_and_the_answers_stay(
        self, processor: FerImageProcessor, broken: ImageReadError
    ) -> None:
        """Three of four sure answers are right, so the temperature is that of the logits; the rest is left alone."""
        label_set = get_label_set("raf_db")
        model = reading_model(label_set, temperature=2.0)
        images = [columns_picture(*np.eye(7)[i % 2]) for i in range(40)]
        labels = [i % 2 if i % 4 else 2 for i in range(40)]
        data = Pictures([*images, broken], [*labels, 0], label_set)

        found = calibrate(model, data, processor=processor, num_folds=4, unreadable="skip")

        # 3 of 4 with a margin of 10 over six others: exp(10 / T) / (exp(10 / T) + 6) = 3 / 4
        assert found.temperature == pytest.approx(10 / log(18), rel=1e-5)
        assert model.config.temperature == found.temperature
        assert found.temperature_before == 2.0
        sure = 1 / (1 + 6 * np.exp(-5))
        assert found.ece_before == pytest.approx(sure - 0.75, abs=1e-5)
        assert found.ece_after < 0.1
        assert found.nll_after < found.nll_before
        assert (found.num_pictures, found.num_folds) == (40, 4)
        assert found.unreadable == (str(broken),)
        assert found.to_dict()["temperature"] == found.temperature
        assert model.training

    def test_votes_are_fitted_on_their_majority(self, processor: FerImageProcessor) -> None:
        """A data set of votes gives the temperature of its majority labels."""
        label_set = get_label_set("raf_db")
        images = [columns_picture(*np.eye(7)[i % 2]) for i in range(20)]
        labels = [i % 2 if i % 4 else 2 for i in range(20)]
        votes = [[8.0 if k == label else 0.3 for k in range(7)] for label in labels]

        found = [
            calibrate(reading_model(label_set), Pictures(images, given, label_set), processor=processor).temperature
            for given in (labels, votes)
        ]

        assert found[0] == found[1]

    def test_mirror_images_are_refused(self, processor: FerImageProcessor) -> None:
        """The figures before would be of both sides, and the temperature and the figures after of one."""
        label_set = get_label_set("raf_db")
        model = reading_model(label_set, temperature=2.0)
        data = Pictures([columns_picture(1)] * 4, [0, 0, 1, 1], label_set)

        with pytest.raises(InvalidOptionError, match="Invalid value True for flip: expected False"):
            calibrate(model, data, processor=processor, flip=True)

        assert model.config.temperature == 2.0

    def test_a_model_that_is_always_right_settles_no_temperature(self, processor: FerImageProcessor) -> None:
        """The likelihood grows without end as it gets lower; the model keeps the temperature that it had."""
        label_set = get_label_set("raf_db")
        model = reading_model(label_set, temperature=2.0)
        labels = [i % 2 for i in range(20)]
        images = [columns_picture(*np.eye(7)[label]) for label in labels]

        with pytest.raises(TrainingDataError, match="The pictures settle no temperature"):
            calibrate(model, Pictures(images, labels, label_set), processor=processor)

        assert model.config.temperature == 2.0
