"""A check of the documentation: every name in the ``__all__`` of a public module has an entry, and every entry a name.

A name that another public module documents too, as those of ``fer_zoo`` itself, needs no second entry.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import Any

INTERNAL = {"cli", "packages", "weights"}  # the command line is used by commands; the others serve this package
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


def report_missing(app: Any, env: Any) -> None:
    """Warn of every public name without an entry, after all pages are read."""
    from sphinx.util import logging  # here, as the tests of the names go without Sphinx

    logger = logging.getLogger(__name__)
    modules = public_modules()
    entries = env.get_domain("py").objects
    documented = {
        id(getattr(module, name))
        for module in modules
        for name in public_names(module)
        if f"{module.__name__}.{name}" in entries
    }
    for module in modules:
        for name in public_names(module):
            if f"{module.__name__}.{name}" not in entries and id(getattr(module, name)) not in documented:
                logger.warning("%s.%s is public, and no page documents it", module.__name__, name)
        for name in entries:
            parent, _, last = name.rpartition(".")
            if parent == module.__name__ and entries[name].objtype == "data" and not hasattr(module, last):
                logger.warning("%s has an entry, and does not exist", name)


def setup(app: Any) -> dict[str, bool]:
    """Add the check to Sphinx."""
    app.connect("env-check-consistency", report_missing)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
