"""The folder of a run that can be interrupted: what decides its answers is recorded, and a later run is held to it."""

from __future__ import annotations

import errno
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from fer_zoo.errors import InvalidOptionError
from fer_zoo.whole_files import write_whole

#: What the system says of one path rather than of the folder: too long, not allowed, or its place is taken.
OF_ONE_PATH: Final = frozenset(
    {errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ, errno.EEXIST, errno.EISDIR, errno.ENOTDIR}
)


class RunFolder:
    """A folder with a file of options in it.

    Args:
        folder: the folder.
        options_file: name of the file of options.
        option: what errors call the folder, or the file that it belongs to.
        contents: what is in such a folder, in the plural, for errors.
        shown: what errors name; by default the folder.
    """

    def __init__(self, folder: Path, options_file: str, option: str, contents: str, shown: Path | None = None) -> None:
        self.folder = folder
        self._options = folder / options_file
        self._option = option
        self._contents = contents
        self._shown = folder if shown is None else shown

    def compare(self, options: Mapping[str, Any]) -> None:
        """Refuse a folder that holds something else, or what was made with other options.

        Args:
            options: all that decides what is written, ready for JSON.

        Raises:
            InvalidOptionError: naming what differs, and the ways out.
        """
        if not self._options.exists():
            self.check_own()
            return
        try:
            before = json.loads(self._options.read_bytes())
        except (ValueError, RecursionError):
            before = None
        if not isinstance(before, dict):
            raise self._refusal(f"a folder with a readable {self._options.name}")
        changes = [
            f"{name} was {before.get(name)!r} and is now {value!r}"
            for name, value in _as_json(options).items()
            if before.get(name) != value
        ]
        if changes:
            raise self._refusal(
                f"a folder whose {self._contents} were made with the same options ({'; '.join(changes)})"
            )

    def check_own(self) -> None:
        """Refuse a folder that holds something and has no options of a run.

        Raises:
            InvalidOptionError: naming the folder; to begin anew is no way out, as nothing in it is a run's.
        """
        if not self._options.exists() and any(not found.name.startswith(".") for found in self.folder.iterdir()):
            expected = f"a new or empty folder, or one that {self._contents} were written to before"
            raise InvalidOptionError(self._option, str(self._shown), f"{expected}; {str(self.folder)!r} is neither")

    def record(self, options: Mapping[str, Any]) -> None:
        """Write the options, whole or not at all.

        Args:
            options: all that decides what is written, ready for JSON.
        """
        write_whole(self._options, json.dumps(options, indent=2).encode("ascii") + b"\n")

    @contextmanager
    def told_if_not_writable(self) -> Iterator[None]:
        """Turn what the system says of the folder into an error that names it; what it says of one path passes."""
        try:
            yield
        except OSError as error:
            if error.errno in OF_ONE_PATH and self.folder.is_dir():
                raise
            expected = f"a folder that can be written to ({error.strerror or error})"
            raise InvalidOptionError(self._option, str(self._shown), expected) from error

    def _refusal(self, expected: str) -> InvalidOptionError:
        """Return the error for a folder that cannot be gone on with."""
        way_out = "choose another folder, or overwrite=True (--overwrite) to begin anew"
        return InvalidOptionError(self._option, str(self._shown), f"{expected}; {way_out}")


def _as_json(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return options as they come back from JSON."""
    values: dict[str, Any] = json.loads(json.dumps(options))
    return values


__all__ = ["OF_ONE_PATH", "RunFolder"]
