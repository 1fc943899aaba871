"""The package that the page is made with."""

from __future__ import annotations

from typing import Any

from fer_zoo.packages import import_optional


def import_gradio() -> Any:
    """Return the package ``gradio``; it comes with ``uvicorn``, which serves the page.

    Raises:
        MissingPackageError: if it is not installed.
    """
    return import_optional("gradio", "The web page", "demo")


__all__ = ["import_gradio"]
