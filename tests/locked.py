"""Files and folders that the system does not let us read, also where the tests run as root."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534


@contextmanager
def without_access(path: Path) -> Iterator[None]:
    """Take all rights to a path away; root becomes a user who has none of its own, and may look into its folders."""
    user = os.geteuid()
    modes = {place: place.stat().st_mode for place in (path, *path.parents)}
    path.chmod(0)
    if user == 0:
        for folder in path.parents:
            if modes[folder] & 0o055 != 0o055:
                folder.chmod(modes[folder] | 0o055)
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)
        for place, mode in modes.items():
            if place.stat().st_mode != mode:
                place.chmod(mode)
