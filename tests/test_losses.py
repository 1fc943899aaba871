"""The losses, with values worked out by hand and against loops written here."""

from itertools import combinations

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from fer_zoo.errors import InvalidOptionError
from fer_zoo.losses import (
    attention_consistency_loss,
    attention_diversity_loss,
    classification_loss,
    distillation_loss,
    move_region_centers,
    nt_xent_loss,
    region_independence_loss,
    shared_classifier_loss,
    soft_label_cross_entropy,
)


@pytest.fixture(autouse=True)
def fixed_seed() -> None:
    """Give every test the same random numbers."""
    torch.manual_seed(0)


def slow_region_independence(unit: Tensor, centers: Tensor, rate: float, inner: float, outer: float) -> float:
    """Compute the loss for centres of vectors distance by distance; the vectors have length 1."""
    pull, push = 0.0, 0.0
    for vectors in unit.numpy():
        for vector, point in zip(vectors, centers.numpy(), strict=True):
            pull += max(float(np.linalg.norm(vector - point)) - inner, 0)
    for first, second in combinations(centers.numpy(), 2):
        push += max(outer - float(np.linalg.norm(first - second)), 0)
    batch, number = unit.shape[:2]
    return pull / (batch * number) + push / (number * rate)


class TestClassificationLosses:
    """Cross entropy for class numbers and for votes."""

    @pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
    def test_class_numbers_have_the_cross_entropy_of_torch(self, label_smoothing: float) -> None:
        """Nothing is added to torch's function."""
        logits, labels = torch.randn(5, 7), torch.tensor([0, 6, 3, 3, 1])

        expected = functional.cross_entropy(logits, labels, label_smoothing=label_smoothing)

        assert torch.equal(classification_loss(logits, labels, label_smoothing=label_smoothing), expected)

    def test_votes_worked_out_by_hand(self) -> None:
        """Three votes to one cost log 2 at equal scores, and their entropy at the scores log 3 and 0."""
        votes = torch.tensor([[3, 1]])
        entropy = -(0.75 * np.log(0.75) + 0.25 * np.log(0.25))

        assert soft_label_cross_entropy(torch.zeros(1, 2), votes).item() == pytest.approx(np.log(2))
        logits = torch.tensor([[np.log(3), 0.0]])
        assert soft_label_cross_entropy(logits, votes).item() == pytest.approx(entropy)

    @pytest.mark.parametrize("label_smoothing", [0.0, 0.1])
    def test_unanimous_votes_are_class_numbers(self, label_smoothing: float) -> None:
        """Ten votes for one class give the loss of that class."""
        logits, labels = torch.randn(5, 7), torch.tensor([0, 6, 3, 3, 1])
        votes = 10 * functional.one_hot(labels, 7)

        by_votes, by_numbers = (
            classification_loss(logits, given, label_smoothing=label_smoothing) for given in (votes, labels)
        )

        torch.testing.assert_close(by_votes, by_numbers)

    def test_probabilities_have_the_cross_entropy_of_torch(self) -> None:
        """A distribution stays as it is."""
        logits, probabilities = torch.randn(5, 7), torch.rand(5, 7).softmax(dim=1)

        expected = functional.cross_entropy(logits, probabilities, label_smoothing=0.2)

        torch.testing.assert_close(soft_label_cross_entropy(logits, probabilities, label_smoothing=0.2), expected)

    def test_a_picture_without_a_vote_does_not_count(self) -> None:
        """The loss is that of the others, with and without smoothing."""
        logits = torch.randn(2, 3)
        votes = torch.tensor([[2.0, 1, 0], [0, 0, 0]])
        for label_smoothing in (0.0, 0.1):
            alone, both = (
                soft_label_cross_entropy(logits[:n], votes[:n], label_smoothing=label_smoothing) for n in (1, 2)
            )

            torch.testing.assert_close(both, alone)

    @pytest.mark.parametrize("shape", [(4,), (5, 6), (5, 1)])
    def test_refuses_labels_of_another_shape(self, shape: tuple[int, ...]) -> None:
        """The message says what was given and what is possible."""
        with pytest.raises(
            InvalidOptionError, match=r"the shape of labels: expected \(5,\) class numbers, or \(5, 7\)"
        ):
            classification_loss(torch.randn(5, 7), torch.zeros(shape, dtype=torch.long))

    @pytest.mark.parametrize("dtype", [torch.uint8, torch.int16, torch.int32])
    def test_class_numbers_of_any_whole_type(self, dtype: torch.dtype) -> None:
        """They need not be int64; numbers that are not whole are refused."""
        logits, labels = torch.randn(3, 8), torch.tensor([0, 7, 3])

        assert torch.equal(classification_loss(logits, labels.to(dtype)), classification_loss(logits, labels))
        with pytest.raises(InvalidOptionError, match=r"torch\.float32 for the type of labels: expected whole numbers"):
            classification_loss(logits, labels.float())

    def test_the_shared_classifier_costs_the_mean_over_the_vectors(self) -> None:
        """Each vector has a cross entropy of its own, for class numbers and for votes."""
        logits, votes = torch.randn(5, 4, 7), torch.randint(1, 5, (5, 7))
        for labels in (votes.argmax(dim=1), votes):
            expected = sum(classification_loss(logits[:, i], labels, label_smoothing=0.1) for i in range(4)) / 4

            torch.testing.assert_close(shared_classifier_loss(logits, labels, label_smoothing=0.1), expected)

    def test_half_precision_scores_give_a_float32_loss(self) -> None:
        """The arithmetic is at least float32."""
        logits = torch.randn(5, 7, dtype=torch.float16)

        assert classification_loss(logits, torch.zeros(5, dtype=torch.long)).dtype == torch.float32
        assert soft_label_cross_entropy(logits.double(), torch.ones(5, 7)).dtype == torch.float64

    def test_pictures_of_minus_100_do_not_count(self) -> None:
        """As torch and transformers mark a picture without a label."""
        logits = torch.randn(4, 7)

        loss = classification_loss(logits, torch.tensor([3, -100, 0, -100]))

        torch.testing.assert_close(loss, classification_loss(logits[[0, 2]], torch.tensor([3, 0])))

    @pytest.mark.parametrize("labels", [torch.tensor([-100, -100]), torch.zeros(2, 3)])
    def test_a_batch_without_a_label_costs_nothing(self, labels: Tensor) -> None:
        """Its loss and its gradient are 0, and not the mean of nothing."""
        logits = torch.randn(2, 3, requires_grad=True)

        loss = classification_loss(logits, labels, label_smoothing=0.1)

        loss.backward()
        assert loss.item() == 0
        assert logits.grad is not None
        assert not logits.grad.any()


