"""The order in which training meets its pictures: shuffled, or drawn so that rare classes come up more often.

Both are seeded by the run and the epoch alone, so that a run that was interrupted meets the same pictures, and that all
processes of a run draw the same.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import Sampler

#: How strongly each way to draw makes up for rare classes: the power of :func:`inverse_frequency_weights`.
SAMPLING_POWERS = {"shuffle": 0.0, "inverse_frequency": 1.0, "inverse_square_root": 0.5}


class EpochSampler(Sampler[int]):
    """Draw the indices of an epoch: each once, or with replacement by weight.

    Args:
        num_samples: number of pictures.
        seed: of the run.
        weights: ``(N,)``, at least 0, the probability of each picture up to a factor; without them each comes once.
        num_draws: how many pictures an epoch draws, by default as many as there are. Where it draws more without
            weights, none comes again before all have come.
    """

    def __init__(
        self, num_samples: int, seed: int, weights: Tensor | None = None, *, num_draws: int | None = None
    ) -> None:
        self.num_samples = num_samples
        self.seed = seed
        self.weights = weights
        self.num_draws = num_samples if num_draws is None else num_draws
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order comes next."""
        self.epoch = epoch

    def __len__(self) -> int:
        """Return the number of draws in an epoch."""
        return self.num_draws

    def __iter__(self) -> Iterator[int]:
        """Yield the indices of the epoch; the same epoch always yields the same."""
        generator = torch.Generator().manual_seed(hash((self.seed, self.epoch)) % 2**63)
        if self.weights is not None:
            yield from torch.multinomial(self.weights, self.num_draws, replacement=True, generator=generator).tolist()
            return
        for start in range(0, self.num_draws, self.num_samples):
            order = torch.randperm(self.num_samples, generator=generator)
            yield from order[: self.num_draws - start].tolist()


def inverse_frequency_weights(classes: Tensor, power: float = 1.0) -> Tensor:
    """Return weights of pictures that fall with the number of pictures of their class.

    Args:
        classes: ``(N,)`` class numbers.
        power: of one over that number: with 1 all classes come up alike, with 0.5 each as often as the square root of
            its pictures (Mahajan et al., ECCV 2018, call it square-root sampling).

    Returns:
        ``(N,)`` float64.
    """
    return torch.bincount(classes)[classes].to(torch.float64) ** -power


__all__ = ["SAMPLING_POWERS", "EpochSampler", "inverse_frequency_weights"]
