"""Work in threads whose answers come in the order of the work, with no more of it under way than fits."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

AHEAD = 4  # pictures under way or done for each worker, while the oldest is waited for

Item = TypeVar("Item")
Answer = TypeVar("Answer")


def map_in_order(
    pool: ThreadPoolExecutor, function: Callable[[Item], Answer], items: Iterable[Item], ahead: int
) -> Generator[Answer, None, None]:
    """Yield the answers in the order of the items, of which no more are taken than that many ahead of the answers."""
    waiting: deque[Future[Answer]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def usable_cpus() -> int:
    """Return the number of CPUs that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


__all__ = ["AHEAD", "map_in_order", "usable_cpus"]
