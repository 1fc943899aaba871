"""Folders and archives of pictures, as many as there are: one table, whatever happens on the way."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from os import PathLike, fspath
from pathlib import Path
from typing import Any, TypeAlias

import torch
from transformers import PreTrainedModel

from fer_zoo.errors import ArgumentTypeError, ImageReadError, InvalidOptionError, WorkerError
from fer_zoo.imaging.locations import Location, find_locations, shown_source
from fer_zoo.models import ExportedForImageClassification
from fer_zoo.pipelines.face_expression import FaceExpressionPipeline
from fer_zoo.pipelines.groups import GROUP_SIZE, AnalysisOptions, Group, analyze_groups, group_pictures, settle
from fer_zoo.pipelines.result_store import BatchSummary, ResultStore
from fer_zoo.pipelines.threads import usable_cpus
from fer_zoo.ranges import check_counts
from fer_zoo.results import ImageResult

Sources: TypeAlias = str | PathLike[str] | Sequence[str | PathLike[str]]

#: Called with the number of pictures that are done, earlier runs included, and of all.
OnProgress: TypeAlias = Callable[[int, int], object]

#: Gives each group with its results, in any order.
AnalyzeGroups: TypeAlias = Callable[[Iterator[Group]], Iterable[tuple[Group, list[ImageResult]]]]


def analyze_files(
    sources: Sources,
    output: str | PathLike[str],
    pipe: FaceExpressionPipeline,
    *,
    options: AnalysisOptions | None = None,
    workers: int | None = None,
    overwrite: bool = False,
    on_progress: OnProgress | None = None,
) -> BatchSummary:
    """Analyse all pictures of folders and archives, and write one table with a row for every face and every picture.

    Pictures without a face and those that cannot be read have rows too, the latter with the reason. The order is that
    of the sources, in folders that of the names, in archives their own. Memory does not grow with the number of
    pictures, but for their names.

    After an interruption of any kind the same call goes on where it stopped: finished groups of 64 pictures wait in
    ``OUTPUT.partial``, and the output appears when all are there. Order and content are the same with any number of
    workers and interruptions, as long as the pictures are. One run at a time may write an output.

    Args:
        sources: one or many folders, archives (``ARCHIVE_SUFFIXES``), pictures, or URIs that pyarrow opens.
        output: the file to write: ``.parquet`` (:func:`fer_zoo.results.write_parquet`), ``.jsonl`` or ``.csv``.
        pipe: finds and classifies the faces.
        options: of the analysis; what they leave open is as for the pipeline.
        workers: threads that read and decode; by default one for each CPU that the process may use.
        overwrite: begin anew, and replace an output that exists.
        on_progress: called at the beginning and after every group.

    Raises:
        InvalidOptionError: if an option is out of its range, the output exists or cannot be written, or a run with
            other options was begun.
        ArgumentTypeError: if the pipeline is none.
        WorkerError: if pictures are left without a row; what was finished is kept.
        MissingPackageError: if the output or a source needs a package that is not installed.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from fer_zoo import pipeline
        >>> from fer_zoo.pipelines import analyze_files
        >>> pipe = pipeline(device="cpu")
        >>> with TemporaryDirectory() as folder:
        ...     summary = analyze_files("examples/images/astronaut.png", f"{folder}/faces.csv", pipe)
        >>> summary.num_pictures, summary.num_faces
        (1, 1)
    """
    ArgumentTypeError.check("pipe", pipe, FaceExpressionPipeline, "a pipeline, after sources and output")
    check_counts(workers=workers)
    options = options or AnalysisOptions()

    def analyze(groups: Iterator[Group]) -> Iterator[tuple[Group, list[ImageResult]]]:
        with closing(analyze_groups(pipe, groups, options, workers=workers or usable_cpus())) as results:
            yield from results

    return run_groups(
        sources, output, analyze, describe_run(pipe, options), overwrite=overwrite, on_progress=on_progress
    )


def run_groups(
    sources: Sources,
    output: str | PathLike[str],
    analyze: AnalyzeGroups,
    options: dict[str, Any],
    *,
    overwrite: bool,
    on_progress: OnProgress | None,
) -> BatchSummary:
    """Do what is left to do of sources, in groups, and write the output.

    Args:
        sources: as for :func:`analyze_files`.
        output: as for :func:`analyze_files`.
        analyze: does the work.
        options: all that decides the results besides the sources, ready for JSON.
        overwrite: as for :func:`analyze_files`.
        on_progress: as for :func:`analyze_files`.

    Raises:
        WorkerError: if the work ended before every picture had a row.
    """
    names = _names(sources)
    shown = [shown_source(name) for name in names]  # the options of a run are a file that others may read
    paths = [name if "://" in name else os.path.realpath(name) for name in shown]
    store = ResultStore(Path(output), {"sources": shown, "paths": paths, **options}, overwrite=overwrite)
    total = done_before = 0
    for group in _groups(names):
        total += len(group.locations)
        done_before += len(group.locations) * store.has(group)
    report = on_progress or (lambda done, total: None)
    report(done_before, total)
    done, digests, expected, is_listed = done_before, [], 0, False

    def unfinished() -> Iterator[Group]:
        nonlocal expected, is_listed
        for group in _groups(names):
            digests.append(group.digest)
            expected += len(group.locations)
            if not store.has(group):
                yield group
        is_listed = True

    for group, results in analyze(unfinished()):
        store.write(group, results)
        done += len(group.locations)
        report(done, total)
    if not is_listed:
        raise WorkerError(f"they stopped before they had come to all of {total:,} pictures")
    return store.finish(digests, expected, done_before)


def describe_run(pipe: FaceExpressionPipeline, options: AnalysisOptions) -> dict[str, Any]:
    """Return all that decides the results besides the pictures, as plain Python values.

    Of a detector that was passed as an object it has the name of its class; its own options are not known here.
    """
    settled = settle(options, pipe)
    return {
        "model_sha256": _checksum(pipe.model),
        "temperature": getattr(pipe.model.config, "temperature", 1.0),
        "calibrated": pipe.calibrated,
        "labels": [pipe.model.config.id2label[i] for i in range(pipe.model.config.num_labels)],
        "image_processor": pipe.image_processor.to_dict(),
        "dtype": str(pipe.dtype),
        "backend": pipe.backend,
        "provider": pipe.provider if pipe.backend == "openvino" else None,  # says the precision
        "flip": pipe.flip,
        "detector": type(pipe.detector).__qualname__,
        "threshold": settled.threshold,
        "min_confidence": settled.min_confidence,
        "batch_size": settled.batch_size,
        "max_pixels": settled.reading["max_pixels"],
        "group_size": GROUP_SIZE,
    }


def _names(sources: Sources) -> list[str]:
    """Return the paths and URIs of sources.

    Raises:
        InvalidOptionError: if there are none, or they are something else.
    """
    listed: object = [sources] if isinstance(sources, str | PathLike) else sources
    names = list(listed) if isinstance(listed, Iterable) else []
    if not names or not all(isinstance(name, str | PathLike) for name in names):
        raise InvalidOptionError("sources", sources, "at least one folder, archive or picture, as a path or URI")
    return [fspath(name) for name in names]


def _groups(sources: Iterable[str]) -> Iterator[Group]:
    """Yield the pictures of all sources in groups."""

    def locations() -> Iterator[Location | ImageReadError]:
        for source in sources:
            yield from find_locations(source)

    return group_pictures(locations())


def _checksum(model: PreTrainedModel) -> str:
    """Return the sha256 of a model's weights."""
    if isinstance(model, ExportedForImageClassification):
        return model.checksum
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy())
    return digest.hexdigest()


__all__ = ["OnProgress", "Sources", "analyze_files", "describe_run", "run_groups"]
