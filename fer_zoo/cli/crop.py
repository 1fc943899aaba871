"""``fer-zoo crop``: a folder of photographs into a folder of aligned crops."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from typing import Annotated, cast

import typer

from fer_zoo.cli.failures import FAILED_INPUT, complain, errors_as_usage
from fer_zoo.cli.options import ThresholdOption
from fer_zoo.cli.progress import show_progress
from fer_zoo.cli.terminal import printable
from fer_zoo.imaging import find_pictures
from fer_zoo.imaging.locations import no_pictures
from fer_zoo.imaging.read import DEFAULT_MAX_PIXELS
from fer_zoo.pipelines import CropRow, CropSummary, FaceChoice, FaceCropper, crop_folder


def crop(  # one parameter for each option
    source: Annotated[Path, typer.Argument(metavar="SRC", help="Folder with photographs, and folders of them.")],
    destination: Annotated[
        Path,
        typer.Argument(
            metavar="DEST",
            help="Folder for the crops, with the same folders: a new or empty one, or that of an earlier run.",
        ),
    ],
    model: Annotated[
        str, typer.Option(help="Whose crop template to use: a name of 'fer-zoo models', folder, or repository.")
    ] = "mhan",
    detector: Annotated[
        str, typer.Option(help="center_face, scrfd, or the ONNX file of a SCRFD network.")
    ] = "center_face",
    size: Annotated[
        int | None,
        typer.Option(min=1, help="Side of the crops in pixels; by default what the model takes, and at least 112."),
    ] = None,
    faces: Annotated[str, typer.Option(help="largest, or all: which faces of a picture to crop.")] = "largest",
    threshold: ThresholdOption = 0.0,
    jpeg_quality: Annotated[
        int | None, typer.Option(min=1, max=100, help="Write JPEG of this quality; PNG by default.")
    ] = None,
    max_pixels: Annotated[int, typer.Option(min=1, help="Refuse larger pictures.")] = DEFAULT_MAX_PIXELS,
    workers: Annotated[int | None, typer.Option(min=1, help="Threads; by default one for each CPU.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Work on so many new pictures and stop.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Remove the crops of an earlier run from DEST and begin anew.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Cut the faces out of photographs, aligned and framed as a model expects them, to train it on.

    The same command again goes on after an interruption, and takes up pictures that were added. DEST/crop_report.jsonl
    says what became of every picture.

    Exit status: 0 if every picture could be read (one without a face too), 1 if not (the reasons are on stderr), 2 for
    wrong usage.
    """
    failures: list[CropRow] = []
    with errors_as_usage():
        cropper = FaceCropper(model, detector=detector, size=size, faces=cast(FaceChoice, faces), threshold=threshold)
        total = sum(1 for _ in find_pictures(source, skip=destination))
        with show_progress() as on_progress:
            done = count(1)

            def note(row: CropRow) -> None:
                if row.error is not None:
                    failures.append(row)
                number = next(done)  # above the limit where unreadable pictures are tried again
                on_progress(number, total if limit is None else max(number, min(total, limit)))

            summary = crop_folder(
                source,
                destination,
                cropper,
                quality=jpeg_quality,
                max_pixels=max_pixels,
                workers=workers,
                limit=limit,
                overwrite=overwrite,
                on_row=note,
            )
    print(json.dumps(summary.to_dict()) if as_json else _describe(summary))
    for row in failures:
        complain(f"{printable(source / row.image)}: {row.error}")
    if not summary.num_pictures:
        complain(no_pictures(str(source)))
    if failures or not summary.num_pictures:
        raise typer.Exit(FAILED_INPUT)


def _describe(summary: CropSummary) -> str:
    """Return the summary for reading."""
    before = f" ({summary.num_done_before:,} of them by an earlier run)" if summary.num_done_before else ""
    pictures, crops = (
        f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"
        for number, what in ((summary.num_pictures, "picture"), (summary.num_crops, "crop"))
    )
    return (
        f"{pictures}{before}: {summary.num_cropped:,} cropped into {crops}, "
        f"{summary.num_without_face:,} without a face, {summary.num_unreadable:,} unreadable\n"
        f"Report: {summary.report}"
    )


__all__ = ["crop"]
