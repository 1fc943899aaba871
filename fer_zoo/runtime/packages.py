"""The optional packages that run and write networks."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

from fer_zoo.errors import MissingPackageError

#: How to install each package.
COMMANDS = {
    "openvino": "pip install 'fer-zoo[openvino]'",
    "nncf": "pip install 'fer-zoo[export]'",
    "onnxscript": "pip install 'fer-zoo[export]'",
}


def require(package: str, purpose: str) -> Any:  # modules without type information
    """Import a package.

    Args:
        package: its name.
        purpose: what needs it, for the message.

    Raises:
        MissingPackageError: if it is not installed.
    """
    try:
        return import_module(package)
    except ModuleNotFoundError as error:
        if error.name != package:
            raise
        raise MissingPackageError(package, purpose, COMMANDS.get(package, f"pip install {package}")) from error


def is_installed(package: str) -> bool:
    """Return whether a package is there, without importing it."""
    return find_spec(package) is not None


__all__ = ["is_installed", "require"]
