"""``fer-zoo predict --output``: folders and archives into one file, on this machine or on many."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import typer

from fer_zoo.cli.failures import FAILED_INPUT, complain, errors_as_usage
from fer_zoo.cli.inputs import expand_patterns
from fer_zoo.cli.pipeline_choice import PipelineChoice
from fer_zoo.cli.progress import show_progress
from fer_zoo.cli.redirections import suggest_video
from fer_zoo.errors import ImageReadError, UnknownNameError
from fer_zoo.pipelines import (
    AnalysisOptions,
    BatchSummary,
    RayResources,
    analyze_files,
    analyze_files_with_ray,
)

ENGINES = ("local", "ray")


@dataclass(frozen=True, slots=True)
class FileJob:
    """What was typed.

    Attributes:
        images: folders, archives, pictures, patterns and URIs.
        output: the file to write.
        choice: of the pipeline.
        options: of the analysis.
        overwrite: whether to begin anew.
    """

    images: Sequence[str]
    output: Path
    choice: PipelineChoice
    options: AnalysisOptions
    overwrite: bool


def predict_to_file(job: FileJob, *, engine: str, workers: int | None, resources: RayResources, as_json: bool) -> None:
    """Do the job, print the summary, and exit as the command does.

    Args:
        job: what was typed.
        engine: ``local`` or ``ray``.
        workers: of the local engine, threads that read.
        resources: of the other.
        as_json: whether to print the summary as JSON.
    """
    with errors_as_usage(), show_progress() as on_progress:
        if engine not in ENGINES:
            raise UnknownNameError("engine", engine, ENGINES)
        found = list(expand_patterns(job.images))
        sources = [item for item in found if isinstance(item, str)]
        missed = [str(item) for item in found if isinstance(item, ImageReadError)]
        if not sources:
            for reason in missed:
                complain(reason)
            raise typer.Exit(FAILED_INPUT)
        if engine == "ray":
            summary = analyze_files_with_ray(
                sources,
                job.output,
                model=job.choice.model,
                detector=job.choice.detector,
                device=job.choice.device,
                pipeline_options=job.choice.options,
                options=job.options,
                resources=resources,
                overwrite=job.overwrite,
                on_progress=on_progress,
            )
        else:
            summary = analyze_files(
                sources,
                job.output,
                job.choice.make(),
                options=job.options,
                workers=workers,
                overwrite=job.overwrite,
                on_progress=on_progress,
            )
    print(json.dumps(summary.to_dict()) if as_json else _describe(summary))
    failures = [*missed, *summary.failures]
    for failure in failures:
        complain(failure)
    if summary.num_unreadable > len(summary.failures):
        complain(f"{summary.num_unreadable - len(summary.failures):,} more; their rows hold the reasons")
    if failures:
        suggest_video(sources)
        raise typer.Exit(FAILED_INPUT)


def _describe(summary: BatchSummary) -> str:
    """Return the summary for reading."""
    before = f" ({summary.num_done_before:,} of them by an earlier run)" if summary.num_done_before else ""
    pictures, faces = (
        f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
        for number, what in ((summary.num_pictures, "picture"), (summary.num_faces, "face"))
    )
    return (
        f"{pictures}{before}: {faces}, {summary.num_without_face:,} without a face, "
        f"{summary.num_unreadable:,} unreadable\nOutput: {summary.output}"
    )


__all__ = ["ENGINES", "FileJob", "predict_to_file"]
