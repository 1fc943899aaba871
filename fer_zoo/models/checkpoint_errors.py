"""What loading a checkpoint may raise, as errors of this package."""

from __future__ import annotations

import json
import re
import struct
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError

from fer_zoo.errors import CheckpointError, FerZooError

#: What transformers and safetensors raise where the files of a checkpoint are damaged or made to mislead.
DAMAGE = (
    *(SafetensorError, StrictDataclassError, ValueError, RuntimeError, LookupError, TypeError, AttributeError),
    *(ArithmeticError, AssertionError, ImportError, struct.error),  # ImportError: of packages for quantised weights
)

#: A file of weights beside its index: no folder, no drive, and no pickle.
SHARD_NAME: Final = re.compile(r"[^/\\:\0]+\.safetensors")


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


def check_weight_index(name: str, path: Path) -> None:
    """Refuse an index of weights in several files that names anything but safetensors beside it.

    transformers reads what an index names, wherever it lies, and takes what does not end in ``.safetensors`` for a
    pickle.

    Args:
        name: of the checkpoint.
        path: the index, such as ``model.safetensors.index.json``.

    Raises:
        CheckpointError: if the index is damaged, or names another file.
    """
    try:
        files = set(json.loads(path.read_text(encoding="utf-8"))["weight_map"].values())
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise CheckpointError(f"The checkpoint {name!r} does not load: its {path.name!r} is no index.") from error
    for file in files:
        if not isinstance(file, str) or SHARD_NAME.fullmatch(file) is None:
            raise CheckpointError(
                f"The checkpoint {name!r} does not load: its {path.name!r} names {file!r}, but weights are read from "
                "safetensors files beside it alone."
            )


def check_weight_indices(name: str, folder: Path) -> None:
    """Refuse a folder with an index of weights that :func:`check_weight_index` refuses.

    Args:
        name: of the checkpoint.
        folder: where it lies.

    Raises:
        CheckpointError: if an index is damaged, or names anything but safetensors beside it.
    """
    for path in sorted(folder.glob("*.safetensors.index*.json")):  # with a variant in its name too
        check_weight_index(name, path)


def unfilled_weights(report: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of weights that a checkpoint lacks, or has in another shape, in order.

    Args:
        report: what transformers gives with ``output_loading_info=True``.
    """
    return tuple(sorted({*report["missing_keys"], *(name for name, *_ in report["mismatched_keys"])}))


def check_filled(name: str, missing: Collection[str]) -> None:
    """Refuse a model that answers with weights which no checkpoint gave.

    Args:
        name: of the checkpoint.
        missing: names of the weights that it lacks; transformers gives them random values.

    Raises:
        CheckpointError: if any are missing.
    """
    if missing:
        shown = ", ".join(sorted(missing)[:3])
        raise CheckpointError(f"The weights of {name!r} do not fill its model; among others missing: {shown}.")


__all__ = [
    "DAMAGE",
    "check_filled",
    "check_weight_index",
    "check_weight_indices",
    "checkpoint_errors",
    "unfilled_weights",
]
