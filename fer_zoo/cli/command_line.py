"""The command that was typed, as a report holds it."""

from __future__ import annotations

import shlex

import typer

#: What says how a result is shown and not what it is.
OUTPUT_OPTIONS = frozenset({"as_json", "output"})


def describe_command(context: typer.Context) -> str:
    """Return a command that does the same again: the arguments, and the options that differ from their defaults.

    Args:
        context: of the command.
    """
    words = ["fer-zoo", context.info_name or ""]
    options = []
    for parameter in context.command.params:
        name = parameter.name or ""
        value = context.params.get(name)
        if parameter.param_type_name == "argument":
            words.append(str(value))
        elif value != parameter.get_default(context) and name not in OUTPUT_OPTIONS:
            options += [parameter.opts[0]] if value is True else [parameter.opts[0], str(value)]
    return shlex.join([*words, *options])


__all__ = ["describe_command"]
