"""The moving average of the weights, which is what is evaluated and kept.

Exponential moving averages of weights: B. T. Polyak and A. B. Juditsky, SIAM Journal on Control and Optimization 30
(1992); A. Tarvainen and H. Valpola, NeurIPS 2017 (arXiv 1703.01780), where the average is the teacher.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

Tensors = tuple[Tensor, ...] | list[Tensor]

AVERAGE_FILE = "averaged_model.safetensors"


class WeightAverage:
    """The exponential moving average of a model's parameters and buffers.

    Early on the average follows the weights more quickly, with a decay of ``(1 + n) / (10 + n)`` after n updates, so
    that it soon forgets the weights of the start.

    Args:
        model: the model, which is copied.
        decay: how much of the average stays at each update, in [0, 1).
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.num_updates = 0
        self.averaged = AveragedModel(model, multi_avg_fn=self._move, use_buffers=True)
        self.averaged.n_averaged.fill_(1)  # the copy is the first model; torch would overwrite it by the second

    @torch.no_grad()
    def _move(self, averages: Tensors, currents: Tensors, _: Tensor | int) -> None:
        """Move the averages towards the model; numbers that are counted, and not measured, are taken over."""
        decay = min(self.decay, (1 + self.num_updates) / (10 + self.num_updates))
        if averages[0].is_floating_point():
            torch._foreach_lerp_(averages, currents, 1 - decay)
        else:
            torch._foreach_copy_(averages, currents)

    def update(self, model: nn.Module) -> None:
        """Take in the weights after a step of the optimiser."""
        self.averaged.update_parameters(model)
        self.num_updates += 1

    @contextmanager
    def applied_to(self, model: nn.Module) -> Iterator[None]:
        """Give a model the averaged weights while the block runs."""
        own = {name: value.detach().clone() for name, value in model.state_dict().items()}
        model.load_state_dict(self.averaged.module.state_dict())
        try:
            yield
        finally:
            model.load_state_dict(own)

    def copy_to(self, model: nn.Module) -> None:
        """Give a model the averaged weights for good."""
        model.load_state_dict(self.averaged.module.state_dict())

    def save(self, folder: Path) -> None:
        """Write the average beside a checkpoint."""
        state = {name: value.detach().cpu().contiguous() for name, value in self.averaged.module.state_dict().items()}
        save_file(state, folder / AVERAGE_FILE, metadata={"format": "pt", "num_updates": str(self.num_updates)})

    def load(self, folder: Path) -> None:
        """Read the average that was written beside a checkpoint."""
        with safe_open(folder / AVERAGE_FILE, "pt") as file:
            self.num_updates = int(file.metadata()["num_updates"])
            self.averaged.module.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118


__all__ = ["AVERAGE_FILE", "WeightAverage"]
