"""Options of training out of their range."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from training_rows import arguments

from fer_zoo.errors import InvalidOptionError


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sam_rho": -0.1}, "Invalid value -0.1 for sam_rho: expected a number that is at least 0."),
        ({"ema_decay": 1.0}, "Invalid value 1.0 for ema_decay: expected a number that is at least 0 and below 1."),
        ({"layer_decay": 0}, "Invalid value 0 for layer_decay: expected a number that is above 0 and at most 1."),
        ({"lr_decay": 0.0}, "Invalid value 0.0 for lr_decay: expected a number that is above 0."),
        ({"lr_decay_epochs": 0}, "Invalid value 0 for lr_decay_epochs: expected a number that is at least 1."),
        ({"head_learning_rate": -1}, "Invalid value -1 for head_learning_rate: expected a number that is above 0."),
        ({"sampler": "random"}, "Invalid value 'random' for sampler: expected one of shuffle, inverse_frequency"),
        ({"store": "disk"}, "Invalid value 'disk' for store: expected one of none, memory, device."),
        ({"unreadable": "ignore"}, "Invalid value 'ignore' for unreadable: expected one of raise, skip."),
        ({"augmentation": {"flip": 2}}, "Invalid value 2 for flip: expected a share from 0 to 1."),
    ],
)
def test_options_out_of_range_are_refused(tmp_path: Path, options: dict[str, Any], message: str) -> None:
    """The error names the option, the value and what was expected."""
    with pytest.raises(InvalidOptionError, match=message):
        arguments(tmp_path, **options)


def test_kept_pictures_need_no_workers(tmp_path: Path) -> None:
    """Workers would have nothing to read, and cannot share what is on a device."""
    options = arguments(tmp_path, store="memory", dataloader_num_workers=4)

    assert (options.dataloader_num_workers, options.reading_workers) == (0, 4)
    assert not options.dataloader_pin_memory


def test_nothing_is_pinned_where_no_accelerator_computes(tmp_path: Path) -> None:
    """Pinned memory is for copies to a device; torch would warn of it each epoch."""
    assert not arguments(tmp_path, use_cpu=True, dataloader_pin_memory=True).dataloader_pin_memory
