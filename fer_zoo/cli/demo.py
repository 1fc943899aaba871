"""``fer-zoo demo``: the web page."""

from __future__ import annotations

import math
import os
from typing import Annotated

import typer

from fer_zoo.cli.failures import errors_as_usage
from fer_zoo.cli.options import DeviceOption
from fer_zoo.detection import DETECTORS
from fer_zoo.errors import InvalidOptionError

PASSWORD_VARIABLE = "FER_ZOO_DEMO_PASSWORD"  # noqa: S105 - the name of a variable
MEGABYTE = 1_000_000


def demo(
    host: Annotated[str, typer.Option(help="Address to listen at; by default only this machine can reach it.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen at; 0 for any that is free.")] = 7860,
    user: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=f"Ask visitors for this name and a password, which is read from {PASSWORD_VARIABLE} or asked for: "
            "an option could be read by every user of this machine.",
        ),
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option(help="Model to offer: a published name or a folder; may be repeated.")
    ] = None,
    detector: Annotated[
        list[str] | None, typer.Option(help=f"Detector to offer ({', '.join(DETECTORS)}); may be repeated.")
    ] = None,
    device: DeviceOption = None,
    max_megabytes: Annotated[float, typer.Option(min=0.1, help="Largest upload, in 1,000,000 bytes.")] = 20.0,
    max_megapixels: Annotated[float, typer.Option(min=0.1, help="Largest picture, in 1,000,000 pixels.")] = 50.0,
    max_video_seconds: Annotated[float, typer.Option(min=0.1, help="How much of a video is analysed.")] = 30.0,
    max_work_seconds: Annotated[float, typer.Option(min=1.0, help="How long that may take.")] = 120.0,
    max_waiting: Annotated[int, typer.Option(min=1, help="Requests that may wait for their turn.")] = 64,
    keep_seconds: Annotated[float, typer.Option(min=1.0, help="How long uploads and results stay on disk.")] = 600.0,
) -> None:
    """Open a web page that finds faces and their expressions in pictures, videos and on the webcam, until Ctrl-C.

    Exit status: 0 when it was ended, 2 for wrong usage.
    """
    with errors_as_usage():
        from fer_zoo.demo import DemoLimits, FaceAnalyzer, serve
        from fer_zoo.demo.analyzer import EMBEDDED_DETECTORS
        from fer_zoo.demo.server import is_loopback

        limits = DemoLimits(
            max_bytes=_millions("--max-megabytes", max_megabytes),
            max_pixels=_millions("--max-megapixels", max_megapixels),
            max_video_seconds=max_video_seconds,
            max_work_seconds=max_work_seconds,
            max_waiting=max_waiting,
            keep_seconds=keep_seconds,
        )
        if user is None and os.environ.get(PASSWORD_VARIABLE):
            expected = f"a name for the login, as {PASSWORD_VARIABLE} is set; unset it for a page without login"
            raise InvalidOptionError("--user", None, expected)
        login = None if user is None else (user, _read_password())
        if not is_loopback(host):
            _warn_about_strangers(host, login is not None)
        analyzer = FaceAnalyzer(
            model or ["mhan"], detector or EMBEDDED_DETECTORS, device=device, max_pixels=limits.max_pixels
        )
        try:
            serve(analyzer, host=host, port=port, login=login, limits=limits, on_ready=_say_where)
        except KeyboardInterrupt:
            typer.echo("Ended; uploads and results are deleted.", err=True)


def _millions(option: str, value: float) -> int:
    """Return how many bytes or pixels an option in millions stands for.

    Raises:
        InvalidOptionError: if there is no end to them.
    """
    if not math.isfinite(value):
        raise InvalidOptionError(option, value, "a finite number")
    return round(value * MEGABYTE)


def _read_password() -> str:
    """Return the password from the environment, or ask for it."""
    password = os.environ.get(PASSWORD_VARIABLE)
    if password is not None:
        return password
    return str(typer.prompt("Password for visitors", hide_input=True, confirmation_prompt=True, err=True))


def _warn_about_strangers(host: str, has_login: bool) -> None:
    """Say what it means to listen at an address that others can reach."""
    reach = "everyone who can reach this machine can use the page"
    advice = "pictures and the password travel unencrypted" if has_login else f"{reach}; --user asks for a login"
    typer.echo(f"warning: listening at {host}: {advice}. Put a server with HTTPS in front of it.", err=True)


def _say_where(url: str) -> None:
    """Print where the page is."""
    typer.echo(f"fer-zoo demo: {url} (Ctrl-C ends it)")


__all__ = ["demo"]
