"""``fer-zoo predict``: the faces of pictures and their expressions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from PIL import Image

from fer_zoo.cli.failures import FAILED_INPUT, complain, errors_as_usage
from fer_zoo.cli.inputs import expand_inputs, stem_of
from fer_zoo.cli.options import DetectorOption, DeviceOption, ModelOption
from fer_zoo.cli.output import CsvWriter, JsonWriter, ResultWriter, TableWriter
from fer_zoo.cli.progress import show_progress
from fer_zoo.errors import FerZooError, InvalidOptionError
from fer_zoo.imaging import FreeNames, annotate, read_image
from fer_zoo.pipelines import FaceExpressionPipeline, pipeline
from fer_zoo.results import ImageResult


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
    names = FreeNames()
    options = {"threshold": threshold, "min_confidence": min_confidence, "batch_size": batch_size}
    for result in _analyze(pipe, pictures, options):
        writer.write(result)
        if result.error is not None:
            failures.append(result.error)
        elif annotate_to is not None:
            failures.extend(_write_annotated(result, annotate_to / f"{names.take(stem_of(result.source))}.png"))
    writer.finish()
    for failure in failures:
        complain(failure)
    if failures:
        raise typer.Exit(FAILED_INPUT)


def _analyze(pipe: FaceExpressionPipeline, pictures: list[str], options: dict[str, Any]) -> Iterator[ImageResult]:
    """Yield the results in the order of the pictures, under a progress bar if there are many."""
    with show_progress() as on_progress:
        stream = pipe.analyze(iter(pictures), on_error="skip", **options)
        for done, result in enumerate(stream, start=1):
            yield result
            on_progress(done, len(pictures))


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
