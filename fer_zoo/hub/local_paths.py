"""Taking paths of this machine out of what is sent to the Hub: a folder is called by its name there."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping, Set
from pathlib import Path, PurePath, PureWindowsPath
from typing import Any, Final

import yaml

from fer_zoo.registry import find_entry

#: Files with the settings of a run, which hold its paths as values of their own.
SETTINGS: Final = ("run.yaml", "training.json", "evaluation.json")

TEXTS: Final = (".json", ".md", ".yaml")

#: Keys whose values are paths, whatever they look like.
PATH_KEYS: Final = frozenset(
    {
        *("path", "local_models", "output_dir", "logging_dir", "resume_from_checkpoint"),
        *("accelerator_config", "deepspeed", "fsdp_config"),
    }
)

#: Keys whose values are models: names of the registry, folders or repositories on the Hub.
MODEL_KEYS: Final = frozenset({"base_model", "model", "name", "teachers"})

COMMAND_KEY: Final = "command"

_PATH: Final = re.compile(r"(?:[/~]|\.{1,2}/|[A-Za-z]:[\\/]|\\\\)[^\n]*")  # from the root, from home, or from here
_BETWEEN: Final = re.compile(r"[\[\]{},\s]+")  # what separates the values of a list or a table


def without_local_paths(files: Mapping[str, bytes], folder: Path) -> dict[str, bytes]:
    """Return files in which each local path that the settings of a run name is the name of its file or folder.

    Args:
        files: contents by name.
        folder: where they lie, which is a local path too.
    """
    paths = {str(folder), str(folder.resolve())}
    entries = [entry for name in SETTINGS for entry in _entries(_parse(files.get(name, b"")))]
    paths.update(text for key, text in entries if key in PATH_KEYS or _PATH.fullmatch(text))
    models = {text for key, text in entries if key in MODEL_KEYS} - paths
    paths.update(filter(_is_folder, models))
    for key, text in entries:
        if key == COMMAND_KEY:
            paths.update(_typed_paths(text, models - paths))
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


def _entries(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text in nested values with the key that it is at; those of a list are at the key of the list."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, Mapping):
        for name, entry in value.items():
            yield from _entries(entry, str(name))
    elif isinstance(value, list):
        for entry in value:
            yield from _entries(entry, key)


def _is_folder(model: str) -> bool:
    """Return whether a model is a folder of this machine, as far as its name and the disk tell."""
    if find_entry(model) is not None:
        return False
    return "\\" in model or model.count("/") > 1 or Path(model).is_dir()  # a repository is owner/name


def _typed_paths(command: str, repositories: Set[str]) -> Iterator[str]:
    """Yield what is a path in a command: all that has a slash, but for the repositories that the settings name."""
    try:
        words = shlex.split(command)
    except ValueError:  # a quotation mark without its other
        words = command.split()
    for word in words:
        value = word.partition("=")[2] or word
        for part in _BETWEEN.split(value) if value.startswith(("[", "{")) else (value,):
            typed = part.strip("'\"")
            if re.search(r"[/\\]", typed) and "://" not in typed and typed not in repositories:
                yield typed


def _name(path: str) -> str:
    """Return the last part of a path of any system."""
    return (PureWindowsPath if "\\" in path else PurePath)(path).name


def _replace(content: bytes, names: Mapping[str, str]) -> bytes:
    """Return a text with the names of files and folders in place of their paths, however they were typed."""
    text = content.decode("utf-8", "surrogateescape")
    for typed, name in names.items():
        path = typed.rstrip("/\\") or typed
        # within another word, as in an address, the parts of a path are something else
        before = r"(?<![\w.-])" if _PATH.fullmatch(typed) else r"(?<![\w/:~.-])"
        after = r"(?:[/\\](?![\w.-]))?(?![\w-])"
        for spelled in {path, json.dumps(path)[1:-1], json.dumps(path, ensure_ascii=False)[1:-1]}:
            text = re.sub(f"{before}{re.escape(spelled)}{after}", name.replace("\\", r"\\"), text)
    found = "|".join(map(re.escape, sorted(set(names.values()), key=len, reverse=True)))
    # a command has them as they were typed, such as ../faces
    text = re.sub(rf"(?<![\w/:~.-])[/~.][^\s'\"`=]*/({found})(?=[\s'\"`,/]|$)", r"\1", text)
    return text.encode("utf-8", "surrogateescape")


__all__ = ["without_local_paths"]
