"""Whether a value that was read from a file has the type of its setting."""

from __future__ import annotations

from enum import Enum
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

from huggingface_hub.dataclasses import type_validator

from fer_zoo.errors import InvalidOptionError

WORDS = {bool: "true or false", int: "a whole number", float: "a number", str: "text", dict: "a table", list: "a list"}


def check_type(name: str, value: Any, hint: Any) -> Any:  # of any type
    """Return a value in the type of its setting.

    A whole number serves where a number is asked for, and so does text such as ``1e-3``, which YAML takes for text
    because it has no point.

    Args:
        name: of the setting.
        value: as it was read.
        hint: its type.

    Raises:
        InvalidOptionError: if the value has another type.
    """
    accepted = members(hint)
    is_like_a_number = isinstance(value, int) or (isinstance(value, str) and str not in accepted)
    if float in accepted and is_like_a_number and not isinstance(value, bool):
        try:
            return float(value)
        except (ValueError, OverflowError):
            pass  # the message below names the type
    for kind in accepted:
        if isinstance(kind, type) and issubclass(kind, Enum) and isinstance(value, str):
            return check_choice(name, value, kind)
    try:
        type_validator(name, value, hint)
    except TypeError as error:
        raise InvalidOptionError(name, value, describe(hint)) from error
    return value


def check_choice(name: str, value: str, choices: type[Enum]) -> str:
    """Return one of the values of an enumeration.

    Raises:
        InvalidOptionError: if it is none.
    """
    known = [str(choice.value) for choice in choices]
    if value not in known:
        raise InvalidOptionError(name, value, f"one of {', '.join(known)}")
    return value


def members(hint: Any) -> tuple[Any, ...]:  # of a type that may be a union
    """Return the types that a type consists of."""
    return get_args(hint) if get_origin(hint) in {Union, UnionType} else (hint,)


def describe(hint: Any) -> str:  # as above
    """Return what a type accepts, in words."""
    words = []
    for kind in members(hint):
        if kind is not NoneType:
            words.append(WORDS.get(get_origin(kind) or kind, str(kind)))
    return " or ".join(dict.fromkeys(words))


__all__ = ["check_type"]
