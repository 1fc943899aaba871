"""The option ``--device``, with and without an accelerator."""

from __future__ import annotations

import pytest

from fer_zoo.cli import devices
from fer_zoo.errors import InvalidOptionError


@pytest.fixture(autouse=True)
def one_accelerator(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let torch find a CPU and one GPU."""
    monkeypatch.setattr(devices, "list_devices", lambda: ("cpu", "cuda:0"))


@pytest.mark.parametrize("device", ["cpu", "cpu:0", "cuda", "cuda:0"])
def test_devices_that_are_there_are_taken(device: str) -> None:
    """With and without their number."""
    assert devices.check_device(device) == device


def test_the_cpu_is_taken_without_asking_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that has asked the driver cannot be forked afterwards."""
    monkeypatch.setattr(devices, "list_devices", lambda: pytest.fail("the driver was asked"))

    assert devices.check_device("cpu") == "cpu"


@pytest.mark.parametrize(
    ("device", "expected"),
    [
        ("cuda:1", "a device that torch finds here: cpu, cuda:0"),
        ("mps", "a device that torch finds here: cpu, cuda:0"),
        ("gpu", "one of cpu, cuda, mps, xpu, or cuda:1"),
        ("cuda:first", "one of cpu, cuda, mps, xpu, or cuda:1"),
        ("cpu:x", "one of cpu, cuda, mps, xpu, or cuda:1"),
    ],
)
def test_others_are_refused_with_the_one_that_always_works(device: str, expected: str) -> None:
    """The message says what there is, and what to type."""
    with pytest.raises(InvalidOptionError) as caught:
        devices.refuse_missing(device)

    message = f"Invalid value {device!r} for --device: expected {expected}; --device cpu works on every machine."
    assert str(caught.value) == message
