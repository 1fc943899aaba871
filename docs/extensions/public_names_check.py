"""A check of the documentation: every public name has an entry, and every entry of data a name.

A name that another public module documents too, as those of ``fer_zoo`` itself, needs no second entry.
"""

from __future__ import annotations

from typing import Any

from public_names import public_modules, public_names
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)


def report_missing(app: Any, env: Any) -> None:
    """Warn of every public name without an entry, after all pages are read."""
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
                LOGGER.warning("%s.%s is public, and no page documents it", module.__name__, name)
        for name in entries:
            parent, _, last = name.rpartition(".")
            if parent == module.__name__ and entries[name].objtype == "data" and not hasattr(module, last):
                LOGGER.warning("%s has an entry, and does not exist", name)


def setup(app: Any) -> dict[str, bool]:
    """Add the check to Sphinx."""
    app.connect("env-check-consistency", report_missing)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
