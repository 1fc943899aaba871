"""Ranges of options, checked in one place: what is no number of the kind, or outside its range, is refused.

``None`` passes everywhere; it says that an option is not given.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Integral, Real
from typing import Any

from fer_zoo.errors import InvalidOptionError


def check_counts(at_least: int = 1, /, **options: object) -> None:
    """Refuse what is no whole number of at least so many.

    Args:
        at_least: the smallest that passes.
        **options: values by the names of the options.

    Raises:
        InvalidOptionError: for the first that is none.
    """
    _check(options, Integral, lambda value: value >= at_least, f"a whole number of at least {at_least}")


def check_shares(**options: object) -> None:
    """Refuse what is no number from 0 to 1.

    Args:
        **options: values by the names of the options.

    Raises:
        InvalidOptionError: for the first that is none.
    """
    _check(options, Real, lambda value: 0 <= value <= 1, "a number from 0 to 1")


def check_positive(**options: object) -> None:
    """Refuse what is no number above 0; infinity is one.

    Args:
        **options: values by the names of the options.

    Raises:
        InvalidOptionError: for the first that is none.
    """
    _check(options, Real, lambda value: value > 0, "a number above 0")


def check_not_negative(**options: object) -> None:
    """Refuse what is no number of at least 0; infinity is one.

    Args:
        **options: values by the names of the options.

    Raises:
        InvalidOptionError: for the first that is none.
    """
    _check(options, Real, lambda value: value >= 0, "a number of at least 0")


def _check(options: Mapping[str, object], kind: type, fits: Callable[[Any], bool], expected: str) -> None:
    """Refuse the first value that is no number of a kind, as a truth value is none, or that does not fit."""
    for name, value in options.items():
        is_number = isinstance(value, kind) and not isinstance(value, bool)
        if value is not None and not (is_number and fits(value)):
            raise InvalidOptionError(name, value, expected)


__all__ = ["check_counts", "check_not_negative", "check_positive", "check_shares"]
