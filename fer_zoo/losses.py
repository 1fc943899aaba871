"""The training losses as functions of tensors: nothing here knows a model.

Sizes: B batch, N vectors or heads, D length of a vector, K classes. Losses are scalars, computed in at least float32.
Labels are class numbers ``(B,)``, or ``(B, K)`` votes or probabilities where several people judged each picture. A
class number of -100, as torch and transformers have it, says that a picture has no label; so does a row without a vote.

Papers: attention consistency after X. Wang et al., MHAN, Pattern Recognition 170 (2026) 112015; attention diversity
after S. Zhang et al., DDAMFN, Electronics 12 (2023) 3595; region independence after H. Zhao et al., "Multi-attentional
deepfake detection", CVPR 2021 (arXiv 2103.02406), Section 3.4, as HAN-PFF (Tao & Duan, Neural Networks 170 (2024)
337-348) names a loss of that kind; votes as labels after E. Barsoum et al., "Training deep networks for facial
expression recognition with crowd-sourced label distribution", ICMI 2016 (arXiv 1608.01041), Section 4; NT-Xent after T.
Chen et al., "A simple framework for contrastive learning of visual representations", ICML 2020 (arXiv 2002.05709);
distillation after G. Hinton et al., "Distilling the knowledge in a neural network", 2015 (arXiv 1503.02531), Section 2.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional

from fer_zoo.errors import InvalidOptionError
from fer_zoo.ranges import check_positive

NO_LABEL = -100  # what torch's cross entropy and the Trainer pass over
MIN_PICTURES = 2  # of the contrastive loss: one alone has nothing to be confused with


def classification_loss(logits: Tensor, labels: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
    """Return the cross entropy for class numbers as well as for votes.

    Args:
        logits: ``(B, K)``, unnormalised scores.
        labels: ``(B,)`` class numbers, or ``(B, K)`` votes or probabilities. Pictures of -100 and those without a vote
            do not count; without any other the loss is 0.
        label_smoothing: share of the target in [0, 1] that is spread evenly over the classes.

    Raises:
        InvalidOptionError: if the labels have neither shape, or class numbers are no whole numbers.
    """
    if labels.shape == logits.shape:
        return soft_label_cross_entropy(logits, labels, label_smoothing=label_smoothing)
    if labels.shape != logits.shape[:1]:
        raise InvalidOptionError(
            "the shape of labels",
            tuple(labels.shape),
            f"{tuple(logits.shape[:1])} class numbers, or {tuple(logits.shape)} votes or probabilities",
        )
    if labels.is_floating_point():
        raise InvalidOptionError("the type of labels", labels.dtype, "whole numbers, or votes for each class")
    loss = functional.cross_entropy(upcast(logits), labels.long(), label_smoothing=label_smoothing)
    return loss.where(has_target(labels).any(), 0.0)  # the mean of nothing is not a number


def soft_label_cross_entropy(logits: Tensor, votes: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
    """Return the cross entropy to the distribution of the votes (the cross-entropy loss of Barsoum et al.).

    Args:
        logits: ``(B, K)``, unnormalised scores.
        votes: ``(B, K)``, numbers of votes or probabilities, at least 0; each row is divided by its sum. A row without
            a vote does not count.
        label_smoothing: share of the target in [0, 1] that is spread evenly over the classes.
    """
    scores = upcast(logits)
    counts = votes.to(scores.dtype)
    total = counts.sum(dim=1, keepdim=True)
    probabilities = counts / total.where(total > 0, 1.0)
    smoothed = (1 - label_smoothing) * probabilities + label_smoothing / scores.shape[1] * (total > 0)
    losses = -(smoothed * scores.log_softmax(dim=1)).sum(dim=1)
    return losses.sum() / has_target(votes).sum().clamp(min=1)


def shared_classifier_loss(shared_logits: Tensor, labels: Tensor, *, label_smoothing: float = 0.0) -> Tensor:
    """Return the mean over all vectors of the cross entropy of the classifier that they share.

    Args:
        shared_logits: ``(B, N, K)``, unnormalised scores of each vector.
        labels: ``(B,)`` class numbers, or ``(B, K)`` votes or probabilities.
        label_smoothing: share of the target in [0, 1] that is spread evenly over the classes.

    Raises:
        InvalidOptionError: if the labels have neither shape.
    """
    losses = [
        classification_loss(logits, labels, label_smoothing=label_smoothing) for logits in shared_logits.unbind(dim=1)
    ]
    return torch.stack(losses).mean()


def attention_consistency_loss(attention_maps: Sequence[Tensor]) -> Tensor:
    """Return the mean over all pairs of heads of the mean squared error between their maps: pulls heads together.

    Args:
        attention_maps: one map for each head, all of one shape ``(B, ...)``. A single head has no loss.
    """
    errors = pairwise_errors(attention_maps)
    return errors.sum() / max(len(errors), 1)


def attention_diversity_loss(attention_maps: Sequence[Tensor], *, eps: float = 1e-8) -> Tensor:
    """Return the number of pairs of heads over the sum of their mean squared errors: pushes heads apart.

    Args:
        attention_maps: one map for each head, all of one shape ``(B, ...)``. A single head has no loss.
        eps: added to the sum, so that equal maps have a loss.
    """
    errors = pairwise_errors(attention_maps)
    return len(errors) / (errors.sum() + eps)


def move_region_centers(vectors: Tensor, centers: Tensor, rate: float | Tensor, labels: Tensor | None = None) -> Tensor:
    """Return the centres one step nearer to the mean vectors of a batch: ``c + rate * (mean V - c)``.

    The result is not detached: through it the second term of :func:`region_independence_loss` reaches the vectors.

    Args:
        vectors: ``(B, N, D)``; scaled to length 1 here.
        centers: ``(N, D)``, one for each vector, or ``(N, K, D)``, one for each vector and class.
        rate: how far the centres move, in [0, 1]; alpha of the paper.
        labels: needed for centres of classes: ``(B,)`` class numbers, or ``(B, K)`` votes, whose largest counts. The
            centres of classes that are not in the batch stay where they are; pictures without a class move none.

    Returns:
        Centres of the same shape, at least float32.

    Raises:
        InvalidOptionError: if the labels for centres of classes are missing.
    """
    unit = functional.normalize(upcast(vectors), dim=-1)
    old, classes, has_class, counts = arrange_by_class(centers.to(unit.dtype), unit, labels)
    counted = unit.transpose(0, 1) * has_class.unsqueeze(1)
    total = torch.zeros_like(old).index_add(1, classes, counted)  # (N, K, D)
    moved = old + rate * (total / counts.clamp(min=1) - old)
    return moved.where(counts > 0, old).view(centers.shape)


def region_independence_loss(
    vectors: Tensor,
    centers: Tensor,
    *,
    initial_rate: float = 0.05,
    inner_margin: float = 0.1,
    outer_margin: float = 0.2,
    labels: Tensor | None = None,
) -> Tensor:
    """Pull each vector to its centre and push the centres of one picture apart (equation 4 of Zhao et al.).

    ``mean over b, j of max(|V_bj - c_j| - inner, 0) + sum over j < k of max(outer - |c_j - c_k|, 0) / (N * rate)``

    In training, pass what :func:`move_region_centers` returned. The first term takes the centres as constants; the
    second reaches the vectors only through the step that moved the centres, so they must not be detached before. The
    division by the rate undoes its effect on that gradient.

    Args:
        vectors: ``(B, N, D)``; scaled to length 1 here.
        centers: ``(N, D)``, one for each vector, or ``(N, K, D)``, one for each vector and class.
        initial_rate: the rate that the centres moved with at the start of training.
        inner_margin: distance between a vector and its centre that costs nothing.
        outer_margin: distance between two centres from which on they cost nothing.
        labels: needed for centres of classes, as in :func:`move_region_centers`. A vector belongs to the centre of its
            class, and the second term is the mean over the classes in the batch. Pictures without a class have no loss.

    Raises:
        InvalidOptionError: if the labels for centres of classes are missing.
    """
    unit = functional.normalize(upcast(vectors), dim=-1)
    by_class, classes, has_class, counts = arrange_by_class(centers.to(unit.dtype), unit, labels)
    own = by_class.detach()[:, classes].transpose(0, 1)  # (B, N, D), the centre of each vector
    distances = (torch.linalg.vector_norm(unit - own, dim=-1) - inner_margin).relu().mean(dim=1)
    inner = (distances * has_class).sum() / has_class.sum().clamp(min=1)
    costs = unit.new_zeros(by_class.shape[1])  # (K,)
    for first, second in combinations(by_class.unbind(dim=0), 2):
        costs = costs + (outer_margin - torch.linalg.vector_norm(first - second, dim=-1)).relu()
    is_present = counts.squeeze(1) > 0
    outer = costs.where(is_present, 0.0).sum() / is_present.sum().clamp(min=1)
    return cast(Tensor, inner + outer / (by_class.shape[0] * initial_rate))


def nt_xent_loss(first: Tensor, second: Tensor, *, temperature: float = 0.07) -> Tensor:
    """Return how hard it is to find the other view of each picture among all others (Equation 1 of Chen et al.).

    Of the 2 N views each is compared with the 2 N - 1 others by the cosine over the temperature; the loss is the mean
    of the cross entropies to the other view of the same picture. Fewer than two pictures have no loss, as there is
    nothing to confuse them with.

    Args:
        first: ``(N, D)``, vectors of one view of each picture; scaled to length 1 here.
        second: ``(N, D)``, of another view of the same pictures.
        temperature: above 0; small values make near neighbours count more.

    Raises:
        InvalidOptionError: if the temperature is not above 0.
    """
    check_positive(temperature=temperature)
    if len(first) < MIN_PICTURES:
        return upcast(first).sum() * 0 + upcast(second).sum() * 0  # keeps its place in the graph
    unit = functional.normalize(torch.cat([upcast(first), upcast(second)]), dim=1)
    similarities = unit @ unit.T / temperature
    similarities = similarities.masked_fill(torch.eye(len(unit), dtype=torch.bool, device=unit.device), -torch.inf)
    others = torch.arange(len(unit), device=unit.device).roll(len(first))  # view i of N is the other of i + N
    return functional.cross_entropy(similarities, others)


def distillation_loss(logits: Tensor, teacher_logits: Sequence[Tensor], *, temperature: float = 1.0) -> Tensor:
    """Return how far a student is from what its teachers think on average (Hinton et al., Section 2).

    ``T^2 * KL(mean of softmax(teacher / T) || softmax(student / T))``, the mean over the pictures. The square of the
    temperature keeps the size of the gradients alike. Teachers get no gradient.

    Args:
        logits: ``(B, K)``, unnormalised scores of the student.
        teacher_logits: those of each teacher, in the same order of classes; at least one.
        temperature: above 0; large values show how the teachers rank the wrong classes.

    Raises:
        InvalidOptionError: if the temperature is not above 0, or there is no teacher.
    """
    check_positive(temperature=temperature)
    if not teacher_logits:
        raise InvalidOptionError("teacher_logits", teacher_logits, "the scores of at least one teacher")
    softened = [(upcast(scores.detach()) / temperature).softmax(dim=1) for scores in teacher_logits]
    student = (upcast(logits) / temperature).log_softmax(dim=1)
    divergence = functional.kl_div(student, torch.stack(softened).mean(dim=0), reduction="batchmean")
    return temperature**2 * divergence


def pairwise_errors(attention_maps: Sequence[Tensor]) -> Tensor:
    """Return the mean squared error of every pair of maps, ``(N * (N - 1) / 2,)``."""
    maps = [upcast(attention) for attention in attention_maps]
    errors = [functional.mse_loss(first, second) for first, second in combinations(maps, 2)]
    return torch.stack(errors) if errors else maps[0].new_zeros(0)


def arrange_by_class(centers: Tensor, unit: Tensor, labels: Tensor | None) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Treat both kinds of centres alike: those of vectors are those of a single class that every picture has.

    Args:
        centers: ``(N, D)`` or ``(N, K, D)``.
        unit: ``(B, N, D)``, the vectors.
        labels: ``(B,)`` class numbers or ``(B, K)`` votes; needed for the second kind, ignored for the first.

    Returns:
        The centres ``(N, K, D)``, the class of each picture ``(B,)``, 1 where it has one and 0 where it has none
        ``(B,)``, which are pictures of -100 or without a vote, and the pictures in each class ``(K, 1)``.

    Raises:
        InvalidOptionError: if the labels are needed and missing.
    """
    has_class = unit.new_ones(unit.shape[0])
    if centers.ndim < unit.ndim:
        centers = centers.unsqueeze(1)
        classes = torch.zeros(unit.shape[0], dtype=torch.long, device=unit.device)
    elif labels is None:
        raise InvalidOptionError("labels", labels, "class numbers or votes, as there is a centre for each class")
    elif labels.ndim == 1:
        has_class = has_target(labels).to(unit.dtype)
        classes = labels.long().where(has_target(labels), 0)
    else:
        has_class = has_target(labels).to(unit.dtype)
        classes = labels.argmax(dim=1)
    counts = unit.new_zeros(centers.shape[1]).index_add(0, classes, has_class)
    return centers, classes, has_class, counts.unsqueeze(1)


def has_target(labels: Tensor) -> Tensor:
    """Return which pictures have a label, ``(B,)`` bool.

    Args:
        labels: ``(B,)`` class numbers, of which -100 is none, or ``(B, K)`` votes, of which one must be above 0.
    """
    return (labels > 0).any(dim=1) if labels.ndim > 1 else labels.long() != NO_LABEL


def upcast(x: Tensor) -> Tensor:
    """Return ``x`` in at least float32."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


__all__ = [
    "attention_consistency_loss",
    "attention_diversity_loss",
    "classification_loss",
    "distillation_loss",
    "move_region_centers",
    "nt_xent_loss",
    "region_independence_loss",
    "shared_classifier_loss",
    "soft_label_cross_entropy",
]