class TestAttentionLosses:
    """Consistency and diversity of the heads."""

    def test_consistency_is_the_mean_over_the_pairs(self) -> None:
        """Constant maps of 0, 1 and 3 have errors of 1, 9 and 4."""
        maps = [torch.full((2, 3, 4, 4), value) for value in (0.0, 1.0, 3.0)]

        assert attention_consistency_loss(maps).item() == pytest.approx((1 + 9 + 4) / 3)

    def test_diversity_is_the_number_of_pairs_over_the_sum(self) -> None:
        """The same maps: three pairs and a sum of 14."""
        maps = [torch.full((2, 3, 4, 4), value) for value in (0.0, 1.0, 3.0)]

        assert attention_diversity_loss(maps).item() == pytest.approx(3 / 14)

    def test_equal_heads_are_consistent_and_not_diverse(self) -> None:
        """Consistency is 0, and diversity the inverse of eps."""
        maps = [torch.ones(2, 3, 4, 4)] * 2

        assert attention_consistency_loss(maps) == 0
        assert attention_diversity_loss(maps, eps=1e-3).item() == pytest.approx(1000)

    def test_a_single_head_has_no_loss(self) -> None:
        """Without a pair both are 0."""
        maps = [torch.rand(2, 3, 4, 4)]

        assert attention_consistency_loss(maps) == attention_diversity_loss(maps) == 0

    def test_one_pulls_and_the_other_pushes(self) -> None:
        """A step against the gradient brings two heads together, or apart."""
        for loss, sign in ((attention_consistency_loss, -1), (attention_diversity_loss, 1)):
            first, second = torch.tensor([[0.2]], requires_grad=True), torch.tensor([[0.6]])

            loss([first, second]).backward()

            assert first.grad is not None
            before, after = ((second - x).abs().item() for x in (first, first - 0.01 * first.grad.sign()))
            assert np.sign(after - before) == sign


