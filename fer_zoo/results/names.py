"""Names of files in what is written: they come from anywhere, and need be no text."""

from __future__ import annotations


def escape_bytes(name: str) -> str:
    """Return text that UTF-8 can write: bytes that were none, which Python keeps as half characters, are escaped."""
    return name.encode("utf-8", "backslashreplace").decode()


def escape_for_figure(name: str) -> str:
    """Return text that matplotlib draws as it stands, where it would take what is between dollars for a formula."""
    return escape_bytes(name).replace("$", r"\$")


__all__ = ["escape_bytes", "escape_for_figure"]
