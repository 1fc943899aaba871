"""Settings as they are written: files in YAML, and single values on the command line."""

from __future__ import annotations

from os import PathLike, fspath
from pathlib import Path
from typing import Any

import yaml

from fer_zoo.errors import InvalidOptionError

MAX_VALUES = 10_000  # of a file


def read_settings(path: str | PathLike[str]) -> dict[str, Any]:
    """Read a configuration file.

    Args:
        path: a YAML file.

    Raises:
        InvalidOptionError: if it cannot be read, or is not YAML with a table at its top.
    """
    try:
        values = _load_yaml(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise InvalidOptionError("config", fspath(path), f"a file in YAML ({reason})") from error
    if not isinstance(values, dict):
        raise InvalidOptionError("config", fspath(path), "a file in YAML with a table of settings")
    return values


def _load_yaml(text: str) -> Any:
    """Return the value of a text in YAML.

    Raises:
        ValueError: if it is none, or holds too much: a few lines of references to references could fill the memory.
    """
    try:
        value: Any = yaml.safe_load(text)
    except (yaml.YAMLError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError) as error:
        raise ValueError(str(error) or type(error).__name__) from error
    pending, number = [value], 0
    while pending:
        number += 1
        if number > MAX_VALUES:
            raise ValueError(f"it has more than {MAX_VALUES:,} values, or holds itself")
        item = pending.pop()
        if isinstance(item, dict):
            pending.extend((*item.keys(), *item.values()))
        elif isinstance(item, list | tuple | set):
            pending.extend(item)
    return value


def parse_assignment(text: str) -> dict[str, Any]:
    """Return the layer that ``section.name=value`` stands for; the value is written as in YAML.

    Raises:
        InvalidOptionError: if it has no ``=`` or the value is not YAML.

    Example:
        >>> from fer_zoo.training import parse_assignment
        >>> parse_assignment("model.hidden_sizes=[8, 16, 32, 64]")
        {'model': {'hidden_sizes': [8, 16, 32, 64]}}
    """
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise InvalidOptionError("set", text, "section.name=value, such as training.learning_rate=0.001")
    try:
        layer: Any = _load_yaml(value)
    except ValueError as error:
        reason = " ".join(str(error).split())
        raise InvalidOptionError("set", text, f"a value as it is written in YAML ({reason})") from error
    for part in reversed(name.strip().split(".")):
        layer = {part: layer}
    return dict(layer)


__all__ = ["parse_assignment", "read_settings"]