class TestMovingCenters:
    """One step of the centres."""

    def test_centers_go_a_part_of_the_way_to_the_mean(self) -> None:
        """From 0, with a rate of 0.05, to a twentieth of the mean of the vectors scaled to length 1."""
        vectors = torch.tensor([[[3.0, 4.0]], [[0.0, 2.0]]])  # (2, 1, 2), scaled: (0.6, 0.8) and (0, 1)

        moved = move_region_centers(vectors, torch.zeros(1, 2), 0.05)

        torch.testing.assert_close(moved, torch.tensor([[0.05 * 0.3, 0.05 * 0.9]]))

    def test_a_center_at_the_mean_stays(self) -> None:
        """There is nowhere to go."""
        vectors = functional.normalize(torch.randn(5, 4, 8), dim=2)

        torch.testing.assert_close(move_region_centers(vectors, vectors.mean(dim=0), 0.5), vectors.mean(dim=0))

    @pytest.mark.parametrize("as_votes", [False, True])
    def test_centers_of_classes_follow_their_own_pictures(self, as_votes: bool) -> None:
        """Each class moves to the mean of its pictures, and an absent class stays."""
        vectors = functional.normalize(torch.randn(5, 4, 8), dim=2)
        centers = torch.randn(4, 3, 8)
        labels = torch.tensor([0, 2, 0, 2, 2])

        moved = move_region_centers(vectors, centers, 0.25, 10 * functional.one_hot(labels, 3) if as_votes else labels)

        torch.testing.assert_close(moved[:, 1], centers[:, 1])
        for label in (0, 2):
            mean = vectors[labels == label].mean(dim=0)
            torch.testing.assert_close(moved[:, label], 0.75 * centers[:, label] + 0.25 * mean)

    @pytest.mark.parametrize("as_votes", [False, True])
    def test_pictures_without_a_class_move_no_center(self, as_votes: bool) -> None:
        """Class number -100, or a row without a vote: as if the picture were not there."""
        vectors, centers = torch.randn(5, 4, 8), torch.randn(4, 3, 8)
        labels, has_class = torch.tensor([0, -100, 2, -100, 0]), torch.tensor([0, 2, 4])
        votes = functional.one_hot(labels.clamp(min=0), 3) * (labels >= 0).unsqueeze(1)

        moved = move_region_centers(vectors, centers, 0.25, votes if as_votes else labels)

        torch.testing.assert_close(
            moved, move_region_centers(vectors[has_class], centers, 0.25, labels[has_class]), rtol=0, atol=1e-6
        )

    def test_centers_of_classes_need_labels(self) -> None:
        """The message says why."""
        with pytest.raises(InvalidOptionError, match="labels: expected class numbers or votes, as there is a centre"):
            move_region_centers(torch.randn(5, 4, 8), torch.zeros(4, 3, 8), 0.05)


