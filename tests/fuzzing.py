"""What the fuzz tests share: how many cases run, how bytes and JSON are damaged, and what may come of it.

In the ordinary suite each property runs a few cases, always the same. ``nox -s fuzz`` sets ``FER_ZOO_FUZZ_CASES`` and
runs that many of each, new ones every time.
"""

from __future__ import annotations

import json
import os
import resource
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from datetime import timedelta
from typing import Any, Final, TypeVar

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st

Test = TypeVar("Test", bound=Callable[..., Any])

#: Cases of each property; unset in the ordinary suite.
CASES: Final = int(os.environ.get("FER_ZOO_FUZZ_CASES", "0"))

#: How much more memory a property may take at its peak than was taken before it, in bytes.
MEMORY: Final = 1_000_000_000

#: Numbers and words that readers trip over.
NASTY_BYTES: Final = (
    *(b"\x00", b"\xff", b"\x00\x00\x00\x00", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\x80\x00\x00\x00"),
    *(
        b"\xff\xff\xff\x7f",
        b"\xef\xbb\xbf",
        b"\xed\xa0\x80",
        b"\r",
        b"\n",
        b"\r\n",
        b'"',
        b"'",
        b",",
        b";",
        b"-",
        b"--",
    ),
    *(b"nan", b"inf", b"1e999", b"9" * 5000, b"../", b"/", b"..", b"\\", b"\xd9\xa3", b"{", b"[", b"[" * 3000),
    *(b"}", b"]", b":", b"null", b"true", b"x" * 300, b"2001-99-99", b"0x_", b"&a [*a, *a]", b"!!python/name:os"),
)
NASTY_VALUES: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, -1, 1, 2, 10**9, 10**400, -(10**30), 0.5, -0.5, 1e308, float("nan"), float("inf")),
    *("", "a", "\x00", "\ud800", "é" * 300, "../../etc/passwd", "1", "none", [], [1], [[]], {}, {"a": 1}, ["a"] * 50),
)


def cases(share: float = 1.0) -> Callable[[Test], Test]:
    """Return a decorator that sets how many cases of a property run.

    Args:
        share: of the usual number; slow properties take less.
    """
    few = settings(
        max_examples=max(3, round(12 * share)),
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=ALL,
    )
    many = settings(
        max_examples=max(1, round(CASES * share)),
        deadline=timedelta(seconds=20),  # what takes longer hangs, or nearly
        phases=[Phase.explicit, Phase.generate],  # a case is a few edits already, and many failures shrink for minutes
        database=None,
        print_blob=True,
        suppress_health_check=ALL,
    )
    return many if CASES else few


ALL: Final = list(HealthCheck)


@contextmanager
def counted(request: pytest.FixtureRequest) -> Iterator[Callable[[], None]]:
    """Give a function to call in each case; the number is printed at the end, and memory must not have blown up."""
    number, before = 0, peak_memory()

    def count() -> None:
        nonlocal number
        number += 1

    yield count
    request.node.user_properties.append(("fuzz_cases", number))
    assert peak_memory() - before < MEMORY


def peak_memory() -> int:
    """Return the most memory that this process had so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def damaged(seeds: Sequence[bytes], *, tokens: Sequence[bytes] = NASTY_BYTES) -> st.SearchStrategy[bytes]:
    """Return a strategy for contents that are damaged here and there.

    Args:
        seeds: whole contents.
        tokens: what is written into them.
    """
    # one draw of bytes that says what to do is much quicker than a draw for each edit, and shrinks as well
    return st.builds(
        lambda seed, script: damage(seed, script, tokens), st.sampled_from(list(seeds)), st.binary(max_size=30)
    )


def damage(content: bytes, script: bytes, tokens: Sequence[bytes]) -> bytes:
    """Return the content after the edits of a script, five bytes each: what to do, where (two bytes), and with what.

    Most edits are near the start, where headers are, or at a share of the whole length.
    """
    result = bytearray(content)
    for start in range(0, len(script) - 4, 5):
        kind, high, low, first, second = script[start : start + 5]
        place = low if high < 96 else (high * 256 + low) * len(result) // 65_536  # a share of them
        place = min(place, len(result))
        token = tokens[first % len(tokens)]
        match kind % 8:
            case 0:
                result[place : place + 1] = bytes([first])
            case 1:
                result[place : place + len(token)] = token
            case 2:
                result[place:place] = token
            case 3:
                del result[place : place + 1 + first % 32]
            case 4:
                result[place:place] = result[place : place + first] * (1 + second % 4)
            case 5:
                del result[place:]
            case 6:
                result[place : place + 1] = bytes([result[place] ^ (1 << first % 8)]) if place < len(result) else b""
            case _:
                result[place:place] = bytes([first, second])
    return bytes(result)


def damaged_text(seeds: Sequence[str]) -> st.SearchStrategy[bytes]:
    """Return a strategy for text files, most of them in UTF-8, that are damaged here and there."""
    return damaged([seed.encode() for seed in seeds])


def damaged_tables(seeds: Sequence[Mapping[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Return a strategy for nested values of JSON in which some are replaced, added or missing."""
    edits = st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 3), nasty_values()), min_size=1, max_size=4)
    return st.builds(_edited, st.sampled_from(list(seeds)), edits)


def nasty_values() -> st.SearchStrategy[Any]:
    """Return a strategy for values of JSON that do not fit."""
    return st.one_of(
        st.sampled_from(NASTY_VALUES),
        st.integers(),
        st.floats(allow_subnormal=False),
        st.text(max_size=8),
        st.lists(st.integers(), max_size=3),
    )


def _edited(seed: Mapping[str, Any], edits: Sequence[tuple[int, int, Any]]) -> dict[str, Any]:
    """Return a copy with the edits."""
    result: dict[str, Any] = json.loads(json.dumps(seed))
    for place, kind, value in edits:
        spots = list(_spots(result))
        if not spots:
            break
        holder, key = spots[place % len(spots)]
        if kind == 0:
            del holder[key]
        elif kind == 1 and isinstance(holder, dict):
            holder[value if isinstance(value, str) else repr(value)[:20]] = deepcopy(value)
        else:
            holder[key] = deepcopy(value)
    return result


def _spots(value: Any) -> Iterator[tuple[Any, Any]]:
    """Yield every container with every key in it."""
    if isinstance(value, dict | list):
        keys: Sequence[Any] = list(value) if isinstance(value, dict) else range(len(value))
        for key in keys:
            yield value, key
            yield from _spots(value[key])
