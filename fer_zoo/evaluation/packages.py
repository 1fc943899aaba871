"""Importing what the extra ``train`` brings, where it is needed."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from fer_zoo.errors import MissingPackageError

#: Names under which pip knows the packages, where they are others than those of the imports.
DISTRIBUTIONS = {"scipy": "scikit-learn", "sklearn": "scikit-learn"}  # scikit-learn needs scipy and brings it


def import_extra(module: str) -> Any:  # modules without type information
    """Import a module of an optional package.

    Args:
        module: full name, such as ``"sklearn.metrics"``.

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
        raise MissingPackageError(name, "Evaluation", "pip install 'fer-zoo[train]'") from error


__all__ = ["import_extra"]
