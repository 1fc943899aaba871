"""The option ``--device``: where a model runs."""

from __future__ import annotations

from fer_zoo.cli.failures import errors_as_usage
from fer_zoo.errors import InvalidOptionError
from fer_zoo.pipelines.backend import fastest_device

DEVICES = ("cpu", "cuda", "mps", "xpu")


def check_device(device: str | None) -> str | None:
    """Return a device as it was given, or end the command if there is none of that name here."""
    if device is not None:
        with errors_as_usage():
            refuse_missing(device)
    return device


def refuse_missing(device: str) -> None:
    """Refuse what is no device, and a device that this machine or this build of torch does not have.

    Args:
        device: a kind, with a number such as ``cuda:1`` where there are several.

    Raises:
        InvalidOptionError: if it is not there.
    """
    import torch

    kind, _, number = device.partition(":")
    here = fastest_device().type
    if kind not in {*DEVICES, here} or (number and not number.isdecimal()):
        raise InvalidOptionError("--device", device, f"one of {', '.join(DEVICES)}, or cuda:1")
    if kind == "cpu":
        return
    there = [] if here == "cpu" else [f"{here}:{i}" for i in range(torch.accelerator.device_count())]
    if kind != here or int(number or 0) >= len(there):
        raise InvalidOptionError("--device", device, f"a device that torch finds here: {', '.join(['cpu', *there])}")


__all__ = ["DEVICES", "check_device", "refuse_missing"]
