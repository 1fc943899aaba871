"""The table of the models, written from the registry when a build begins: an extension of Sphinx."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fer_zoo.registry import ModelEntry, list_models

TABLE = Path(__file__).parents[1] / "_made" / "model_table.md"


def render() -> str:
    """Return a row for each model, and below where the figures come from."""
    rows = ["| model | what it is | paper | parameters | measured |", "|---|---|---|---|---|"]
    rows += [_row(entry) for entry in list_models()]
    sources = [f"`{entry.name}`: {entry.figures_source}." for entry in list_models() if entry.figures]
    return "\n".join([*rows, "", *sources]) + "\n"


def _row(entry: ModelEntry) -> str:
    """Return the row of a model."""
    measured = ", ".join(f"{name} {value:.1f} %" for name, value in entry.figures.items())
    if not entry.is_embedded:
        measured = "no weights yet"
    return f"| `{entry.name}` | {entry.summary} | {entry.paper} | {entry.num_parameters:,} | {measured} |"


def _write(app: object) -> None:
    """Write the table before the pages are read."""
    TABLE.parent.mkdir(exist_ok=True)
    TABLE.write_text(render(), encoding="utf-8")


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.connect("builder-inited", _write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
