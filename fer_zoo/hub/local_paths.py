"""Taking paths of this machine out of what is sent to the Hub: a folder is called by its name there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath, PureWindowsPath
from typing import Any, Final

import yaml

#: Files with the settings of a run, which hold its paths as values of their own.
SETTINGS: Final = ("run.yaml", "training.json")

TEXTS: Final = (".json", ".md", ".yaml")

_PATH: Final = re.compile(r"(?:[/~]|\.{1,2}/|[A-Za-z]:[\\/]|\\\\)[^\n]*")  # from the root, from home, or from here


def without_local_paths(files: Mapping[str, bytes], folder: Path) -> dict[str, bytes]:
    """Return files in which each local path that the settings of a run name is the name of its file or folder.

    Args:
        files: contents by name.
        folder: where they lie, which is a local path too.
    """
    paths = {str(folder), str(folder.resolve())}
    for name in SETTINGS:
        paths.update(path for path in _values(_parse(files.get(name, b""))) if _PATH.fullmatch(path))
    names = {path: _name(path) for path in sorted(paths, key=len, reverse=True) if _name(path)}
    return {
        name: _replace(content, names) if name.endswith(TEXTS) and names else content for name, content in files.items()
    }


def _parse(content: bytes) -> Any:  # of any type, as the file has it
    """Return what a file in YAML or JSON holds, which YAML includes; nothing if it is damaged."""
    try:
        return json.loads(content) if content.startswith(b"{") else yaml.safe_load(content.decode())
    except (ValueError, yaml.YAMLError, RecursionError):
        return None


def _values(value: Any) -> Iterator[str]:
    """Yield every text in nested values."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for entry in value.values():
            yield from _values(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _values(entry)


def _name(path: str) -> str:
    """Return the last part of a path of any system."""
    return (PureWindowsPath if "\\" in path else PurePath)(path).name


def _replace(content: bytes, names: Mapping[str, str]) -> bytes:
    """Return a text with the names of files and folders in place of their paths, however they were typed."""
    text = content.decode("utf-8", "surrogateescape")
    for path, name in names.items():
        for spelled in {path, json.dumps(path)[1:-1], json.dumps(path, ensure_ascii=False)[1:-1]}:
            text = text.replace(spelled, name)
    found = "|".join(map(re.escape, sorted(set(names.values()), key=len, reverse=True)))
    # a command has them as they were typed, such as ../faces
    text = re.sub(rf"(?<![\w/:~.-])[/~.][^\s'\"`=]*/({found})(?=[\s'\"`,/]|$)", r"\1", text)
    return text.encode("utf-8", "surrogateescape")


__all__ = ["without_local_paths"]
