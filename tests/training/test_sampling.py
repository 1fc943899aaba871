"""The order of the pictures."""

from __future__ import annotations

import torch

from fer_zoo.training.sampling import EpochSampler, inverse_frequency_weights


def test_an_epoch_has_every_picture_once_in_an_order_of_its_own() -> None:
    """Two epochs have the same pictures in different orders, and each epoch always has its own."""
    sampler = EpochSampler(50, seed=3)
    first = list(sampler)

    sampler.set_epoch(1)
    second = list(sampler)
    sampler.set_epoch(0)

    assert sorted(first) == sorted(second) == list(range(50))
    assert first != second
    assert list(sampler) == first


def test_another_seed_gives_another_order() -> None:
    """The order depends on the seed of the run."""
    assert list(EpochSampler(50, seed=3)) != list(EpochSampler(50, seed=4))


def test_weights_are_one_over_the_size_of_the_class() -> None:
    """Three pictures of one class and one of another: the classes weigh the same."""
    weights = inverse_frequency_weights(torch.tensor([0, 2, 0, 0]))

    torch.testing.assert_close(weights, torch.tensor([1 / 3, 1.0, 1 / 3, 1 / 3], dtype=torch.float64))


def test_square_root_sampling_goes_half_way() -> None:
    """Four pictures of one class and one of another: their draws are as two to one."""
    weights = inverse_frequency_weights(torch.tensor([0, 0, 1, 0, 0]), power=0.5)

    assert weights[:2].sum() + weights[3:].sum() == 2 * weights[2]


def test_weighted_draws_even_out_the_classes() -> None:
    """Of 90 % and 10 % each class makes up half of the draws, within five standard deviations."""
    classes = torch.tensor([0] * 9000 + [1] * 1000)

    drawn = list(EpochSampler(10_000, seed=0, weights=inverse_frequency_weights(classes)))

    share = classes[drawn].float().mean()
    assert len(drawn) == 10_000
    assert abs(float(share) - 0.5) < 0.025


def test_an_epoch_may_draw_more_pictures_than_there_are() -> None:
    """Seven draws of three pictures are two whole orders, which differ, and a part of a third."""
    drawn = list(EpochSampler(3, 5, num_draws=7))

    assert [sorted(drawn[:3]), sorted(drawn[3:6])] == [[0, 1, 2], [0, 1, 2]]
    assert (len(drawn), len(EpochSampler(3, 5, num_draws=7))) == (7, 7)
    assert drawn[:3] == list(EpochSampler(3, 5))


def test_a_longer_epoch_is_balanced_too() -> None:
    """Sixty draws of three pictures by weight; the picture without weight never comes."""
    drawn = list(EpochSampler(3, 5, torch.tensor([1.0, 0.0, 1.0]), num_draws=60))

    assert len(drawn) == 60
    assert set(drawn) == {0, 2}
