"""Fixtures of the fuzz tests, and the line that says how many cases ran."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from fuzzing import counted


@pytest.fixture
def count(request: pytest.FixtureRequest) -> Iterator[Callable[[], None]]:
    """Give a function that every case calls."""
    with counted(request) as step:
        yield step
