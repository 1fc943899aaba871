"""Importing what the extras bring, where it is needed."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from fer_zoo.errors import MissingPackageError

#: Names under which pip knows the packages, where they are others than those of the imports.
DISTRIBUTIONS = {"scipy": "scikit-learn", "sklearn": "scikit-learn"}  # scikit-learn needs scipy and brings it


def import_optional(module: str, purpose: str, extra: str | None = None) -> Any:  # modules without type information
    """Import a module of an optional package.

    Args:
        module: full name, such as ``"pyarrow.parquet"``.
        purpose: what needs it, as the beginning of a sentence.
        extra: name of the extra of fer-zoo that brings it; without one, the package itself is to be installed.

    Raises:
        MissingPackageError: if the package is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        package = module.split(".")[0]
        if (error.name or "").split(".")[0] != package:
            raise
        name = DISTRIBUTIONS.get(package, package)
        command = f"pip install {name}" if extra is None else f"pip install 'fer-zoo[{extra}]'"
        raise MissingPackageError(name, purpose, command) from error


def is_installed(package: str) -> bool:
    """Return whether a package is there, without importing it."""
    return find_spec(package) is not None


__all__ = ["import_optional", "is_installed"]
