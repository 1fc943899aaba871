"""The folder that crops are written to: begun, resumed or begun anew, and never left with half a file.

Crops are written elsewhere in the folder and then renamed, and a row joins the report after its crops, in one
unbuffered write. So a killed run leaves whole crops, and at most half a row, which the next run drops. The names of
crops are noted before they are written, so crops whose row is missing are removed, by this run or by the next.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from io import FileIO
from pathlib import Path, PurePosixPath
from threading import Lock
from typing import Any, Final
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fer_zoo.imaging import FreeNames
from fer_zoo.pipelines.crop_report import OPTIONS_FILE, REPORT_FILE, CropRow, CropSummary, encode_row, read_rows
from fer_zoo.pipelines.run_folder import OF_ONE_PATH, RunFolder

PARTIAL_FOLDER: Final = ".crops_partial"  # files on their way; removed at the beginning and at the end of a run
PENDING_FILE: Final = ".crops_pending.jsonl"  # names of crops that were begun, a list for each picture
STALE_REPORT: Final = ".crops_stale.jsonl"  # report of an earlier run whose crops are being removed


class CropStore:
    """A folder of crops with its report, open for one run; use it in a ``with`` statement, once.

    Attributes:
        finished: the pictures that need nothing more: cropped, or without a face.
        unreadable: the pictures that an earlier run could not read.
        names: gives every further picture the stem of its crops.

    Args:
        folder: the folder; made if it does not exist.
        options: all that decides what the crops look like, ready for JSON.
        overwrite: remove the crops of an earlier run, whatever its options, and begin anew.
        quality: of JPEG files, from 1 to 100; ``None`` for PNG.

    Raises:
        InvalidOptionError: if the folder cannot be written to, holds something else, or was begun with other options.
    """

    def __init__(self, folder: Path, options: Mapping[str, Any], *, overwrite: bool, quality: int | None) -> None:
        self.folder = folder
        self.finished: set[str] = set()
        self.unreadable: set[str] = set()
        self.names = FreeNames()
        self._quality = quality
        self._ending = ".png" if quality is None else ".jpg"
        self._partial = folder / PARTIAL_FOLDER
        self._counts: Counter[str] = Counter()
        self._unlisted: set[str] = set()  # crops of this run, begun or whole, without a row
        self._lock = Lock()
        self._run = RunFolder(folder, OPTIONS_FILE, option="destination", contents="crops")
        with self._run.told_if_not_writable():
            folder.mkdir(parents=True, exist_ok=True)
            self._begin(options, overwrite=overwrite)
            self._resume()
            self._report = FileIO(folder / REPORT_FILE, "ab")
            self._pending = FileIO(folder / PENDING_FILE, "ab")
        self.num_done_before = len(self.finished)

    def __enter__(self) -> CropStore:
        """Return the store."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the report and remove what is left half done."""
        self._report.close()
        self._pending.close()
        with suppress(OSError):  # then the next run does it
            _remove_crops(self.folder, self._unlisted)
            (self.folder / PENDING_FILE).unlink()
        shutil.rmtree(self._partial, ignore_errors=True)

    def write_crops(self, crops: list[NDArray[np.uint8]], stem: str, *, are_numbered: bool) -> list[str]:
        """Write the crops of one picture; safe to call from several threads.

        Args:
            crops: ``(size, size, 3)`` each.
            stem: their path in the folder, without number and ending.
            are_numbered: whether they get a number, from 1.

        Returns:
            the paths of the crops in the folder.

        Raises:
            InvalidOptionError: if the folder cannot be written to.
            OSError: if a file of this one name cannot be written.
        """
        names = [
            f"{stem}_{number}{self._ending}" if are_numbered else f"{stem}{self._ending}"
            for number in range(1, len(crops) + 1)
        ]
        with self._run.told_if_not_writable():
            for name in names:
                if os.path.lexists(self.folder / name):  # not of a run: crops without a row are removed before
                    raise FileExistsError(errno.EEXIST, "a file of this name is there that no run wrote", name)
            with self._lock:
                self._unlisted.update(names)
                _append(self._pending, json.dumps(names).encode("ascii") + b"\n")
            for crop, name in zip(crops, names, strict=True):
                self._write_crop(crop, self.folder / name)
        return names

    def add(self, row: CropRow) -> None:
        """Add the row of a picture whose crops are written.

        Raises:
            InvalidOptionError: if the folder cannot be written to.
        """
        with self._run.told_if_not_writable():
            _append(self._report, encode_row(row))
        with self._lock:
            self._unlisted.difference_update(crop.crop for crop in row.crops)
        self._count(row)

    def summarize(self) -> CropSummary:
        """Return the figures of the report as it stands."""
        return CropSummary(
            self.folder / REPORT_FILE,
            num_cropped=self._counts["cropped"],
            num_crops=self._counts["crops"],
            num_without_face=self._counts["no face"],
            num_unreadable=self._counts["unreadable"],
            num_done_before=self.num_done_before,
        )

    def _begin(self, options: Mapping[str, Any], *, overwrite: bool) -> None:
        """Clear the folder if that was asked for, compare the options with those before, and record them."""
        report, stale = (self.folder / name for name in (REPORT_FILE, STALE_REPORT))
        if not overwrite:
            self._run.compare(options)
        else:
            self._run.check_own()
            if report.exists():
                report.replace(stale)
        if stale.exists():  # asked for now, or by a run that was killed while it did this
            _remove_crops(self.folder, _crops_of(stale))
            stale.unlink()
        pending = self.folder / PENDING_FILE
        if pending.exists():  # of a run that was killed
            listed = set(_crops_of(report)) if report.exists() else set()
            _remove_crops(self.folder, set(_read_pending(pending)) - listed)
            pending.unlink()
        shutil.rmtree(self._partial, ignore_errors=True)
        self._partial.mkdir()
        self._run.record(options)

    def _resume(self) -> None:
        """Take over the rows of finished pictures, and drop half lines and unreadable ones, to be tried again."""
        report, kept = self.folder / REPORT_FILE, self._partial / REPORT_FILE
        if not report.exists():
            return
        stems = []
        with kept.open("wb") as file:
            for row in read_rows(report):
                if row.error is not None:
                    self.unreadable.add(row.image)
                elif row.image not in self.finished:
                    self.finished.add(row.image)
                    stems.append(row.stem)
                    self._count(row)
                    file.write(encode_row(row))
        kept.replace(report)
        self.names = FreeNames(stems)

    def _count(self, row: CropRow) -> None:
        """Add a row to the figures."""
        self._counts.update({row.status: 1, "crops": len(row.crops)})

    def _write_crop(self, crop: NDArray[np.uint8], path: Path) -> None:
        """Write one crop, and its folder if there is none."""
        partial = self._partial / f"{uuid4().hex}{self._ending}"
        if self._quality is None:
            Image.fromarray(crop).save(partial)
        else:
            Image.fromarray(crop).save(partial, quality=self._quality, subsampling=0)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            partial.replace(path)
        except OSError:
            partial.unlink(missing_ok=True)
            raise


