"""Going on with smaller batches where one does not fit into the memory."""

from __future__ import annotations

import gc
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeVar

import torch

from fer_zoo.errors import SmallerBatchWarning

Item = TypeVar("Item", bound=Sequence[object] | torch.Tensor)
Answer = TypeVar("Answer")

#: How torch, its oneDNN, onnxruntime and OpenVINO say that memory is short, where the class of the error does not tell.
_SHORT: Final = re.compile(
    r"not enough memory|can't allocate memory|out of memory|failed to allocate|bad_alloc|bad allocation|"
    r"unable to allocate|could not allocate|could not create a (primitive|memory)",
    re.IGNORECASE,
)


class BatchSplitter:
    """Runs batches in as large parts as the memory allows; what it has learned holds for later batches.

    Args:
        items: what batches consist of, in the plural, for the warning.
    """

    def __init__(self, items: str) -> None:
        self._items = items
        self._largest: int | None = None

    def run(self, batch: Item, compute: Callable[[Item], Answer]) -> list[Answer]:
        """Return the answers for the parts of a batch, in order: one if it can run in one piece.

        Args:
            batch: a list, or a tensor whose first dimension counts.
            compute: gives the answer for a part.

        Raises:
            Exception: what ``compute`` raises, for lack of memory too if a part has a single item.

        Warns:
            SmallerBatchWarning: a batch did not fit into the memory.
        """
        return list(self._parts(batch, compute))

    def _parts(self, batch: Item, compute: Callable[[Item], Answer]) -> Iterator[Answer]:
        """Yield the answers one by one."""
        start = 0
        while start < len(batch):
            size = min(len(batch) - start, self._largest or len(batch))
            part: Item = batch[start : start + size]  # type: ignore[assignment]  # of the same kind
            try:
                answer = compute(part)
            except Exception as error:
                if size == 1 or not is_out_of_memory(error):
                    raise
            else:
                yield answer
                start += size
                continue
            # not in the handler: the error holds on to what was computed
            self._largest = size // 2
            warnings.warn(SmallerBatchWarning(size, self._largest, self._items), stacklevel=2)
            _free_memory()


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an error of torch, onnxruntime, OpenVINO or numpy says that memory is short."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, Exception) and not isinstance(error, OSError) and _SHORT.search(str(error)) is not None


def _free_memory() -> None:
    """Give back what nobody uses."""
    gc.collect()
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()


__all__ = ["BatchSplitter", "is_out_of_memory"]
