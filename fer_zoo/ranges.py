"""Ranges of options, checked in one place: what is no number of the kind, or outside its range, is refused.

``None`` passes everywhere; it says that an option is not given.
"""

from __future__ import annotations

from numbers import Integral, Real

from fer_zoo.errors import InvalidOptionError


def check_counts(at_least: int = 1, /, **options: object) -> None:
    """Refuse what is no whole number of at least so many.

    Args:
        at_least: the smallest that passes.
        **options: values by the names of the options.

    Raises:
        InvalidOptionError: for the first that is none.
    """
    for name, value in options.items():
        if value is not None and not (_is(value, Integral) and value >= at_least):  # type: ignore[operator]
            raise InvalidOptionError(name, value, f"a whole number of at least {at_least}")


def check_shares(**options: object) -> None:
    """Refuse what is no number from 0 to 1.

    Args:
        **options: values by the names of the options.

    Raises:
        InvalidOptionError: for the first that is none.
    """
    for name, value in options.items():
        if value is not None and not (_is(value, Real) and 0 <= value <= 1):  # type: ignore[operator]
            raise InvalidOptionError(name, value, "a number from 0 to 1")


def check_positive(**options: object) -> None:
    """Refuse what is no number above 0; infinity is one.

    Args:
        **options: values by the names of the options.

    Raises:
        InvalidOptionError: for the first that is none.
    """
    for name, value in options.items():
        if value is not None and not (_is(value, Real) and value > 0):  # type: ignore[operator]
            raise InvalidOptionError(name, value, "a number above 0")


def check_not_negative(**options: object) -> None:
    """Refuse what is no number of at least 0; infinity is one.

    Args:
        **options: values by the names of the options.

    Raises:
        InvalidOptionError: for the first that is none.
    """
    for name, value in options.items():
        if value is not None and not (_is(value, Real) and value >= 0):  # type: ignore[operator]
            raise InvalidOptionError(name, value, "a number of at least 0")


def _is(value: object, kind: type) -> bool:
    """Say whether a value is a number of a kind; a truth value is none."""
    return isinstance(value, kind) and not isinstance(value, bool)


__all__ = ["check_counts", "check_not_negative", "check_positive", "check_shares"]
