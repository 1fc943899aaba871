"""Learning rates by stage and by epoch."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from training_rows import narrow_model

from fer_zoo.training.optimization import count_steps, decay_schedule, parameter_groups, stage_of


@pytest.mark.parametrize(
    ("name", "stage"),
    [
        ("mhan.backbone.blocks.3.conv.1.weight", "mhan.backbone.blocks.3"),
        ("mhan.pooler.conv.weight", "mhan.pooler.conv"),
        ("weight", "weight"),
    ],
)
def test_stages_end_at_the_first_number(name: str, stage: str) -> None:
    """A block of a list is a stage, and what is in no list is grouped by its module."""
    assert stage_of(name) == stage


def test_learning_rates_fall_from_the_last_stage_to_the_first() -> None:
    """The head has its own rate, the last stage the whole, each one before it half of the next."""
    model = narrow_model()

    groups = parameter_groups(
        model, ["classifier.weight"], learning_rate=1.0, weight_decay=0.1, head_learning_rate=3.0, layer_decay=0.5
    )

    names = {parameter: name for name, parameter in model.named_parameters()}
    rates = {names[parameter]: group["lr"] for group in groups for parameter in group["params"]}
    stages = list(dict.fromkeys(stage_of(name) for name in rates if name.startswith("han_pff.")))
    ordered = list(dict.fromkeys(stage_of(name) for name in names.values() if name.startswith("han_pff.")))
    assert set(stages) == set(ordered)
    assert rates["classifier.weight"] == rates["shared_classifier.weight"] == 3.0
    for position, stage in enumerate(ordered):
        expected = 0.5 ** (len(ordered) - 1 - position)
        assert {rate for name, rate in rates.items() if stage_of(name) == stage} == {expected}
    decays = {names[parameter]: group["weight_decay"] for group in groups for parameter in group["params"]}
    assert [name for name, decay in decays.items() if decay] == ["classifier.weight"]
    assert len(decays) == len(names)


def decaying_rates(num_steps: int, **options: Any) -> list[float]:
    """Return the learning rates of so many steps, of which the highest is 1."""
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(()))], lr=1.0)
    schedule = decay_schedule(optimizer, **options)
    rates = []
    for _ in range(num_steps):
        rates.append(float(schedule.get_last_lr()[0]))
        optimizer.step()
        schedule.step()
    return rates


def test_the_schedule_falls_every_two_epochs_after_the_warm_up() -> None:
    """With 3 steps an epoch the rate is 0, 1/2, 1, 1… and a tenth from the sixth step on."""
    rates = decaying_rates(13, factor=0.1, epochs=2, steps_per_epoch=3, warmup_steps=2)

    assert rates == pytest.approx([0, 0.5, 1, 1, 1, 1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.01])


def test_a_warm_up_longer_than_the_first_falls_does_not_jump() -> None:
    """The rate grows to what has fallen by then, and goes on from there."""
    rates = decaying_rates(6, factor=0.5, epochs=1, steps_per_epoch=2, warmup_steps=4)

    assert rates == pytest.approx([0, 0.25, 0.25, 0.375, 0.25, 0.25])


@pytest.mark.parametrize(
    ("drops_last", "accumulation", "steps"), [(True, 1, 5), (False, 1, 6), (True, 2, 3), (False, 4, 2), (True, 6, 1)]
)
def test_steps_of_an_epoch_are_batches_rounded_up(drops_last: bool, accumulation: int, steps: int) -> None:
    """Of 22 pictures in batches of 4 there are 5 full ones and a rest; a step may have fewer batches than others."""
    assert count_steps(22, batch_size=4, accumulation=accumulation, drops_last=drops_last) == steps
