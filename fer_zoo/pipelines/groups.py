"""Pictures in groups: the unit in which many are read, analysed, recorded and, after an interruption, taken up again.

Detection and classification never mix the pictures of two groups, so what a group gives depends neither on the number
of threads or processes, nor on what was done before.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from fer_zoo.errors import FerZooError, ImageReadError
from fer_zoo.imaging.archives import ArchivedPicture, ArchiveReader
from fer_zoo.imaging.locations import Location, fetch, load, name_of
from fer_zoo.imaging.remote import RemotePicture
from fer_zoo.pipelines.detected import DetectedPicture
from fer_zoo.pipelines.face_expression import FaceExpressionPipeline
from fer_zoo.pipelines.threads import AHEAD, map_in_order
from fer_zoo.ranges import check_counts, check_positive, check_shares
from fer_zoo.results import ImageResult

GROUP_SIZE: Final = 64  # pictures; what a killed run may have to do again
DETECTION_WINDOW: Final = 16  # pictures that are in memory at once besides those that are read ahead

Loaded: TypeAlias = tuple[str, NDArray[np.uint8] | FerZooError]


@dataclass(frozen=True, slots=True)
class Group:
    """Pictures that are analysed together.

    Attributes:
        locations: where they are, or why a folder or archive cannot be looked into.
    """

    locations: tuple[Location | ImageReadError, ...]

    @property
    def digest(self) -> str:
        """A name for the group that depends on where its pictures are and on their order."""
        places = "\0".join(map(_identity, self.locations))
        return hashlib.sha256(places.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _identity(location: Location | ImageReadError) -> str:
    """Return what tells a picture from all others, without passwords; several may be shown by one name.

    An archive may hold a name more than once, and neither queries of URIs nor contents of data URLs are shown.
    """
    if isinstance(location, ArchivedPicture):
        return f"{location}\0{location.position}\0{location.size}"
    if isinstance(location, RemotePicture):
        return f"{location}\0{location.root.partition('?')[2]}"
    is_data = isinstance(location, str) and location.lower().startswith("data:")
    return str(location) if is_data else name_of(location)


@dataclass(frozen=True, slots=True)
class AnalysisOptions:
    """What decides the answers besides the pipeline.

    Attributes:
        threshold: faces that the detector is less sure of are left out, in [0, 1]; by default as for the pipeline.
        min_confidence: expressions whose probability is below are marked as uncertain, in [0, 1]; by default as for the
            pipeline.
        batch_size: how many faces run through the model together.
        max_pixels: pictures with more pixels are rows with an error; by default as for the pipeline.

    Raises:
        InvalidOptionError: if an option is out of its range.
    """

    threshold: float | None = None
    min_confidence: float | None = None
    batch_size: int = 8
    max_pixels: int | None = None

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_shares(threshold=self.threshold, min_confidence=self.min_confidence)
        check_counts(batch_size=self.batch_size)
        if self.max_pixels is not None:
            check_positive(max_pixels=self.max_pixels)


@dataclass(frozen=True, slots=True)
class SettledOptions:
    """The same with nothing left open.

    Attributes:
        threshold: as in :class:`AnalysisOptions`.
        min_confidence: as in :class:`AnalysisOptions`.
        batch_size: as in :class:`AnalysisOptions`.
        reading: options of :func:`fer_zoo.imaging.read_image`, ``max_pixels`` among them.
    """

    threshold: float
    min_confidence: float
    batch_size: int
    reading: dict[str, Any]


def settle(options: AnalysisOptions, pipe: FaceExpressionPipeline) -> SettledOptions:
    """Return options with what they leave open as for a pipeline."""
    return SettledOptions(
        pipe.threshold if options.threshold is None else options.threshold,
        pipe.min_confidence if options.min_confidence is None else options.min_confidence,
        options.batch_size,
        pipe.reading if options.max_pixels is None else {**pipe.reading, "max_pixels": options.max_pixels},
    )


def group_pictures(locations: Iterable[Location | ImageReadError], size: int = GROUP_SIZE) -> Iterator[Group]:
    """Yield the pictures in groups of a size, in their order."""
    rest = iter(locations)
    while some := tuple(islice(rest, size)):
        yield Group(some)


def analyze_groups(
    pipe: FaceExpressionPipeline, groups: Iterable[Group], options: AnalysisOptions, *, workers: int
) -> Generator[tuple[Group, list[ImageResult]], None, None]:
    """Yield each group with its results, in the order of the groups, of which a few are read ahead in threads.

    Args:
        pipe: finds and classifies the faces.
        groups: taken as they are needed.
        options: of the analysis.
        workers: threads that read and decode.

    Raises:
        Exception: whatever the detector or the model raises for every picture of a group, and for a blank one.
    """
    begun: deque[Group] = deque()
    reading = settle(options, pipe).reading

    def fetched() -> Iterator[tuple[str, Any]]:
        with ArchiveReader() as archives:
            for group in groups:
                begun.append(group)
                for location in group.locations:
                    yield name_of(location), _fetch(location, archives)

    def decode(item: tuple[str, Any]) -> Loaded:
        return item[0], _load(item[1], item[0], reading)

    with (
        ThreadPoolExecutor(workers, thread_name_prefix="read") as pool,
        closing(map_in_order(pool, decode, fetched(), AHEAD * workers)) as loaded,
    ):
        for first in loaded:
            group = begun.popleft()
            rest = islice(loaded, len(group.locations) - 1)
            yield group, analyze_group(pipe, group, options, loaded=_chain(first, rest))
            deque(rest, maxlen=0)  # what a failure has left


def analyze_group(
    pipe: FaceExpressionPipeline,
    group: Group,
    options: AnalysisOptions,
    *,
    loaded: Iterable[Loaded] | None = None,
    poisoned: Mapping[int, str] | None = None,
) -> list[ImageResult]:
    """Return the results of a group, one for each picture.

    If the detector or the model raises an error of any kind, the pictures are tried one by one: those that raise it
    alone become rows with the error, and the rest is analysed together as usual.

    Args:
        pipe: finds and classifies the faces.
        group: the pictures.
        options: of the analysis.
        loaded: the pictures, read already; by default they are read one after the other.
        poisoned: pictures to leave out, by their place in the group from 0, and the reasons.

    Raises:
        Exception: whatever every picture raises, if a blank one raises something too.
    """
    settled = settle(options, pipe)
    if loaded is None:
        loaded = load_group(group, settled.reading, poisoned or {})
    try:
        return _analyze(pipe, loaded, settled)
    except Exception as error:  # of the detector's or the model's own; a bad picture must not end a long run
        _, found = analyze_apart(pipe, group, options, poisoned or {})
        if not found or (len(found) == len(group.locations) and not _works(pipe)):
            raise
        try:
            return _analyze(pipe, load_group(group, settled.reading, found), settled)
        except Exception:  # noqa: BLE001  # together they fail and alone they do not: not the pictures' fault
            raise error from None


def analyze_apart(
    pipe: FaceExpressionPipeline,
    group: Group,
    options: AnalysisOptions,
    known: Mapping[int, str],
    *,
    on_picture: Callable[[int | None], object] | None = None,
) -> tuple[list[ImageResult], dict[int, str]]:
    """Analyse the pictures of a group one by one.

    Args:
        pipe: finds and classifies the faces.
        group: the pictures.
        options: of the analysis.
        known: pictures to leave out, by their place in the group from 0, and the reasons.
        on_picture: called with the place of each picture before it is read, and with ``None`` in the end.

    Returns:
        the results, one for each picture, and those of the pictures that raise an error or were known to, with the
        reasons; in the results they are rows with these.
    """
    results: list[ImageResult] = []
    found, note = dict(known), on_picture or (lambda place: None)
    settled = settle(options, pipe)
    with ArchiveReader() as archives:
        for place, location in enumerate(group.locations):
            note(place)
            name = name_of(location)
            if place not in known:
                picture = _load(_fetch(location, archives), name, settled.reading)
                try:
                    results += _analyze(pipe, [(name, picture)], settled)
                    continue
                except Exception as error:  # noqa: BLE001  # of the detector's or the model's own
                    found[place] = f"its analysis failed ({describe_error(error)})"
            results += _analyze(pipe, [(name, ImageReadError(name, found[place]))], settled)
    note(None)
    return results, found


def _works(pipe: FaceExpressionPipeline) -> bool:
    """Return whether the detector and the model take a blank picture: then a failure is the fault of the picture."""
    try:
        pipe.warm_up(with_detector=True)
    except Exception:  # noqa: BLE001  # whatever it is, it will come again
        return False
    return True


def load_group(group: Group, reading: Mapping[str, Any], poisoned: Mapping[int, str]) -> Iterator[Loaded]:
    """Yield the pictures of a group, read one after the other.

    Args:
        group: the pictures.
        reading: options of :func:`fer_zoo.imaging.read_image`.
        poisoned: pictures to leave out, by their place in the group from 0, and the reasons.
    """
    with ArchiveReader() as archives:
        for place, location in enumerate(group.locations):
            name = name_of(location)
            if place in poisoned:
                yield name, ImageReadError(name, poisoned[place])
            else:
                yield name, _load(_fetch(location, archives), name, reading)


def _fetch(location: Location | ImageReadError, archives: ArchiveReader) -> Location | bytes | ImageReadError:
    """Return what :func:`fetch` does, or the error, of whatever kind: it is one picture's and must not end the rest."""
    try:
        return fetch(location, archives)
    except Exception as error:  # noqa: BLE001  # such as too little memory for a member of an archive
        with archives:
            pass  # closed, for it may have stopped halfway; the next member opens it again
        return ImageReadError(name_of(location), f"reading it failed ({describe_error(error)})")


