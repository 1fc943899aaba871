"""What loading a checkpoint may raise, as errors of this package."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager

from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError

from fer_zoo.errors import CheckpointError, FerZooError

#: What transformers and safetensors raise where the files of a checkpoint are damaged or made to mislead.
DAMAGE = (
    *(SafetensorError, StrictDataclassError, ValueError, RuntimeError, LookupError, TypeError, AttributeError),
    *(ArithmeticError, AssertionError, ImportError, struct.error),  # ImportError: of packages for quantised weights
)


@contextmanager
def checkpoint_errors(name: str, kinds: tuple[type[Exception], ...] = DAMAGE) -> Iterator[None]:
    """Turn what damaged files bring about into an error that names the checkpoint.

    Args:
        name: of the checkpoint.
        kinds: what is turned; fewer where the caller's options may bring about the others.

    Raises:
        CheckpointError: if it does not load.
    """
    try:
        yield
    except (FerZooError, OSError):  # OSError: a file is missing, or the Hub cannot be reached
        raise
    except kinds as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise CheckpointError(f"The checkpoint {name!r} does not load: {lines[-1].strip()}") from error


__all__ = ["DAMAGE", "checkpoint_errors"]
