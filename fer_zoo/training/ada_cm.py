"""The adaptive confidence margin: which guesses about unlabelled pictures are taken as labels.

Paper: H. Li, N. Wang, X. Yang, X. Wang, X. Gao, "Towards semi-supervised deep facial expression recognition with an
adaptive confidence margin", CVPR 2022 (arXiv 2203.12341). As in the authors' published code, epochs count from 1, and
the threshold of a class of which nothing is recognised falls back to the lowest. What differs: the labelled pictures
are looked at as they are, where the authors augment them.

Sizes: B pictures, K classes.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from fer_zoo.losses import upcast


def guess_labels(first_logits: Tensor, second_logits: Tensor) -> tuple[Tensor, Tensor]:
    """Return what a model takes unlabelled pictures for, from two views of each, without a gradient.

    Args:
        first_logits: ``(B, K)``, unnormalised scores of one view.
        second_logits: ``(B, K)``, of the other.

    Returns:
        the pseudo-labels ``(B,)``, and their probabilities ``(B,)``: the highest of the mean of both views.
    """
    probabilities = upcast(torch.stack([first_logits, second_logits]).detach()).softmax(dim=2).mean(dim=0)
    confidence, labels = probabilities.max(dim=1)
    return labels, confidence


def masked_cross_entropy(logits: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
    """Return the cross entropy of the chosen pictures, over the number of all of them.

    Each picture is masked before the mean is taken: those that are not chosen give no gradient at all.

    Args:
        logits: ``(B, K)``, unnormalised scores.
        labels: ``(B,)`` class numbers.
        mask: ``(B,)`` bool, which pictures count.
    """
    losses = functional.cross_entropy(upcast(logits), labels, reduction="none")
    return torch.where(mask, losses, 0.0).mean()


class ConfidenceMargin:
    """A threshold for each class, which rises as the model grows sure of the labelled pictures.

    Args:
        num_classes: K.
        margin: share of the mean confidence that the threshold goes up to in the end, in (0, 1].
        floor: lowest threshold, and that of the start, in [0, 1].
        device: where the thresholds are kept.
    """

    def __init__(
        self, num_classes: int, *, margin: float = 0.97, floor: float = 0.8, device: torch.device | str = "cpu"
    ) -> None:
        self.margin = margin
        self.floor = floor
        self.thresholds = torch.full((num_classes,), floor, device=device)
        self._forget()

    def select(self, labels: Tensor, confidence: Tensor) -> Tensor:
        """Return which pseudo-labels are taken, ``(B,)`` bool: those at least as probable as their class asks for."""
        return confidence >= self.thresholds[labels]

    def observe(self, logits: Tensor, labels: Tensor) -> None:
        """Take in how sure the model is of labelled pictures.

        Args:
            logits: ``(B, K)``, unnormalised scores.
            labels: ``(B,)`` class numbers, or ``(B, K)`` votes, whose largest counts.
        """
        classes = labels.argmax(dim=1) if labels.ndim > 1 else labels
        confidence, predicted = logits.to(self.sums.dtype).softmax(dim=1).max(dim=1)
        is_correct = (predicted == classes).to(self.sums.dtype)
        self.sums.index_add_(0, classes, confidence * is_correct)
        self.counts.index_add_(0, classes, is_correct)

    def update(self, num_epochs: int) -> None:
        """Set the thresholds from all that was observed since the last time, and forget it.

        ``T_c = max(floor, margin * mu_c / (1 + exp(-e)))``, mu_c being the mean top probability of the pictures of
        class c that were classified correctly. A class without any has the floor.

        Args:
            num_epochs: e, how many epochs are over, at least 1.
        """
        mean = self.sums / self.counts.clamp(min=1)
        self.thresholds = (self.margin * mean / (1 + math.exp(-num_epochs))).clamp(min=self.floor)
        self._forget()

    def _forget(self) -> None:
        """Start observing anew."""
        self.sums = torch.zeros_like(self.thresholds)
        self.counts = torch.zeros_like(self.thresholds)


__all__ = ["ConfidenceMargin", "guess_labels", "masked_cross_entropy"]