class TestRegionIndependence:
    """The loss of vectors and centres."""

    def test_vectors_on_centers_that_are_apart_cost_nothing(self) -> None:
        """The four unit directions are sqrt(2) apart, more than the outer margin."""
        centers = torch.eye(4)

        assert region_independence_loss(centers.expand(3, 4, 4), centers) == 0

    def test_distances_within_the_inner_margin_cost_nothing(self) -> None:
        """A vector may be 0.1 away from its centre."""
        unit = functional.normalize(torch.randn(1, 2, 8), dim=2)
        direction = functional.normalize(torch.randn(2, 8), dim=1)

        assert region_independence_loss(unit, unit[0] + 0.099 * direction) == 0
        assert region_independence_loss(unit, unit[0] + 0.3 * direction).item() == pytest.approx(0.2, abs=1e-6)

    def test_equal_centers_cost_the_outer_margin_for_each_pair(self) -> None:
        """Six pairs at distance 0 cost 6 * 0.2 / (4 * 0.05) = 6."""
        vectors = torch.eye(4)[:1].expand(3, 4, 4)

        assert region_independence_loss(vectors, vectors[0]).item() == pytest.approx(6.0)

    def test_equals_a_loop_over_distances(self) -> None:
        """The loss in double precision, with options of its own."""
        unit = functional.normalize(torch.randn(5, 4, 8, dtype=torch.float64), dim=2)
        centers = 0.1 * torch.randn(4, 8, dtype=torch.float64)

        loss = region_independence_loss(7 * unit, centers, initial_rate=0.2, inner_margin=0.9, outer_margin=0.5)

        assert loss.item() == pytest.approx(slow_region_independence(unit, centers, 0.2, 0.9, 0.5), abs=1e-12)

    def test_the_second_term_reaches_the_vectors_through_the_moved_centers(self) -> None:
        """With an inner margin that switches the first term off, the vectors have a gradient all the same."""
        vectors = torch.randn(5, 4, 8, requires_grad=True)
        centers = move_region_centers(vectors, torch.zeros(4, 8), 0.05)

        region_independence_loss(vectors, centers, inner_margin=10).backward()

        assert vectors.grad is not None
        assert (vectors.grad.abs().sum(dim=2) > 0).all()

    def test_detached_centers_would_leave_the_second_term_without_a_gradient(self) -> None:
        """This is why the moved centres are not detached."""
        vectors = torch.randn(5, 4, 8, requires_grad=True)
        centers = move_region_centers(vectors, torch.zeros(4, 8), 0.05).detach()

        region_independence_loss(vectors, centers, inner_margin=10).backward()

        assert vectors.grad is not None
        assert vectors.grad.abs().max() == 0

    def test_the_first_term_takes_the_centers_as_constants(self) -> None:
        """With an outer margin of 0 only the first term is left, and the centres have no gradient."""
        centers = torch.randn(4, 8, requires_grad=True)

        loss = region_independence_loss(torch.randn(5, 4, 8, requires_grad=True), centers, outer_margin=0)
        loss.backward()

        assert loss > 0
        assert centers.grad is not None
        assert centers.grad.abs().max() == 0

    def test_centers_of_a_single_class_are_centers_of_vectors(self) -> None:
        """If all pictures have one class, the other classes do not count."""
        vectors, centers = torch.randn(5, 4, 8), 0.05 * torch.randn(4, 3, 8)
        labels = torch.full((5,), 2)

        by_class = region_independence_loss(vectors, centers, labels=labels)

        torch.testing.assert_close(by_class, region_independence_loss(vectors, centers[:, 2]))

    @pytest.mark.parametrize("has_class", [[0, 3], []])
    def test_pictures_without_a_class_cost_nothing(self, has_class: list[int]) -> None:
        """As if they were not there; a batch of them alone costs nothing."""
        vectors, centers = torch.randn(5, 4, 8), 0.05 * torch.randn(4, 3, 8)
        labels = torch.full((5,), -100)
        labels[has_class] = torch.arange(len(has_class))

        loss = region_independence_loss(vectors, centers, labels=labels)

        rest = region_independence_loss(vectors[has_class], centers, labels=labels[has_class])
        torch.testing.assert_close(loss, rest if has_class else torch.tensor(0.0))

    def test_the_second_term_is_the_mean_over_the_classes_in_the_batch(self) -> None:
        """With as many pictures in each, the loss is the mean of the losses of the classes alone."""
        vectors, centers = torch.randn(4, 4, 8), 0.05 * torch.randn(4, 3, 8)
        labels = torch.tensor([0, 0, 2, 2])

        loss = region_independence_loss(vectors, centers, labels=labels)

        alone = [region_independence_loss(vectors[labels == label], centers[:, label]) for label in (0, 2)]
        torch.testing.assert_close(loss, sum(alone) / 2)

    def test_silent_vectors_have_finite_gradients(self) -> None:
        """Vectors of zeros, as a ReLU can give them, on centres of zeros."""
        vectors = torch.zeros(2, 4, 8, requires_grad=True)
        centers = move_region_centers(vectors, torch.zeros(4, 8), 0.05)

        region_independence_loss(vectors, centers).backward()

        assert vectors.grad is not None
        assert vectors.grad.isfinite().all()


def slow_nt_xent(first: Tensor, second: Tensor, temperature: float) -> float:
    """Compute Equation 1 of Chen et al. view by view."""
    views = [vector / np.linalg.norm(vector) for vector in [*first.numpy(), *second.numpy()]]
    number, losses = len(first), []
    for i, view in enumerate(views):
        likeness = [np.exp(view @ other / temperature) for other in views]
        losses.append(-np.log(likeness[(i + number) % (2 * number)] / (sum(likeness) - likeness[i])))
    return float(np.mean(losses))


