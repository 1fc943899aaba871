"""Ranges of options."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest

from fer_zoo.errors import InvalidOptionError
from fer_zoo.ranges import check_counts, check_not_negative, check_positive, check_shares


@pytest.mark.parametrize("check", [check_counts, check_not_negative, check_positive, check_shares])
@pytest.mark.parametrize("value", ["1", True, math.nan, [1], -1, 1j])
def test_what_is_no_number_of_the_range_is_refused(check: Callable[..., None], value: object) -> None:
    """The error names the option and the value."""
    with pytest.raises(InvalidOptionError, match=r"^Invalid value .* for size: expected a (whole )?number") as caught:
        check(size=value)

    assert repr(value) in str(caught.value)


@pytest.mark.parametrize(
    ("check", "value"),
    [
        *((check_counts, value) for value in (0, 1.0, math.inf, np.float32(2))),
        *((check_positive, value) for value in (0, 0.0)),
        *((check_shares, value) for value in (1.001, math.inf)),
    ],
)
def test_what_lies_beside_a_range_is_refused(check: Callable[..., None], value: object) -> None:
    """A count is whole and above 0, nothing is positive that is 0, and a share ends at 1."""
    with pytest.raises(InvalidOptionError, match="for size"):
        check(size=value)


@pytest.mark.parametrize(
    ("check", "values"),
    [
        (check_counts, (1, np.int64(7), 10**30)),
        (check_positive, (1e-9, 3, np.float32(0.5), Fraction(1, 3), math.inf)),
        (check_not_negative, (0, 0.0, np.float64(2), math.inf)),
        (check_shares, (0, 1, 0.5, np.float32(1))),
    ],
)
def test_numbers_of_the_range_pass(check: Callable[..., None], values: tuple[object, ...]) -> None:
    """Of whatever type they are, and ``None``, which is no value."""
    for value in (*values, None):
        check(size=value)


def test_a_count_may_have_another_start() -> None:
    """Zero workers are some, fewer are not."""
    check_counts(0, workers=0)
    with pytest.raises(InvalidOptionError, match="expected a whole number of at least 0"):
        check_counts(0, workers=-1)
