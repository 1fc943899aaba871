"""The pictures of a report, drawn with matplotlib without a window and without its global state."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np

from fer_zoo.evaluation.packages import import_extra
from fer_zoo.results.names import escape_for_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from fer_zoo.evaluation.report import EvaluationReport

CONFUSION_FILE, RELIABILITY_FILE, PER_CLASS_FILE = "confusion_matrix.png", "reliability.png", "per_class.png"
FIGURE_FILES = (CONFUSION_FILE, RELIABILITY_FILE, PER_CLASS_FILE)

# Of the Okabe-Ito palette, which people with colour vision deficiencies can tell apart.
BLUE, ORANGE, GREEN = "#0072B2", "#E69F00", "#009E73"
DARK = 0.55  # share of a cell from which on white text reads better
DPI = 120


def draw_figures(report: EvaluationReport) -> dict[str, bytes]:
    """Return the pictures of a report as PNG by their file names.

    Args:
        report: the report.

    Raises:
        MissingPackageError: if matplotlib is not installed.
    """
    figures = {
        CONFUSION_FILE: draw_confusion_matrix(report),
        RELIABILITY_FILE: draw_reliability(report),
        PER_CLASS_FILE: draw_per_class(report),
    }
    return {name: _as_png(figure) for name, figure in figures.items()}


def draw_confusion_matrix(report: EvaluationReport) -> Figure:
    """Draw the share of each answer in the pictures of each true class, with their counts.

    Args:
        report: the report.
    """
    counts = np.array(report.metrics.confusion_matrix)
    totals = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(totals, 1)
    size = 2.2 + 0.72 * len(counts)  # inches
    figure = _new_figure(size + 0.6, size)
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for (row, column), share in np.ndenumerate(shares):
        color = "white" if share > DARK else "black"
        text = f"{share:.0%}\n{counts[row, column]:,}"
        axes.text(column, row, text, ha="center", va="center", color=color, fontsize=8)
    places = range(len(counts))
    axes.set_xticks(places, report.classes, rotation=40, ha="right", rotation_mode="anchor")
    axes.set_yticks(places, [f"{name} ({total:,})" for name, total in zip(report.classes, totals[:, 0], strict=True)])
    axes.set_xlabel("answer")
    axes.set_ylabel("true class (pictures)")
    axes.set_title(_title(report))
    figure.colorbar(image, label="share of the true class", fraction=0.045)
    return figure


def draw_reliability(report: EvaluationReport) -> Figure:
    """Draw accuracy by confidence above the number of answers; a calibrated model lies on the diagonal.

    Args:
        report: the report.
    """
    bins = report.metrics.reliability
    left, width = [b.low for b in bins], [b.high - b.low for b in bins]
    filled = [(b.confidence, b.accuracy) for b in bins if b.count]
    figure = _new_figure(5.6, 6.4)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    upper.bar(left, [b.accuracy or 0 for b in bins], width, align="edge", color=BLUE, edgecolor="white", alpha=0.6)
    upper.plot([0, 1], [0, 1], "--", color="grey", label="calibrated")
    upper.plot(*zip(*filled, strict=True), "o-", color=ORANGE, label="accuracy at mean confidence")
    upper.set(ylim=(0, 1), xlim=(0, 1), ylabel="accuracy", title=_title(report))
    upper.legend(loc="upper left")
    upper.text(0.97, 0.05, f"ECE {report.metrics.ece:.1%}", ha="right", transform=upper.transAxes, fontsize=12)
    lower.bar(left, [b.count for b in bins], width, align="edge", color=BLUE, edgecolor="white")
    lower.set(xlabel="confidence", ylabel="answers")
    return figure


def draw_per_class(report: EvaluationReport) -> Figure:
    """Draw precision, recall and F1 of every class as bars.

    Args:
        report: the report.
    """
    rows = report.metrics.per_class
    places = np.arange(len(rows))
    figure = _new_figure(2.5 + 0.9 * len(rows), 4.2)
    axes = figure.subplots()
    for i, (name, color) in enumerate((("precision", BLUE), ("recall", ORANGE), ("f1", GREEN))):
        heights = [getattr(row, name) or 0.0 for row in rows]
        bars = axes.bar(places + (i - 1) * 0.27, heights, 0.25, color=color, label="F1" if name == "f1" else name)
        texts = ["-" if getattr(row, name) is None else f"{100 * getattr(row, name):.0f}" for row in rows]
        axes.bar_label(bars, texts, fontsize=7, padding=1)
    _mark_means(axes, report)
    axes.set_xticks(places, [f"{row.label}\n({row.support:,})" for row in rows])
    axes.set(ylim=(0, 1.08), ylabel="share", xlabel="class (pictures)", title=_title(report))
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def _mark_means(axes: Axes, report: EvaluationReport) -> None:
    """Draw accuracy and balanced accuracy as lines."""
    for name, value, style in (
        ("accuracy", report.metrics.accuracy.value, "-"),
        ("balanced accuracy", report.metrics.balanced_accuracy, "--"),
    ):
        axes.axhline(value, color="grey", linestyle=style, linewidth=1, zorder=0, label=f"{name} {value:.1%}")


def _title(report: EvaluationReport) -> str:
    """Return what every picture says above."""
    protocol = "aligned crops" if report.detector is None else f"detector {report.detector}"
    return escape_for_figure(
        f"{report.model} on {report.dataset}, {report.split}\n{protocol}, {report.counts.evaluated:,} pictures"
    )


def _new_figure(width: float, height: float) -> Figure:
    """Return an empty figure of a size in inches, which belongs to no window.

    Raises:
        MissingPackageError: if matplotlib is not installed.
    """
    figure: Figure = import_extra("matplotlib.figure").Figure(figsize=(width, height), layout="constrained")
    return figure


def _as_png(figure: Figure) -> bytes:
    """Return a figure as PNG."""
    buffer = BytesIO()
    import_extra("matplotlib.backends.backend_agg").FigureCanvasAgg(figure)  # whatever backend the user has chosen
    figure.savefig(buffer, format="png", dpi=DPI)
    return buffer.getvalue()


__all__ = [
    "CONFUSION_FILE",
    "PER_CLASS_FILE",
    "RELIABILITY_FILE",
    "draw_confusion_matrix",
    "draw_figures",
    "draw_per_class",
    "draw_reliability",
]
