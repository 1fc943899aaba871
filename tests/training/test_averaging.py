"""The moving average of the weights."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from fer_zoo.training.averaging import WeightAverage


def model(weight: float, mean: float) -> nn.BatchNorm1d:
    """Return a norm with one parameter and one running mean of these values."""
    norm = nn.BatchNorm1d(1)
    nn.init.constant_(norm.weight, weight)
    assert norm.running_mean is not None
    norm.running_mean.fill_(mean)
    return norm


def test_the_average_moves_as_worked_out_by_hand() -> None:
    """The decays are 1/10 and 2/11 at first, below 0.5: 0 goes to 0.9, then to 0.9 * 2/11 + 2 * 9/11 = 1.8."""
    average = WeightAverage(model(0.0, 0.0), 0.5)

    average.update(model(1.0, 10.0))
    first = float(average.averaged.module.state_dict()["weight"])
    average.update(model(2.0, 20.0))

    assert first == pytest.approx(0.9)
    assert float(average.averaged.module.state_dict()["weight"]) == pytest.approx(1.8)
    assert float(average.averaged.module.state_dict()["running_mean"]) == pytest.approx(18.0)


def test_the_decay_stops_growing_at_its_limit() -> None:
    """After many updates the average takes in one minus the decay of the difference."""
    average = WeightAverage(model(0.0, 0.0), 0.5)
    average.num_updates = 1000

    average.update(model(1.0, 1.0))

    assert float(average.averaged.module.state_dict()["weight"]) == pytest.approx(0.5)


def test_counted_numbers_are_taken_over() -> None:
    """The number of batches that a norm has seen is no measurement to be averaged."""
    average = WeightAverage(model(0.0, 0.0), 0.5)
    trained = model(1.0, 1.0)
    assert trained.num_batches_tracked is not None
    trained.num_batches_tracked.fill_(7)

    average.update(trained)

    assert int(average.averaged.module.state_dict()["num_batches_tracked"]) == 7


def test_a_model_has_the_average_only_inside_the_block() -> None:
    """Afterwards it has its own weights again."""
    average = WeightAverage(model(5.0, 6.0), 0.5)
    trained = model(1.0, 2.0)

    with average.applied_to(trained):
        inside = (trained.weight.item(), float(torch.as_tensor(trained.running_mean)))

    assert inside == (5.0, 6.0)
    assert trained.weight.item() == 1.0


def test_an_average_survives_its_file(tmp_path: Path) -> None:
    """Values and the number of updates come back from a checkpoint."""
    average = WeightAverage(model(0.0, 0.0), 0.9)
    average.update(model(1.0, 1.0))
    average.save(tmp_path)

    loaded = WeightAverage(model(8.0, 8.0), 0.9)
    loaded.load(tmp_path)

    assert loaded.num_updates == 1
    assert torch.equal(loaded.averaged.module.state_dict()["weight"], average.averaged.module.state_dict()["weight"])
