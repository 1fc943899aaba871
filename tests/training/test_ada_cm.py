"""Thresholds and masks of the adaptive confidence margin, worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch.nn import functional

from fer_zoo.training import ConfidenceMargin, guess_labels, masked_cross_entropy


def scores(*probabilities: list[float]) -> torch.Tensor:
    """Return scores whose softmax is the given probabilities."""
    return torch.tensor(probabilities).log()


class TestPseudoLabels:
    """What two weak views say together."""

    def test_the_mean_of_both_views_decides(self) -> None:
        """0.6 and 0.1 for the first class are less than 0.3 and 0.8 for the second: 0.55 for the second."""
        labels, confidence = guess_labels(scores([0.6, 0.3, 0.1]), scores([0.1, 0.8, 0.1]))

        assert labels.tolist() == [1]
        assert confidence.tolist() == pytest.approx([0.55])

    def test_there_is_no_gradient(self) -> None:
        """A model must not learn to be sure by being sure."""
        _, confidence = guess_labels(torch.randn(2, 3, requires_grad=True), torch.randn(2, 3, requires_grad=True))

        assert not confidence.requires_grad

    def test_each_class_has_its_own_threshold(self) -> None:
        """0.85 is enough for the class that asks for 0.8, and too little for the one that asks for 0.9."""
        margin = ConfidenceMargin(2)
        margin.thresholds = torch.tensor([0.8, 0.9])

        is_taken = margin.select(torch.tensor([0, 1, 1, 0]), torch.tensor([0.85, 0.85, 0.95, 0.75]))

        assert is_taken.tolist() == [True, False, True, False]

    def test_the_threshold_itself_is_enough(self) -> None:
        """At least as probable, not more probable."""
        margin = ConfidenceMargin(1, floor=0.5)

        assert margin.select(torch.tensor([0, 0]), torch.tensor([0.5, 0.4999])).tolist() == [True, False]


class TestMaskedCrossEntropy:
    """The loss of the pseudo-labels."""

    def test_worked_out_by_hand(self) -> None:
        """Of three pictures with losses log 2, log 4 and log 5 the first two count: (log 2 + log 4) / 3."""
        logits = scores([0.5, 0.5], [0.75, 0.25], [0.8, 0.2])

        loss = masked_cross_entropy(logits, torch.tensor([0, 1, 1]), torch.tensor([True, True, False]))

        assert loss.item() == pytest.approx(math.log(8) / 3)

    def test_pictures_that_are_masked_give_no_gradient(self) -> None:
        """Taking the mean before masking would let them through."""
        logits = torch.randn(4, 3, requires_grad=True)
        mask = torch.tensor([True, False, True, False])

        masked_cross_entropy(logits, torch.tensor([0, 1, 2, 0]), mask).backward()

        assert logits.grad is not None
        assert (logits.grad.abs().sum(dim=1) > 0).tolist() == mask.tolist()

    def test_no_picture_costs_nothing(self) -> None:
        """An early batch in which the model is sure of nothing."""
        logits = torch.randn(4, 3, requires_grad=True)

        assert masked_cross_entropy(logits, torch.tensor([0, 1, 2, 0]), torch.zeros(4, dtype=torch.bool)) == 0


class TestThresholds:
    """How the thresholds rise."""

    def test_start_at_the_floor(self) -> None:
        """0.8 for every class."""
        assert ConfidenceMargin(3).thresholds.tolist() == pytest.approx([0.8] * 3)

    @pytest.mark.parametrize(
        ("num_epochs", "threshold"),
        [(1, 0.8), (2, 0.97 / (1 + math.exp(-2))), (3, 0.97 / (1 + math.exp(-3))), (40, 0.97)],
    )
    def test_epochs_count_from_one(self, num_epochs: int, threshold: float) -> None:
        """A model that is quite sure has 0.97 / (1 + exp(-1)) = 0.709 after the first epoch, below the floor."""
        margin = ConfidenceMargin(2)
        margin.observe(torch.tensor([[100.0, 0.0], [0.0, 100.0]]), torch.tensor([0, 1]))

        margin.update(num_epochs)

        assert margin.thresholds.tolist() == pytest.approx([threshold] * 2)

    def test_only_correct_pictures_count(self) -> None:
        """Class 0: 0.95 and 0.99 are right, 0.9 is wrong, so the mean is 0.97; class 1 has 0.9 alone."""
        margin = ConfidenceMargin(2)
        margin.observe(scores([0.95, 0.05], [0.1, 0.9]), torch.tensor([0, 0]))
        margin.observe(scores([0.99, 0.01], [0.1, 0.9]), torch.tensor([0, 1]))

        margin.update(4)

        share = 0.97 / (1 + math.exp(-4))
        assert margin.thresholds.tolist() == pytest.approx([0.97 * share, 0.9 * share])

    def test_a_class_of_which_nothing_is_recognised_falls_back_to_the_floor(self) -> None:
        """Also if its threshold was higher before; what was observed before is forgotten."""
        margin = ConfidenceMargin(2)
        margin.observe(torch.tensor([[100.0, 0.0], [0.0, 100.0]]), torch.tensor([0, 1]))
        margin.update(10)
        assert margin.thresholds.min() > 0.96

        margin.observe(torch.tensor([[100.0, 0.0], [100.0, 0.0]]), torch.tensor([0, 1]))
        margin.update(11)

        assert margin.thresholds.tolist() == pytest.approx([0.97 / (1 + math.exp(-11)), 0.8])

    def test_votes_count_as_their_largest(self) -> None:
        """Three votes to one are a label."""
        by_votes, by_labels = ConfidenceMargin(2), ConfidenceMargin(2)
        logits = 10 * functional.one_hot(torch.tensor([0, 1, 1]), 2).float()

        by_votes.observe(logits, torch.tensor([[3.0, 1.0], [1.0, 3.0], [2.0, 1.0]]))
        by_labels.observe(logits, torch.tensor([0, 1, 0]))
        by_votes.update(5)
        by_labels.update(5)

        assert torch.equal(by_votes.thresholds, by_labels.thresholds)
        assert by_votes.thresholds.min() > 0.8

    def test_margin_and_floor_can_be_chosen(self) -> None:
        """With a floor of 0 and a margin of 0.5 a sure model has 0.5 / (1 + exp(-1)) after the first epoch."""
        margin = ConfidenceMargin(1, margin=0.5, floor=0.0)
        margin.observe(torch.tensor([[100.0]]), torch.tensor([0]))

        margin.update(1)

        assert margin.thresholds.tolist() == pytest.approx([0.5 / (1 + math.exp(-1))])
