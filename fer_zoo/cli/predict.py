"""``fer-zoo predict``: the faces of pictures and their expressions."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from itertools import count
from pathlib import Path
from typing import Annotated, Any

import typer
from PIL import Image
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from fer_zoo.cli.failures import FAILED_INPUT, complain, errors_as_usage
from fer_zoo.cli.inputs import expand_inputs, stem_of
from fer_zoo.cli.options import DetectorOption, DeviceOption, ModelOption
from fer_zoo.cli.output import CsvWriter, JsonWriter, ResultWriter, TableWriter
from fer_zoo.errors import FerZooError, InvalidOptionError
from fer_zoo.imaging import annotate, read_image
from fer_zoo.pipelines import FaceExpressionPipeline, pipeline
from fer_zoo.results import ImageResult

MANY = 4  # pictures; more than these get a progress bar


def predict(
    images: Annotated[list[str], typer.Argument(metavar="IMAGE...", help="Pictures, folders, patterns or URLs.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON: a list with one object for each picture.")
    ] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV: one row for each face.")] = False,
    annotate_to: Annotated[
        Path | None,
        typer.Option("--annotate", metavar="DIR", help="Write every picture with its faces marked into this folder."),
    ] = None,
    model: ModelOption = "mhan",
    detector: DetectorOption = "center_face",
    device: DeviceOption = None,
    top_k: Annotated[
        int | None, typer.Option(min=1, help="Expressions for each face; 1 in the table and all elsewhere by default.")
    ] = None,
    threshold: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Leave out faces that the detector is less sure of.")
    ] = 0.0,
    min_confidence: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="Mark expressions that the model is less sure of as uncertain.")
    ] = 0.0,
    batch_size: Annotated[int, typer.Option(min=1, help="Faces that run through the model together.")] = 8,
) -> None:
    """Print the expression of every face in pictures.

    Exit status: 0 if every picture could be read (one without a face too), 1 if not (the reasons are on stderr), 2 for
    wrong usage.
    """
    if as_json and as_csv:
        raise typer.BadParameter("choose one of --json and --csv")
    with errors_as_usage():
        pipe = pipeline(model=model, detector=detector, device=device)
        if annotate_to is not None:
            annotate_to.mkdir(parents=True, exist_ok=True)
    inputs = list(expand_inputs(images))
    pictures = [item for item in inputs if isinstance(item, str)]
    failures = [str(item) for item in inputs if not isinstance(item, str)]
    writer: ResultWriter = TableWriter(top_k or 1)
    if as_json:
        writer = JsonWriter(top_k)
    elif as_csv:
        writer = CsvWriter()
    names = _FreeNames()
    options = {"threshold": threshold, "min_confidence": min_confidence, "batch_size": batch_size}
    for result in _analyze(pipe, pictures, options):
        writer.write(result)
        if result.error is not None:
            failures.append(result.error)
        elif annotate_to is not None:
            failures.extend(_write_annotated(result, annotate_to / names.take(result.source)))
    writer.finish()
    for failure in failures:
        complain(failure)
    if failures:
        raise typer.Exit(FAILED_INPUT)


def _analyze(pipe: FaceExpressionPipeline, pictures: list[str], options: dict[str, Any]) -> Iterator[ImageResult]:
    """Yield the results in the order of the pictures, under a progress bar if there are many."""
    progress: Progress | None = None
    bar: AbstractContextManager[object] = nullcontext()
    if len(pictures) > MANY and sys.stderr.isatty():
        columns = (TextColumn("pictures"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        bar = progress = Progress(*columns, console=Console(stderr=True), transient=True)
    with bar:
        task = None if progress is None else progress.add_task("pictures", total=len(pictures))
        stream = pipe.analyze(iter(pictures), on_error="skip", **options)
        for result in stream:
            yield result
            if progress is not None and task is not None:
                progress.advance(task)


class _FreeNames:
    """Names for output files: that of the input with ``.png``, numbered where two inputs share it."""

    def __init__(self) -> None:
        self.taken: set[str] = set()

    def take(self, source: str) -> str:
        """Return a name that was not given before."""
        stem = stem_of(source)
        candidates = (stem if number == 1 else f"{stem}-{number}" for number in count(1))
        name = next(candidate for candidate in candidates if candidate not in self.taken)
        self.taken.add(name)
        return f"{name}.png"


def _write_annotated(result: ImageResult, path: Path) -> list[str]:
    """Write the picture with its faces marked, and return the reason if that fails."""
    try:
        Image.fromarray(annotate(read_image(result.source), result)).save(path)
    except FerZooError as error:
        return [str(error)]
    except OSError as error:
        return [str(InvalidOptionError("--annotate", str(path), f"a place that can be written to ({error})"))]
    return []


__all__ = ["predict"]
