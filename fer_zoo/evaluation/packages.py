"""Importing what the extra ``train`` brings, where it is needed."""

from __future__ import annotations

from typing import Any

from fer_zoo.packages import import_optional


def import_extra(module: str) -> Any:  # modules without type information
    """Import a module of an optional package.

    Args:
        module: full name, such as ``"sklearn.metrics"``.

    Raises:
        MissingPackageError: if the package is not installed.
    """
    return import_optional(module, "Evaluation", "train")


__all__ = ["import_extra"]
