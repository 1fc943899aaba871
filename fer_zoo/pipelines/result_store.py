"""Where the results of a long run wait until all are there: one small file a group, beside the output.

``OUTPUT.partial`` holds ``options.json`` with all that decides the results, and a file of JSON Lines for every finished
group, written elsewhere in the folder and then renamed. So a killed run leaves whole groups and nothing else. The
output itself appears at the end, by renaming. Where it is a link, all this stands beside the file that it leads to, as
that may be on another disk.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from fer_zoo.errors import InvalidOptionError, ResultFileError, WorkerError
from fer_zoo.pipelines.groups import Group
from fer_zoo.pipelines.run_folder import RunFolder
from fer_zoo.results import ImageResult, read_json_lines, write_csv, write_json_lines, write_parquet
from fer_zoo.results.files import encode_result
from fer_zoo.results.table import arrow_schema
from fer_zoo.whole_files import check_place, put_in_place, write_whole

OPTIONS_FILE: Final = "options.json"
SHOWN_FAILURES: Final = 20  # reasons that a summary holds; the output has all of them

#: How each format is written, by the ending of the output.
FORMATS: Final[Mapping[str, Callable[[Iterable[ImageResult], Path], None]]] = MappingProxyType(
    {".parquet": write_parquet, ".jsonl": write_json_lines, ".csv": write_csv}
)


@dataclass(frozen=True, slots=True)
class BatchSummary:
    """The figures of an output.

    Attributes:
        output: its path.
        num_pictures: rows of pictures: with faces, without any, and unreadable ones.
        num_faces: faces.
        num_without_face: pictures in which no face was found.
        num_unreadable: pictures that gave no answer.
        num_done_before: pictures that an earlier run had finished, part of the figures above.
        failures: why pictures gave no answer, of the first twenty.
    """

    output: Path
    num_pictures: int
    num_faces: int
    num_without_face: int
    num_unreadable: int
    num_done_before: int
    failures: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, ready for JSON."""
        return {
            "output": str(self.output),
            "num_pictures": self.num_pictures,
            "num_faces": self.num_faces,
            "num_without_face": self.num_without_face,
            "num_unreadable": self.num_unreadable,
            "num_done_before": self.num_done_before,
        }


class ResultStore:
    """The results of one run, its own and those of interrupted ones before it.

    Args:
        output: the file to write in the end; its ending, in letters of either case, is its format. A link stays a link,
            and a file that is replaced hands its permissions on.
        options: all that decides the results, ready for JSON.
        overwrite: begin anew, and replace an output that exists in the end.

    Raises:
        InvalidOptionError: if the format is not known, the output exists, the folder cannot be written to, or a run
            with other options was begun.
        MissingPackageError: if the format needs a package that is not installed.
    """

    def __init__(self, output: Path, options: Mapping[str, Any], *, overwrite: bool) -> None:
        suffix = output.suffix.lower()
        if suffix not in FORMATS:
            raise InvalidOptionError("output", str(output), f"a file that ends in {', '.join(FORMATS)}")
        if suffix == ".parquet":
            arrow_schema()  # a package that is missing is missed now and not in the end
        self.output, self._write = output, FORMATS[suffix]
        real = Path(os.path.realpath(output))
        self.folder = real.with_name(f"{real.name}.partial")
        self._removed = real.with_name(f".{real.name}.removed")
        self._parts = self.folder / "parts"
        self._writing = self.folder / ".writing"
        self._finished: set[str] = set()  # digests
        self._run = RunFolder(self.folder, OPTIONS_FILE, option="output", contents="results", shown=output)
        with self._run.told_if_not_writable():
            self._check_output(overwrite=overwrite)
            if overwrite:
                if self.folder.exists():
                    self._run.check_own()
                self._discard()
            self.folder.mkdir(parents=True, exist_ok=True)
            self._run.compare(options)
            shutil.rmtree(self._writing, ignore_errors=True)
            self._writing.mkdir()
            self._run.record(options)
            self._parts.mkdir(exist_ok=True)

    def has(self, group: Group) -> bool:
        """Return whether a group is finished: each of its pictures has a result in its file, which is read once."""
        if group.digest not in self._finished and self._is_whole(group):
            self._finished.add(group.digest)
        return group.digest in self._finished

    def write(self, group: Group, results: Iterable[ImageResult]) -> None:
        """Keep the results of a group, all or nothing.

        Raises:
            InvalidOptionError: if the folder cannot be written to.
        """
        content = b"".join(map(encode_result, results))
        part = self._part(group.digest)
        with self._run.told_if_not_writable():
            part.parent.mkdir(exist_ok=True)
            write_whole(part, content)
        self._finished.add(group.digest)

    def finish(self, digests: Iterable[str], num_pictures: int, num_done_before: int) -> BatchSummary:
        """Write the output from the groups, and remove what is not needed any more.

        Args:
            digests: of all groups, in their order.
            num_pictures: in these groups.
            num_done_before: pictures that an earlier run had finished.

        Raises:
            WorkerError: if there is not one row for each picture; nothing is removed then.
            InvalidOptionError: if the folder cannot be written to.
        """
        counts = dict.fromkeys(("pictures", "faces", "without", "unreadable"), 0)
        failures: list[str] = []

        def counted(results: Iterable[ImageResult]) -> Iterator[ImageResult]:
            for result in results:
                counts["pictures"] += 1
                counts["faces"] += len(result.faces)
                counts["without"] += result.error is None and not result.faces
                counts["unreadable"] += result.error is not None
                if result.error is not None and len(failures) < SHOWN_FAILURES:
                    failures.append(result.error)
                yield result

        parts = (self._part(digest) for digest in digests)
        results = chain.from_iterable(read_json_lines(part) for part in parts if part.exists())
        written = self._writing / self.output.name
        with self._run.told_if_not_writable():
            self._write(counted(results), written)
            if counts["pictures"] != num_pictures:
                raise WorkerError(f"{counts['pictures']:,} of {num_pictures:,} pictures have a row")
            put_in_place(written, self.output)
            self._discard()
        return BatchSummary(
            self.output,
            num_pictures=counts["pictures"],
            num_faces=counts["faces"],
            num_without_face=counts["without"],
            num_unreadable=counts["unreadable"],
            num_done_before=num_done_before,
            failures=tuple(failures),
        )

    def _is_whole(self, group: Group) -> bool:
        """Return whether the file of a group has as many results as the group has pictures."""
        try:
            return sum(1 for _ in read_json_lines(self._part(group.digest))) == len(group.locations)
        except (OSError, ResultFileError):
            return False

    def _part(self, digest: str) -> Path:
        """Return the path of a group's file; a folder holds a 256th of them."""
        return self._parts / digest[:2] / f"{digest}.jsonl"

    def _check_output(self, *, overwrite: bool) -> None:
        """Refuse an output that would be replaced without being asked."""
        check_place("output", self.output)
        if self.output.exists() and not overwrite and not self.folder.exists():
            expected = "a file that does not exist; choose another, or overwrite=True (--overwrite) to replace it"
            raise InvalidOptionError("output", str(self.output), expected)

    def _discard(self) -> None:
        """Remove the folder; a kill in between leaves nothing that looks like a run."""
        shutil.rmtree(self._removed, ignore_errors=True)
        if self.folder.exists():
            self.folder.rename(self._removed)
            shutil.rmtree(self._removed)


__all__ = ["FORMATS", "BatchSummary", "ResultStore"]
