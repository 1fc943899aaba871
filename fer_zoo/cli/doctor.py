"""``fer-zoo doctor``: what is installed, whether it works, and what may be wrong with a picture."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from fer_zoo.cli.failures import FAILED_INPUT, errors_as_usage
from fer_zoo.cli.options import (
    BackendOption,
    DetectorOption,
    DeviceOption,
    ModelOption,
    PrecisionOption,
    ThreadsOption,
)
from fer_zoo.cli.terminal import LAYOUT, encode_json, printable
from fer_zoo.doctor import (
    Backends,
    Examination,
    Hint,
    Machine,
    PackageStatus,
    PictureExamination,
    SelfTest,
    WeightsStatus,
    examine,
)
from fer_zoo.errors import InvalidOptionError
from fer_zoo.labels import parse_expression

#: How a line begins.
GOOD, BAD, REMARK = Text("ok", style="green"), Text("failed", style="bold red"), Text("note", style="dim")
WARNING = Text("warning", style="yellow")


def doctor(
    image: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A picture with strange answers: say what may be wrong with it.")
    ] = None,
    expect: Annotated[
        str | None, typer.Option(metavar="EXPRESSION", help="What the surest face of --image shows, if that is known.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: one object.")] = False,
    model: ModelOption = "mhan",
    detector: DetectorOption = "center_face",
    device: DeviceOption = None,
    backend: BackendOption = None,
    precision: PrecisionOption = None,
    threads: ThreadsOption = None,
) -> None:
    """Say what is installed and whether it works: packages, devices, weights with checksums, and a self-test.

    It asks nothing of the network. Exit status: 0 if the weights, the self-test and the picture are in order, 1 if not,
    2 for wrong usage.
    """
    with errors_as_usage():
        if expect is not None and image is None:
            raise InvalidOptionError("--expect", expect, "nothing without --image, whose face it is about")
        examination = examine(
            image,
            expected=None if expect is None else parse_expression(expect),
            model=model,
            detector=detector,
            device=device,
            backend=backend,
            precision=precision,
            threads=threads,
        )
    if as_json:
        print(encode_json(examination.to_dict(), indent=2))
    else:
        _show(examination, Console())
    if not examination.is_sound:
        raise typer.Exit(FAILED_INPUT)


def _show(examination: Examination, console: Console) -> None:
    """Print everything, one section after the other."""
    sections = {
        f"fer-zoo {examination.version}, {examination.python}": _package_lines(examination.packages),
        "Machine": _machine_lines(examination.machine),
        "Backends": _backend_lines(examination.backends),
        "Hugging Face": [
            (REMARK, "network", "forbidden (HF_HUB_OFFLINE)" if examination.hub.is_offline else "allowed"),
            (REMARK, "HF_HOME", examination.hub.home),
            (REMARK, "downloads", examination.hub.cache),
            (REMARK, "converted", examination.hub.converted),
        ],
        "Weights": [_weights_line(file) for file in examination.weights],
        "Self-test": [_self_test_line(examination.self_test), *map(_hint_line, examination.model_hints)],
    }
    if examination.picture is not None:
        sections[f"Picture {examination.picture.result.source}"] = _picture_lines(examination.picture)
    for title, lines in sections.items():
        console.print(Text(printable(title), style="bold"))
        table = Table.grid(padding=(0, 2))
        for state, subject, remark in lines:
            table.add_row(state, Text(printable(subject)), Text(printable(remark, keep=LAYOUT), overflow="fold"))
        console.print(Padding(table, (0, 0, 1, 2), expand=False))


Line = tuple[Text, str, str]


def _package_lines(packages: tuple[PackageStatus, ...]) -> list[Line]:
    """Return a line for each package."""
    if not packages:
        return [(WARNING, "fer-zoo", "runs without being installed, so what it needs is not known: pip install .")]
    lines = []
    for package in packages:
        state = GOOD if not package.advice else REMARK if package.is_sound else WARNING
        remark = "  ".join(filter(None, (package.version, package.advice)))
        lines.append((state, package.name, remark))
    return lines


def _machine_lines(machine: Machine) -> list[Line]:
    """Return the lines of the processor and the accelerators."""
    features = ", ".join(machine.features) or "not known here"
    cores = "1 core" if machine.cores == 1 else f"{machine.cores} cores"
    lines: list[Line] = [
        (REMARK, "system", machine.system),
        (REMARK, "processor", f"{machine.processor}, {cores}"),
        (REMARK, "features", f"{features}; torch uses {machine.torch_capability}"),
    ]
    return lines + [(REMARK, "accelerator", name) for name in machine.accelerators or ("none that torch can use",)]


def _backend_lines(backends: Backends) -> list[Line]:
    """Return the lines of the backends and of the choice among them."""
    lines: list[Line] = []
    for backend in backends.backends:
        if backend.error is not None:
            lines.append((WARNING, backend.name, backend.error))
        elif backend.is_installed:
            lines.append((GOOD, backend.name, ", ".join(backend.providers)))
        else:
            lines.append((REMARK, backend.name, "not installed"))
    choice = f"--backend auto is {backends.fastest}: {backends.reason}; without the option it is torch"
    return [*lines, (REMARK, "choice", choice)]


def _weights_line(file: WeightsStatus) -> Line:
    """Return the line of a file of weights."""
    if file.error is not None:
        return BAD, file.name, file.error
    return GOOD, file.name, f"sha256 {file.sha256[:16]}… as recorded, {file.path}"


def _self_test_line(test: SelfTest) -> Line:
    """Return the line of the embedded picture."""
    if test.error is not None:
        return BAD, "picture", test.error
    by = f"{test.provider}, faces found by {test.detector_backend}" if test.detector_backend else test.provider
    return GOOD, "picture", f"one face, {test.label} ({test.score:.1%}), in {1000 * test.seconds:.0f} ms on {by}"


def _picture_lines(picture: PictureExamination) -> list[Line]:
    """Return the lines of the given picture."""
    result = picture.result
    if result.error is not None:
        return [(BAD, "file", result.error)]
    number = "1 face" if len(result.faces) == 1 else f"{len(result.faces)} faces"
    answers = ", ".join(f"{face.label} {face.score:.1%}" for face in result.faces)
    answer = f"{result.width} x {result.height} pixels, {number}{answers and ': '}{answers}"
    return [(GOOD, "answer", answer), *map(_hint_line, picture.hints)]


def _hint_line(hint: Hint) -> Line:
    """Return the line of a remark."""
    return WARNING if hint.level == "warning" else REMARK, hint.code, hint.message


__all__ = ["doctor"]
