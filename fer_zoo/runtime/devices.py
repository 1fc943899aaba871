"""The devices of torch: which there are, and refusing any other before torch stumbles over it."""

from __future__ import annotations

import torch

from fer_zoo.errors import InvalidOptionError


def fastest_device() -> torch.device:
    """Return the accelerator that torch would take, or the CPU where there is none."""
    found = torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    return found or torch.device("cpu")


def list_devices() -> tuple[str, ...]:
    """Return the names of the devices that torch finds here: ``cpu``, then accelerators such as ``cuda:0``."""
    kind = fastest_device().type
    accelerators = () if kind == "cpu" else range(torch.accelerator.device_count())
    return ("cpu", *(f"{kind}:{i}" for i in accelerators))


def check_device(device: object) -> None:
    """Refuse what is no device of torch, and one that this machine or this build of torch does not have.

    Args:
        device: a name such as ``"cuda"`` or ``"cuda:1"``, a ``torch.device``, or the number of an accelerator, where a
            negative one is the CPU. ``None`` says that none is given.

    Raises:
        InvalidOptionError: if it is not there; the message names those that are.
    """
    if device is None or _is_cpu(device):  # nothing asks the driver, whose processes cannot be forked afterwards
        return
    there = list_devices()
    if _full_name(device, there) not in there:
        raise InvalidOptionError("device", device, f"a device that torch finds here: {', '.join(there)}")


def _is_cpu(device: object) -> bool:
    """Return whether a device is the CPU, of which torch has one, by any of its names."""
    return device < 0 if isinstance(device, int) else str(device) in {"cpu", "cpu:0"}


def _full_name(device: object, there: tuple[str, ...]) -> str | None:
    """Return the name of an accelerator with its number, or ``None`` if it is no device at all."""
    if isinstance(device, int) and not isinstance(device, bool):
        return there[1 + device] if 1 + device < len(there) else None
    return str(device) if ":" in str(device) else f"{device}:0"


__all__ = ["check_device", "fastest_device", "list_devices"]