class TestContrastiveLoss:
    """NT-Xent."""

    def test_worked_out_by_hand(self) -> None:
        """Two pictures whose views agree, at right angles: each view has one positive and two others, of cosine 0."""
        views = torch.tensor([[3.0, 0.0], [0.0, 0.5]])

        loss = nt_xent_loss(views, views, temperature=0.5)

        assert loss.item() == pytest.approx(np.log(1 + 2 * np.exp(-2)))

    @pytest.mark.parametrize("temperature", [0.07, 1.0])
    def test_equals_a_loop_over_views(self, temperature: float) -> None:
        """In double precision, five pictures."""
        first, second = torch.randn(5, 8, dtype=torch.float64), torch.randn(5, 8, dtype=torch.float64)

        loss = nt_xent_loss(first, second, temperature=temperature)

        assert loss.item() == pytest.approx(slow_nt_xent(first, second, temperature), abs=1e-12)

    @pytest.mark.parametrize("number", [0, 1])
    def test_fewer_than_two_pictures_cost_nothing(self, number: int) -> None:
        """The loss and its gradient are zero, not missing and not NaN."""
        first, second = torch.randn(2, number, 8, requires_grad=True).unbind()

        loss = nt_xent_loss(first, second)

        gradients = torch.autograd.grad(loss, [first, second])
        assert loss.item() == 0
        assert all(torch.equal(gradient, torch.zeros(number, 8)) for gradient in gradients)

    def test_half_precision_vectors_give_a_float32_loss(self) -> None:
        """A similarity over a temperature of 0.07 would be coarse in half precision."""
        assert nt_xent_loss(torch.randn(3, 8).half(), torch.randn(3, 8).half()).dtype == torch.float32

    def test_refuses_a_temperature_of_zero(self) -> None:
        """It cannot divide."""
        with pytest.raises(InvalidOptionError, match=r"Invalid value 0 for temperature: expected a number above 0"):
            nt_xent_loss(torch.randn(2, 8), torch.randn(2, 8), temperature=0)


class TestDistillationLoss:
    """The divergence from the teachers."""

    def test_worked_out_by_hand(self) -> None:
        """The teachers say 3:1 and 1:3, together 1:1; a student with 3:1 is away by half of log 4/3."""
        log3 = float(np.log(3))
        teachers = [torch.tensor([[log3, 0.0]]), torch.tensor([[0.0, log3]])]

        loss = distillation_loss(torch.tensor([[log3, 0.0]]), teachers)

        # sum of 1/2 * log((1/2) / q) with q = 3/4 and 1/4
        assert loss.item() == pytest.approx(0.5 * np.log(0.5 / 0.75) + 0.5 * np.log(0.5 / 0.25))

    def test_a_temperature_softens_both_and_scales_by_its_square(self) -> None:
        """At temperature 2, doubled scores give four times the loss of the scores at temperature 1."""
        student, teacher = torch.randn(5, 7), torch.randn(5, 7)

        soft = distillation_loss(2 * student, [2 * teacher], temperature=2)

        torch.testing.assert_close(soft, 4 * distillation_loss(student, [teacher]))

    def test_equals_a_loop_over_pictures_teachers_and_classes(self) -> None:
        """Three teachers at temperature 3, in double precision."""
        student = torch.randn(4, 5, dtype=torch.float64)
        teachers = [torch.randn(4, 5, dtype=torch.float64) for _ in range(3)]
        expected = 0.0
        for picture in range(4):
            q = np.exp(student[picture].numpy() / 3)
            exponentials = [np.exp(teacher[picture].numpy() / 3) for teacher in teachers]
            p = sum(values / values.sum() for values in exponentials) / 3
            expected += 9 * float((p * np.log(p / (q / q.sum()))).sum()) / 4

        assert distillation_loss(student, teachers, temperature=3).item() == pytest.approx(expected, abs=1e-12)

    def test_the_gradient_reaches_the_student_alone(self) -> None:
        """Its gradient is T * (q - p) / B; the teacher has none."""
        student, teacher = torch.randn(2, 2, 7, requires_grad=True).unbind()

        loss = distillation_loss(student, [teacher], temperature=4)

        gradient, none = torch.autograd.grad(loss, [student, teacher], allow_unused=True)
        torch.testing.assert_close(gradient, 4 * ((student / 4).softmax(1) - (teacher / 4).softmax(1)) / 2)
        assert none is None

    def test_refuses_no_teacher_and_a_temperature_of_zero(self) -> None:
        """Each with its own message."""
        with pytest.raises(InvalidOptionError, match="teacher_logits: expected the scores of at least one teacher"):
            distillation_loss(torch.randn(2, 7), [])
        with pytest.raises(InvalidOptionError, match="temperature: expected a number above 0"):
            distillation_loss(torch.randn(2, 7), [torch.randn(2, 7)], temperature=0)
