"""Options of ``from_pretrained`` that are looked at before a checkpoint could be blamed for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import torch

from fer_zoo.errors import InvalidOptionError
from fer_zoo.packages import import_optional

#: What accelerate finds places by; ``disk`` is one itself.
PLANS: Final = ("auto", "balanced", "balanced_low_0", "sequential", "disk")


def check_loading_options(options: Mapping[str, Any]) -> None:
    """Refuse a type of numbers or a place for weights that torch does not have here.

    Args:
        options: those of ``from_pretrained``, of which ``dtype`` (or ``torch_dtype``) and ``device_map`` count.

    Raises:
        InvalidOptionError: if there is no such type or place.
        MissingPackageError: if a place is given and accelerate, which finds it, is not installed.
    """
    for name in ("dtype", "torch_dtype"):
        if not all(map(_is_type, _values(options.get(name)))):
            expected = "'auto' or a type of torch for floating point numbers, such as 'bfloat16'"
            raise InvalidOptionError(name, options[name], expected)
    device_map = options.get("device_map")
    if device_map is None:
        return
    import_optional("accelerate", "The option device_map")
    for place in _values(device_map):
        if place not in PLANS:
            _check_place(place, device_map)


def _values(option: Any) -> list[Any]:  # whatever a caller gives
    """Return one value for all weights, or those of parts of the model."""
    return list(option.values()) if isinstance(option, Mapping) else [option]


def _is_type(value: object) -> bool:
    """Return whether weights can be of a type; None leaves the choice to transformers."""
    found = getattr(torch, value, None) if isinstance(value, str) else value
    return value in (None, "auto") or (isinstance(found, torch.dtype) and found.is_floating_point)


def _check_place(place: Any, device_map: object) -> None:
    """Refuse what is no device of torch, and one that this machine does not have.

    Raises:
        InvalidOptionError: if it is one of these.
    """
    try:
        torch.empty(0, device=place)
    except (RuntimeError, AssertionError, TypeError, ValueError) as error:
        expected = f"a device that torch finds here, such as 'cpu', or one of {', '.join(map(repr, PLANS[:-1]))}"
        raise InvalidOptionError("device_map", device_map, expected) from error


__all__ = ["check_loading_options"]
