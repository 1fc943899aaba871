"""``fer-zoo models``: the models, with and without weights."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from fer_zoo.registry import list_models


def models() -> None:
    """List the models with their measured figures, and those that have no weights yet."""
    table = Table("model", "what", "label set", "parameters", "measured", header_style="bold")
    for entry in list_models():
        figures = "\n".join(f"{name}: {value:.1f} %" for name, value in entry.figures.items())
        if not entry.is_embedded:
            figures = "no weights yet"
        table.add_row(entry.name, entry.summary, entry.label_set_name, f"{entry.num_parameters:,}", figures)
    Console().print(table)


__all__ = ["models"]
