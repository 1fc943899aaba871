"""``fer-zoo predict --annotate``: pictures with their faces marked, in a folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from fer_zoo.cli.inputs import SourceFiles, stem_of
from fer_zoo.errors import FerZooError, ImageReadError, InvalidOptionError
from fer_zoo.imaging import FreeNames, Location, annotate
from fer_zoo.imaging.archives import ArchiveReader
from fer_zoo.imaging.locations import fetch, load
from fer_zoo.results import ImageResult
from fer_zoo.whole_files import whole_file


class MarkedPictures:
    """Reads pictures once more, and writes them with their faces marked; use it in a ``with`` statement.

    The archive that was read from last stays open, so those in a compressed tar are best given in its order.

    Args:
        folder: where to write.
        sources: the files that all pictures are in, which are never written over.
        reading: options of :func:`fer_zoo.imaging.read_image`, as for the analysis.
    """

    def __init__(self, folder: Path, sources: SourceFiles, reading: Mapping[str, Any]) -> None:
        self.folder = folder
        self.sources = sources
        self.reading = reading
        self.names = FreeNames()
        self.archives = ArchiveReader()

    def __enter__(self) -> MarkedPictures:
        """Return the writer."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close the archive."""
        self.archives.__exit__(*exception)

    def write(self, location: Location | ImageReadError, result: ImageResult) -> list[str]:
        """Write a picture, and return the reason if that fails."""
        path = self._choose_file(location)
        try:
            picture = load(fetch(location, self.archives), result.source, **self.reading)
            if isinstance(picture, ImageReadError):
                return [str(picture)]
            with whole_file(path) as partial:
                Image.fromarray(annotate(picture, result)).save(partial)
        except FerZooError as error:
            return [str(error)]
        except OSError as error:
            return [str(InvalidOptionError("--annotate", str(path), f"a place that can be written to ({error})"))]
        return []

    def _choose_file(self, location: Location | ImageReadError) -> Path:
        """Return the file for a picture: named after it, and numbered where that is taken."""
        while True:
            path = self.folder / f"{self.names.take(stem_of(str(location)))}.png"
            if not self.sources.include(path):
                return path


__all__ = ["MarkedPictures"]
