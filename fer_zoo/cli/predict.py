"""``fer-zoo predict``: the faces of pictures and their expressions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from fer_zoo.cli.failures import FAILED_INPUT, complain, errors_as_usage
from fer_zoo.cli.inputs import SourceFiles, expand_inputs
from fer_zoo.cli.marked_pictures import MarkedPictures
from fer_zoo.cli.options import (
    BackendOption,
    DetectorOption,
    DeviceOption,
    FlipOption,
    MinConfidenceOption,
    ModelOption,
    PrecisionOption,
    ThreadsOption,
    ThresholdOption,
)
from fer_zoo.cli.output import CsvWriter, JsonWriter, ResultWriter, TableWriter
from fer_zoo.cli.pipeline_choice import PipelineChoice
from fer_zoo.cli.predict_files import ENGINES, FileJob, predict_to_file
from fer_zoo.cli.progress import show_progress
from fer_zoo.cli.redirections import suggest_video
from fer_zoo.errors import ImageReadError
from fer_zoo.imaging import DEFAULT_MAX_PIXELS, Location
from fer_zoo.pipelines import AnalysisOptions, FaceExpressionPipeline, RayResources
from fer_zoo.pipelines.groups import analyze_groups, group_pictures, settle
from fer_zoo.pipelines.threads import usable_cpus
from fer_zoo.results import ImageResult

SHOWN_AT_ONCE = 8  # pictures whose results are printed together


def predict(
    images: Annotated[
        list[str], typer.Argument(metavar="IMAGE...", help="Pictures, folders, archives, patterns or URLs.")
    ],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON: a list with one object for each picture.")
    ] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV: one row for each face.")] = False,
    annotate_to: Annotated[
        Path | None,
        typer.Option(
            "--annotate",
            metavar="DIR",
            help="Write every picture with its faces marked into this folder; files of the same name are replaced.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write a table, .parquet, .jsonl or .csv, that an interrupted run goes on with; one that is "
            "complete is replaced with --overwrite only. Prints a summary.",
        ),
    ] = None,
    model: ModelOption = "mhan",
    detector: DetectorOption = "center_face",
    device: DeviceOption = None,
    backend: BackendOption = None,
    precision: PrecisionOption = None,
    threads: ThreadsOption = None,
    flip: FlipOption = False,
    top_k: Annotated[
        int | None, typer.Option(min=1, help="Expressions for each face; 1 in the table and all elsewhere by default.")
    ] = None,
    threshold: ThresholdOption = 0.0,
    min_confidence: MinConfidenceOption = 0.0,
    batch_size: Annotated[int, typer.Option(min=1, help="Faces that run through the model together.")] = 8,
    max_pixels: Annotated[int, typer.Option(min=1, help="Refuse larger pictures.")] = DEFAULT_MAX_PIXELS,
    workers: Annotated[
        int | None,
        typer.Option(min=1, help="Threads that read pictures, by default one for each CPU; with ray, actors (1)."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Begin anew, and replace the file that --output names.")
    ] = False,
    engine: Annotated[str, typer.Option(help="With --output: local, or ray for many machines.")] = "local",
    num_cpus: Annotated[float, typer.Option(min=0.0, help="With ray: CPUs of each actor, such as 0.5.")] = 1.0,
    num_gpus: Annotated[float, typer.Option(min=0.0, help="With ray: GPUs of each actor, such as 0.25.")] = 0.0,
) -> None:
    """Print the expression of every face in pictures, or write them into a file.

    With --output the same command goes on after an interruption, and archives and folders may have any size.

    Exit status: 0 if every picture could be read (one without a face too), 1 if not (the reasons are on stderr), 2 for
    wrong usage.
    """
    if as_json and as_csv:
        raise typer.BadParameter("choose one of --json and --csv")
    options = AnalysisOptions(threshold, min_confidence, batch_size, max_pixels)
    choice = PipelineChoice(model, detector, device, backend, precision, threads, flip)
    if output is not None:
        if as_csv or annotate_to is not None or top_k is not None:
            raise typer.BadParameter("--output cannot be combined with --csv, --annotate and --top-k")
        resources = RayResources(workers or 1, num_cpus, num_gpus)
        job = FileJob(images, output, choice, options, overwrite)
        predict_to_file(job, engine=engine, workers=workers, resources=resources, as_json=as_json)
        return
    _refuse_options_of_files(overwrite=overwrite, engine=engine, num_cpus=num_cpus, num_gpus=num_gpus)
    with errors_as_usage():
        pipe = choice.make()
        if annotate_to is not None:
            annotate_to.mkdir(parents=True, exist_ok=True)
        inputs = list(expand_inputs(images))
    pictures = [item for item in inputs if not isinstance(item, ImageReadError)]
    failures = [str(item) for item in inputs if isinstance(item, ImageReadError)]
    writer = _choose_writer(top_k, as_json=as_json, as_csv=as_csv)
    reading = settle(options, pipe).reading
    with (
        nullcontext() if annotate_to is None else MarkedPictures(annotate_to, SourceFiles(pictures), reading)
    ) as marked:
        for location, result in _analyze(pipe, pictures, options, workers or usable_cpus()):
            writer.write(result)
            if result.error is not None:
                failures.append(result.error)
            elif marked is not None:
                failures.extend(marked.write(location, result))
    writer.finish()
    for failure in failures:
        complain(failure)
    if failures:
        suggest_video(pictures)
        raise typer.Exit(FAILED_INPUT)


def _refuse_options_of_files(*, overwrite: bool, engine: str, num_cpus: float, num_gpus: float) -> None:
    """Refuse what means something with ``--output`` alone.

    Raises:
        BadParameter: if one of them is not as by default.
    """
    asked = {
        "--overwrite": overwrite,
        "--engine": engine != ENGINES[0],
        "--num-cpus": num_cpus != 1.0,
        "--num-gpus": num_gpus != 0.0,
    }
    names = ", ".join(name for name, is_asked in asked.items() if is_asked)
    if names:
        raise typer.BadParameter(f"{names}: only for a file; add --output FILE, or leave this out")


def _choose_writer(top_k: int | None, *, as_json: bool, as_csv: bool) -> ResultWriter:
    """Return what prints the results."""
    if as_json:
        return JsonWriter(top_k)
    return CsvWriter() if as_csv else TableWriter(top_k or 1)


def _analyze(
    pipe: FaceExpressionPipeline, pictures: list[Location], options: AnalysisOptions, workers: int
) -> Iterator[tuple[Location | ImageReadError, ImageResult]]:
    """Yield the results in the order of the pictures, under a progress bar if there are many."""
    with show_progress() as on_progress:
        done = 0
        for group, results in analyze_groups(pipe, group_pictures(pictures, SHOWN_AT_ONCE), options, workers=workers):
            yield from zip(group.locations, results, strict=True)
            done += len(results)
            on_progress(done, len(pictures))


__all__ = ["predict"]
