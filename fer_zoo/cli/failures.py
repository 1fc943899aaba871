"""How commands end when something is wrong: a message on stderr and an exit code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from fer_zoo.errors import FerZooError

FAILED_INPUT = 1
USAGE = 2


def complain(message: object) -> None:
    """Print a message to stderr."""
    typer.echo(f"error: {message}", err=True)


@contextmanager
def errors_as_usage(*, except_for: type[Exception] | tuple[()] = ()) -> Iterator[None]:
    """Turn an error of this package, or an unknown device, into a message and the exit code for wrong usage.

    Args:
        except_for: errors that are let through.
    """
    try:
        yield
    except except_for:
        raise
    except (FerZooError, OSError, RuntimeError) as error:
        complain(error)
        raise typer.Exit(USAGE) from error


__all__ = ["FAILED_INPUT", "USAGE", "complain", "errors_as_usage"]
