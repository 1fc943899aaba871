"""How commands end when something is wrong: a message on stderr and an exit code."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import typer

from fer_zoo.cli.terminal import LAYOUT, printable
from fer_zoo.errors import FerZooError

FAILED_INPUT = 1
USAGE = 2

#: How a message begins where an option has no value, in the word of Python, which nobody has typed.
_NOTHING: Final = re.compile(r"^Invalid value None for ")


def complain(message: object) -> None:
    """Print a message to stderr."""
    typer.echo(f"error: {printable(message, keep=LAYOUT)}", err=True)


@contextmanager
def errors_as_usage(*, except_for: type[Exception] | tuple[()] = ()) -> Iterator[None]:
    """Turn an error of this package, or an unknown device, into a message and the exit code for wrong usage.

    Where an option is ``None``, the message says that it has no value. What ends a command on purpose, such as Ctrl-C
    at a question, is let through too.

    Args:
        except_for: errors that are let through.
    """
    try:
        yield
    except except_for:
        raise
    except (typer.Abort, typer.Exit):  # they are RuntimeErrors
        raise
    except (FerZooError, OSError, RuntimeError) as error:
        complain(_NOTHING.sub("No value for ", str(error)))
        raise typer.Exit(USAGE) from error


__all__ = ["FAILED_INPUT", "USAGE", "complain", "errors_as_usage"]
