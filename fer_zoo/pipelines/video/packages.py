"""Importing what the extra ``video`` brings, where it is needed."""

from __future__ import annotations

from typing import Any

from fer_zoo.packages import import_optional


def import_extra(module: str) -> Any:  # modules with and without type information
    """Import a module of an optional package.

    Args:
        module: full name, such as ``"av.error"``.

    Raises:
        MissingPackageError: if the package is not installed.
    """
    return import_optional(module, "Video", "video")


__all__ = ["import_extra"]
