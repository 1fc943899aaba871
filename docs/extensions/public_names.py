"""What is public, and therefore needs an entry in the documentation."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import Any

INTERNAL = {
    "cli",
    "packages",
    "ranges",
    "weights",
    "whole_files",
}  # commands have pages of their own; the others serve this package
DEEPER = ("layers.kernels", "pipelines.video")  # packages below the first level with names for users


def public_modules() -> list[Any]:
    """Return ``fer_zoo``, and the modules and packages below it that a user may import from."""
    package = import_module("fer_zoo")
    names = sorted(module.name for module in pkgutil.iter_modules(package.__path__) if module.name not in INTERNAL)
    return [package, *(import_module(f"fer_zoo.{name}") for name in (*names, *DEEPER))]


def public_names(module: Any) -> list[str]:
    """Return the public names of a module: its ``__all__``, or else the classes and functions that it defines."""
    defined = [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    ]
    return sorted(getattr(module, "__all__", defined))


__all__ = ["public_modules", "public_names"]
