"""The package that the page is made with."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from fer_zoo.errors import MissingPackageError


def import_gradio() -> Any:
    """Return the package ``gradio``; it comes with ``uvicorn``, which serves the page.

    Raises:
        MissingPackageError: if it is not installed.
    """
    try:
        return import_module("gradio")
    except ModuleNotFoundError as error:
        raise MissingPackageError("gradio", "The web page", "pip install 'fer-zoo[demo]'") from error


__all__ = ["import_gradio"]
