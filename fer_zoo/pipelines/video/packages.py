"""Importing what the extra ``video`` brings, where it is needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from fer_zoo.errors import MissingPackageError


def import_extra(module: str) -> Any:  # modules with and without type information
    """Import a module of an optional package.

    Args:
        module: full name, such as ``"av.error"``.

    Raises:
        MissingPackageError: if the package is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        package = module.split(".")[0]
        if (error.name or "").split(".")[0] != package:
            raise
        raise MissingPackageError(package, "Video", "pip install 'fer-zoo[video]'") from error


__all__ = ["import_extra"]
