"""The picture of the figures."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.speed.report import names_of


def draw_plot(report: dict[str, Any], path: Path) -> None:
    """Draw the throughput of each model by batch size, and the time of each picture.

    Args:
        report: as ``speed.json`` has it.
        path: of the PNG file.
    """
    figure_module = import_module("matplotlib.figure")
    measured = [row for row in report["classifier"] if "reason" not in row]
    models, photographs = names_of(measured, "model"), names_of(report["pictures"], "picture")
    number = max(1, len(models) + len(photographs))
    figure = figure_module.Figure(figsize=(6 * number, 4.5), layout="constrained")
    axes = figure.subplots(1, number, squeeze=False)[0]
    for axis, model in zip(axes, models, strict=False):
        _draw_throughput(axis, model, [row for row in measured if row["model"] == model])
    for axis, photograph in zip(axes[len(models) :], photographs, strict=False):
        _draw_times(axis, photograph, [row for row in report["pictures"] if row["picture"] == photograph])
    figure.savefig(path, dpi=120)


def _draw_throughput(axis: Any, model: str, rows: list[dict[str, Any]]) -> None:
    """Draw a line for each contender."""
    for name in names_of(rows, "contender"):
        own = [row for row in rows if row["contender"] == name]
        axis.plot([row["batch"] for row in own], [row["faces_per_second"] for row in own], marker="o", label=name)
    axis.set(title=f"{model}, classifier alone", xlabel="faces in a batch", ylabel="faces per second")
    axis.set_xscale("log", base=2)
    sizes = names_of(rows, "batch")
    axis.set_xticks(sizes, labels=[str(size) for size in sizes])
    axis.set_ylim(bottom=0)
    axis.legend(fontsize="small")


def _draw_times(axis: Any, photograph: str, rows: list[dict[str, Any]]) -> None:
    """Draw a bar for each contender, the first on top."""
    names = [row["contender"] for row in reversed(rows)]
    bars = axis.barh(names, [row["median_ms"] for row in reversed(rows)])
    axis.bar_label(bars, fmt="%.0f", padding=2)
    axis.margins(x=0.15)  # for the numbers beside the bars
    axis.set(title=f"{photograph}, whole picture", xlabel="milliseconds")