def _append(file: FileIO, line: bytes) -> None:
    """Write a line at the end of a file, in one piece.

    Raises:
        OSError: if there is not enough room for it.
    """
    if file.write(line) != len(line):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _crops_of(report: Path) -> Iterator[str]:
    """Yield the paths of the crops that a report lists."""
    return (crop.crop for row in read_rows(report) for crop in row.crops)


def _read_pending(path: Path) -> Iterator[str]:
    """Yield the names in the file of crops that were begun; behind the half line of a kill there are no crops."""
    with path.open("rb") as file:
        for line in file:
            try:
                yield from map(str, json.loads(line))
            except (ValueError, TypeError, RecursionError):
                continue


def _remove_crops(folder: Path, names: Iterable[str]) -> None:
    """Remove crops and the folders that this leaves empty."""
    parents: set[PurePosixPath] = set()
    for name in map(PurePosixPath, names):
        if name.is_absolute() or ".." in name.parts:  # not as this package writes them
            continue
        try:
            (folder / name).unlink(missing_ok=True)
        except OSError as error:
            if error.errno not in OF_ONE_PATH:
                raise
            continue  # it could not be written either
        parents.update(name.parents)
    for parent in sorted(parents - {PurePosixPath()}, key=lambda path: -len(path.parts)):
        path = folder / parent
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()


__all__ = ["PARTIAL_FOLDER", "STALE_REPORT", "CropStore"]
