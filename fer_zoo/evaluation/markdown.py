"""The report of an evaluation as text with tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from fer_zoo.evaluation.figures import CONFUSION_FILE, PER_CLASS_FILE, RELIABILITY_FILE
from fer_zoo.evaluation.metrics import Accuracy

if TYPE_CHECKING:
    from fer_zoo.evaluation.report import Counts, EvaluationReport

LINES_OF_CURVE = (0.0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95)  # confidences that the table shows; the JSON has more


def render_markdown(report: EvaluationReport) -> str:
    """Return the whole report.

    Args:
        report: the report.
    """
    sections = (
        f"# {report.model} on {report.dataset}, {report.split}",
        "\n".join(f"- {line}" for line in describe_conditions(report)),
        "## Figures",
        make_table(("measured", "result"), summarise(report)),
        *describe_reservations(report),
        "## Classes",
        _class_table(report),
        f"![Precision, recall and F1 of every class]({PER_CLASS_FILE})",
        "## Confusion matrix",
        "Rows are true classes, columns are answers.",
        _confusion_table(report),
        f"![Confusion matrix]({CONFUSION_FILE})",
        "## Reliability",
        _reliability_table(report),
        f"![Accuracy and number of answers by confidence]({RELIABILITY_FILE})",
        "## Abstention",
        "What is left if answers below a confidence are withheld.",
        _abstention_table(report),
    )
    return "\n\n".join(sections) + "\n"


def summarise(report: EvaluationReport) -> list[tuple[str, str]]:
    """Return the main figures as names and texts, the most important first.

    Args:
        report: the report.
    """
    metrics = report.metrics
    rows = [
        ("accuracy", describe_accuracy(metrics.accuracy)),
        ("balanced accuracy", percent(metrics.balanced_accuracy)),
        ("macro-F1", percent(metrics.macro_f1)),
        ("ECE", percent(metrics.ece)),
        ("NLL", f"{metrics.nll:.3f}"),
    ]
    if report.missed_as_wrong is not None:
        rows += [
            ("faces missed", f"{report.counts.missed} of {report.missed_as_wrong.accuracy.total}"),
            ("accuracy, missed faces as wrong", describe_accuracy(report.missed_as_wrong.accuracy)),
            ("balanced accuracy, missed faces as wrong", percent(report.missed_as_wrong.balanced_accuracy)),
        ]
    point = metrics.abstention
    if point.min_confidence > 0:
        withheld = f"answers below {point.min_confidence:g} withheld"
        rows += [
            (f"coverage, {withheld}", percent(point.coverage)),
            (f"accuracy, {withheld}", percent(point.accuracy)),
        ]
    return rows


def describe_accuracy(accuracy: Accuracy) -> str:
    """Return a share with its interval and its counts.

    Args:
        accuracy: the share.
    """
    interval = f"95 % interval {100 * accuracy.low:.1f} to {100 * accuracy.high:.1f}"
    return f"{percent(accuracy.value)} ({interval}; {accuracy.hits:,} of {accuracy.total:,})"


def percent(value: float | None) -> str:
    """Return a share in percent, or a dash where it is not defined.

    Args:
        value: in [0, 1].
    """
    return "-" if value is None else f"{100 * value:.1f} %"


def make_table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table in Markdown.

    Args:
        header: names of the columns.
        rows: as many values each; a vertical bar in a value is escaped.
    """
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(str(value).replace("|", "\\|") for value in line) + " |" for line in lines)


def describe_conditions(report: EvaluationReport) -> Iterator[str]:
    """Yield what was measured, how, where and when, a line each.

    Args:
        report: the report.
    """
    counts, environment = report.counts, report.environment
    how = "aligned crops" if report.detector is None else f"whole pictures with the detector {report.detector}"
    if report.flip:
        how += ", probabilities averaged with those of the mirrored crop"
    yield f"Protocol: {how}; temperature {report.temperature:.4g}"
    if report.selection:
        yield f"Selection: {report.selection}"
    yield describe_pictures(counts)
    yield f"Measured: {environment.date}, {environment.hardware}"
    yield "Versions: " + ", ".join(f"{name} {version}" for name, version in environment.versions.items())
    if environment.command:
        yield f"Command: {environment.command}"


def describe_pictures(counts: Counts) -> str:
    """Return how many pictures the figures are of, and what became of the others.

    Args:
        counts: of the report.
    """
    left = {"without a face": counts.missed, "not readable": counts.unreadable}
    dropped = {f"of {label}, which the model lacks": number for label, number in counts.dropped.items()}
    others = "".join(f", {number:,} {reason}" for reason, number in {**left, **dropped}.items() if number)
    return f"Pictures: {counts.pictures:,}; {counts.evaluated:,} evaluated{others}"


def describe_reservations(report: EvaluationReport) -> Iterator[str]:
    """Yield what the figures do not say by themselves, a sentence each: which classes they leave out, and why.

    Args:
        report: the report.
    """
    if report.metrics.absent:
        yield (
            f"No picture shows {', '.join(report.metrics.absent)}: "
            "balanced accuracy and macro-F1 are means over the other classes."
        )
    if report.ignored_classes:
        yield (
            f"The data has no class for {', '.join(report.ignored_classes)}: "
            "the probabilities of the model are restricted to the classes that both have."
        )


def _class_table(report: EvaluationReport) -> str:
    """Return precision, recall and F1 of every class."""
    rows = (
        (row.label, f"{row.support:,}", percent(row.precision), percent(row.recall), percent(row.f1))
        for row in report.metrics.per_class
    )
    return make_table(("class", "pictures", "precision", "recall", "F1"), rows)


def _confusion_table(report: EvaluationReport) -> str:
    """Return the counts by true class and answer."""
    rows = zip(report.classes, report.metrics.confusion_matrix, strict=True)
    return make_table(("", *report.classes), ((f"**{label}**", *counts) for label, counts in rows))


def _reliability_table(report: EvaluationReport) -> str:
    """Return the bins that have answers."""
    rows = (
        (f"{row.low:.2f} to {row.high:.2f}", f"{row.count:,}", percent(row.confidence), percent(row.accuracy))
        for row in report.metrics.reliability
        if row.count
    )
    return make_table(("confidence", "answers", "mean confidence", "accuracy"), rows)


def _abstention_table(report: EvaluationReport) -> str:
    """Return coverage and accuracy at a few confidences, and at the one that was asked for."""
    points = {p.min_confidence: p for p in report.metrics.abstention_curve if p.min_confidence in LINES_OF_CURVE}
    points[report.metrics.abstention.min_confidence] = report.metrics.abstention
    rows = (
        (f"{point.min_confidence:g}", f"{point.answered:,}", percent(point.coverage), percent(point.accuracy))
        for _, point in sorted(points.items())
    )
    return make_table(("confidence at least", "answers", "coverage", "accuracy"), rows)


__all__ = [
    "describe_accuracy",
    "describe_conditions",
    "describe_pictures",
    "describe_reservations",
    "make_table",
    "percent",
    "render_markdown",
    "summarise",
]
