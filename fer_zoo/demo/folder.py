"""The folder that holds uploads and results: private, emptied as time goes by, and gone in the end."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import Final

#: What Gradio reads when a page is made: where files go, and that nothing is reported to anyone.
_SETTINGS: Final = ("GRADIO_TEMP_DIR", "GRADIO_ANALYTICS_ENABLED")


@contextmanager
def private_folder() -> Iterator[Path]:
    """Give Gradio a folder of its own, which only this user can read, and remove it at the end.

    Pages must be made and served inside. Analytics are off as long.
    """
    before = {name: os.environ.get(name) for name in _SETTINGS}
    with TemporaryDirectory(prefix="fer_zoo_demo_", ignore_cleanup_errors=True) as folder:
        os.environ.update(zip(_SETTINGS, (folder, "False"), strict=True))
        try:
            yield Path(folder)
        finally:
            for name, value in before.items():
                os.environ.pop(name, None)
                if value is not None:
                    os.environ[name] = value


@contextmanager
def files_expire(folder: Path, keep_seconds: float) -> Iterator[None]:
    """Delete the files of a folder when they are too old; those that are there at the start stay.

    Args:
        folder: the folder, searched with all below it.
        keep_seconds: how old a file may become, in seconds.
    """
    kept = {path for path in folder.rglob("*") if path.is_file()}
    stop = Event()

    def sweep() -> None:
        while not stop.wait(min(keep_seconds / 2, 30.0)):
            delete_old_files(folder, keep_seconds, kept)

    thread = Thread(target=sweep, name="fer-zoo-demo-files", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def delete_old_files(folder: Path, keep_seconds: float, kept: set[Path]) -> None:
    """Delete files that are too old, and the folders that are empty then.

    Args:
        folder: the folder, searched with all below it.
        keep_seconds: how old a file may become, in seconds.
        kept: files that stay whatever their age.
    """
    oldest = time.time() - keep_seconds
    for path in sorted(folder.rglob("*"), reverse=True):  # what is in a folder comes before the folder
        with suppress(OSError):  # another request may write to the folder or delete the file at this moment
            if path.is_dir():
                if path.stat().st_mtime < oldest:
                    path.rmdir()
            elif path not in kept and path.stat().st_mtime < oldest:
                path.unlink()


__all__ = ["delete_old_files", "files_expire", "private_folder"]
