"""Importing what the extras bring, where it is needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from fer_zoo.errors import MissingPackageError


def import_optional(module: str, purpose: str, extra: str) -> Any:  # modules without type information
    """Import a module of an optional package.

    Args:
        module: full name, such as ``"pyarrow.parquet"``.
        purpose: what needs it, as the beginning of a sentence.
        extra: name of the extra of fer-zoo that brings it.

    Raises:
        MissingPackageError: if the package is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        package = module.split(".")[0]
        if (error.name or "").split(".")[0] != package:
            raise
        raise MissingPackageError(package, purpose, f"pip install 'fer-zoo[{extra}]'") from error


__all__ = ["import_optional"]
