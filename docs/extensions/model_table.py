"""The tables of the models, written from the registry and the reports when a build begins: an extension of Sphinx."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fer_zoo.registry import ModelEntry, list_models

MADE = Path(__file__).parents[1] / "_made"
REPORTS = Path(__file__).parents[2] / "hub_configs"


def render() -> str:
    """Return a row for each model, and below where the figures come from."""
    rows = ["| model | what it is | paper | parameters | measured |", "|---|---|---|---|---|"]
    rows += [_row(entry) for entry in list_models()]
    sources = [f"`{entry.name}`: {entry.figures_source}." for entry in list_models() if entry.figures]
    return "\n".join([*rows, "", *sources]) + "\n"


def render_classes() -> str:
    """Return a row for each expression: its pictures, and the precision and recall of each embedded model."""
    names = [entry.name for entry in list_models() if entry.is_embedded]
    reports = [json.loads((REPORTS / name / "evaluation.json").read_text(encoding="utf-8")) for name in names]
    measured = " | ".join(f"`{name}`: precision | recall" for name in names)
    rows = [f"| expression | pictures | {measured} |", "|---|---|" + "---|" * 2 * len(names)]
    for figures in zip(*(report["metrics"]["per_class"] for report in reports), strict=True):
        cells = " | ".join(f"{100 * figure['precision']:.1f} % | {100 * figure['recall']:.1f} %" for figure in figures)
        rows.append(f"| {figures[0]['label']} | {figures[0]['support']:,} | {cells} |")
    return "\n".join(rows) + "\n"


def _row(entry: ModelEntry) -> str:
    """Return the row of a model."""
    measured = ", ".join(f"{name} {value:.1f} %" for name, value in entry.figures.items())
    if not entry.is_embedded:
        measured = "no weights yet"
    return f"| `{entry.name}` | {entry.summary} | {entry.paper} | {entry.num_parameters:,} | {measured} |"


def _write(app: object) -> None:
    """Write the tables before the pages are read."""
    MADE.mkdir(exist_ok=True)
    (MADE / "model_table.md").write_text(render(), encoding="utf-8")
    (MADE / "class_table.md").write_text(render_classes(), encoding="utf-8")


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.connect("builder-inited", _write)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
