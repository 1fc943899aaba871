"""``fer-zoo explain``: where the model looks on the faces of a picture."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Annotated, cast

import numpy as np
import typer
from numpy.typing import NDArray
from PIL import Image

from fer_zoo.cli.failures import FAILED_INPUT, complain, errors_as_usage
from fer_zoo.cli.inputs import SourceFiles, stem_of
from fer_zoo.cli.options import DetectorOption, DeviceOption, ModelOption
from fer_zoo.cli.terminal import printable
from fer_zoo.errors import FerZooError, ImageReadError, InvalidOptionError, UnknownNameError
from fer_zoo.explain import METHODS, Explanation, Method, explain_face, overlay
from fer_zoo.explain.faces import check_method
from fer_zoo.imaging import read_image
from fer_zoo.labels import parse_expression
from fer_zoo.pipelines import FaceExpressionPipeline, pipeline
from fer_zoo.whole_files import whole_file


def explain(
    image: Annotated[str, typer.Argument(metavar="IMAGE", help="Picture or URL.")],
    method: Annotated[
        str,
        typer.Option(
            help=f"{' or '.join(METHODS)}: the places that speak for an expression, or those the model attends to."
        ),
    ] = "grad_cam",
    target: Annotated[
        str | None,
        typer.Option(metavar="EXPRESSION", help="Expression for grad_cam; by default the most probable of each face."),
    ] = None,
    output: Annotated[
        Path,
        typer.Option(
            metavar="FILE_OR_DIR",
            help="Where to write; a folder gets a file with the picture's name and _explained or, for attention, "
            "_attention; a file of that name is replaced.",
        ),
    ] = Path(),
    model: ModelOption = "mhan",
    detector: DetectorOption = "center_face",
    device: DeviceOption = None,
) -> None:
    """Write a picture with colours on every face: yellow where the model looks most, dark violet where least.

    Exit status: 0 if the picture could be read and written (unchanged if it has no face), 1 if not (the reason is on
    stderr), 2 for wrong usage.
    """
    with errors_as_usage():
        path = _choose_file(output, image, method)
        pipe = pipeline(model=model, detector=detector, device=device)
        target = _name_expression(target, pipe)
        check_method(pipe.model, method, target)
    try:
        pixels = read_image(image)
    except ImageReadError as error:
        complain(error)
        raise typer.Exit(FAILED_INPUT) from error
    with errors_as_usage():
        explanations = _explain_faces(pipe, pixels, cast(Method, method), target)
    try:
        _write(overlay(pixels, explanations), path)
    except FerZooError as error:
        complain(error)
        raise typer.Exit(FAILED_INPUT) from error
    print(f"{printable(path)}: {_describe(explanations)}")


def _name_expression(word: str | None, pipe: FaceExpressionPipeline) -> str | None:
    """Return the model's name of an expression, for any word that stands for one; other words as they are."""
    if word is None or word in pipe.model.config.id2label.values():
        return word
    try:
        return str(parse_expression(word))
    except UnknownNameError:
        return word


def _choose_file(output: Path, source: str, method: str) -> Path:
    """Return the file to write: a name without an ending is a folder, where each method has a file of its own.

    Raises:
        InvalidOptionError: if pictures cannot be written in the format that the ending stands for, or the file is the
            picture itself.
    """
    if output.is_dir() or not output.suffix:
        ending = "attention" if method == "attention" else "explained"
        return output / f"{stem_of(source)}_{ending}.png"
    writable = sorted(ending for ending, name in Image.registered_extensions().items() if name in Image.SAVE)
    if output.suffix.lower() not in writable:
        raise InvalidOptionError("--output", str(output), f"a folder, or a file with one of {', '.join(writable)}")
    if SourceFiles([source]).include(output):
        raise InvalidOptionError("--output", str(output), "a file other than the picture that is explained")
    return output


def _explain_faces(
    pipe: FaceExpressionPipeline, image: NDArray[np.uint8], method: Method, target: str | None
) -> list[Explanation]:
    """Explain every face of a picture."""
    is_crop = pipe.detector.gives_crops
    return [
        explain_face(pipe.model, pipe.image_processor, image, face, method=method, target=target, is_crop=is_crop)
        for face in pipe.find_faces([image])[0]
    ]


def _write(image: NDArray[np.uint8], path: Path) -> None:
    """Write a picture, and its folder if there is none.

    Raises:
        InvalidOptionError: if it cannot be written there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as partial:
            Image.fromarray(image).save(partial)
    except OSError as error:
        raise InvalidOptionError("--output", str(path), f"a place that can be written to ({error})") from error
    except (ValueError, RuntimeError, struct.error) as error:  # Pillow's formats refuse large pictures in many ways
        height, width = image.shape[:2]
        expected = f"a format that can hold {width:,} x {height:,} pixels ({error})"
        raise InvalidOptionError("--output", str(path), expected) from error


def _describe(explanations: list[Explanation]) -> str:
    """Return how many faces there are, with the expressions that were explained."""
    if not explanations:
        return "no face, the picture is unchanged"
    number = "1 face" if len(explanations) == 1 else f"{len(explanations)} faces"
    targets = [explanation.target for explanation in explanations if explanation.target is not None]
    return f"{number} ({', '.join(targets)})" if targets else number


__all__ = ["explain"]
