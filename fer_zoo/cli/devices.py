"""The option ``--device``: where a model runs."""

from __future__ import annotations

from fer_zoo.cli.failures import errors_as_usage
from fer_zoo.errors import InvalidOptionError
from fer_zoo.runtime.devices import list_devices

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
    kind, _, number = device.partition(":")
    is_number = not number or number.isdecimal()
    if kind == "cpu" and is_number:  # without asking the driver, whose processes cannot be forked afterwards
        return
    there = list_devices()
    here = there[-1].partition(":")[0]
    if kind not in {*DEVICES, here} or not is_number:
        expected = f"one of {', '.join(DEVICES)}, or cuda:1; --device cpu works on every machine"
        raise InvalidOptionError("--device", device, expected)
    if f"{kind}:{int(number or 0)}" not in there:
        expected = f"a device that torch finds here: {', '.join(there)}; --device cpu works on every machine"
        raise InvalidOptionError("--device", device, expected)


__all__ = ["DEVICES", "check_device", "refuse_missing"]