def _load(
    fetched: Location | bytes | ImageReadError, name: str, reading: Mapping[str, Any]
) -> NDArray[np.uint8] | ImageReadError:
    """Return what :func:`load` does, or the error, of whatever kind."""
    try:
        return load(fetched, name, **reading)
    except Exception as error:  # noqa: BLE001  # see above
        return ImageReadError(name, f"reading it failed ({describe_error(error)})")


def describe_error(error: Exception) -> str:
    """Return the class of an error, and what it says if it says anything."""
    return f"{type(error).__name__}: {error}".removesuffix(": ")


def _analyze(pipe: FaceExpressionPipeline, loaded: Iterable[Loaded], options: SettledOptions) -> list[ImageResult]:
    """Run pictures through the pipeline: detection a window at a time, faces batched across pictures."""

    def detected() -> Iterator[DetectedPicture]:
        rest = iter(loaded)
        while window := list(islice(rest, DETECTION_WINDOW)):
            yield from pipe.detect(window, threshold=options.threshold)

    stream = pipe.analyze(
        detected(), on_error="skip", batch_size=options.batch_size, min_confidence=options.min_confidence
    )
    return list(stream)


def _chain(first: Loaded, rest: Iterator[Loaded]) -> Iterator[Loaded]:
    """Yield an item and then others, without holding on to the first."""
    yield first
    yield from rest


__all__ = [
    "AnalysisOptions",
    "Group",
    "SettledOptions",
    "analyze_apart",
    "analyze_group",
    "analyze_groups",
    "describe_error",
    "group_pictures",
    "load_group",
    "settle",
]
