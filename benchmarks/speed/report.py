"""The tables in Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

Row: TypeAlias = dict[str, Any]
STEPS = ("import", "construct", "first picture")


def write_markdown(report: dict[str, Any]) -> str:
    """Return all tables of a report.

    Args:
        report: as ``speed.json`` has it.
    """
    sections = (stamp, classifier, agreement, pictures, steps, starts, growth, cuda, not_measured)
    return "\n\n".join(text for section in sections if (text := "\n".join(section(report)))) + "\n"


def stamp(report: dict[str, Any]) -> Iterator[str]:
    """Say what was measured on, and how."""
    hardware = report["hardware"]
    load = "" if hardware["load_average"] is None else f", load average at the start {hardware['load_average'][0]}"
    packages = ", ".join(f"{name} {version}" for name, version in hardware["packages"].items())
    yield f"Measured on {hardware['date']} by `{report['command']}`: {hardware['processor']}, {hardware['cores']} cores"
    yield f"({', '.join(hardware['flags']) or 'no flags known'}), {hardware['memory_gib']} GiB of memory,"
    yield f"{hardware['system']}, Python {hardware['python']}, {packages};"
    yield f"{report['threads']} threads for every contender{load}."


def classifier(report: dict[str, Any]) -> Iterator[str]:
    """Write the times and the throughput of each model."""
    yield from ["## Classifier alone"] if report["classifier"] else []
    for model in names_of(report["classifier"], "model"):
        rows = [row for row in report["classifier"] if row["model"] == model and row["batch"] is not None]
        weights = "" if all(row["is_trained"] for row in rows) else ", fresh weights, as there are none yet"
        yield f"\n**{model}**{weights}: milliseconds a batch, median (lowest), and how many times as fast as eager.\n"
        yield from by_batch(rows, lambda row: f"{row['median_ms']:,.1f} ({row['lowest_ms']:,.1f}){times(row['ratio'])}")
        yield f"\n**{model}**: faces per second, from the medians.\n"
        yield from by_batch(rows, lambda row: f"{row['faces_per_second']:,.0f}")


def agreement(report: dict[str, Any]) -> Iterator[str]:
    """Write how often the answers are those of the reference."""
    if report["agreement"]:
        yield "## The same answers\n"
        yield "Faces with the same most probable class as eager float32; none of them calibrated int8.\n"
        yield from table(
            ("model", "contender", "faces", "the same"),
            [
                (row["model"], row["contender"], f"{row['num_faces']:,}", f"{100 * row['agreement']:.2f} %")
                for row in report["agreement"]
            ],
        )


def pictures(report: dict[str, Any]) -> Iterator[str]:
    """Write the times of whole pictures."""
    yield from ["## Whole pictures"] if report["pictures"] else []
    for picture in names_of(report["pictures"], "picture"):
        yield f"\n**{picture}**: read, detect, cut out, classify; each contender in a process of its own.\n"
        yield from table(
            ("contender", "faces found", "ms a picture: median (lowest)", "times as fast", "classifying, ms a face"),
            [
                (
                    row["contender"],
                    str(row["num_faces"]),
                    f"{row['median_ms']:,.1f} ({row['lowest_ms']:,.1f})",
                    "" if row["ratio"] is None else f"{row['ratio']:.2f}",
                    f"{row['classify_ms_per_face']:,.1f}",
                )
                for row in report["pictures"]
                if row["picture"] == picture
            ],
        )


def steps(report: dict[str, Any]) -> Iterator[str]:
    """Write where the time goes."""
    if report["steps"]:
        names = list(report["steps"][0]["steps_ms"])
        yield f"## Where the time goes\n\n{report['steps'][0]['contender']}, milliseconds, medians.\n"
        yield from table(
            ("picture", *names, "whole picture"),
            [
                (row["picture"], *(f"{row['steps_ms'][name]:.1f}" for name in names), f"{row['whole_ms']:.1f}")
                for row in report["steps"]
            ],
        )


def starts(report: dict[str, Any]) -> Iterator[str]:
    """Write cold starts and memory."""
    started = [row for row in report["starts"] if "seconds" in row]
    if started:
        yield "## Cold start and memory\n\nSeconds in a new process, and its peak memory after all pictures.\n"
        peaks = {row["contender"]: row["peak_megabytes"] for row in report["memory"]}
        cells = []
        for name in names_of(started, "contender"):
            own = [row for row in started if row["contender"] == name]
            warm = [row for row in own if not row["converts"]] or own
            seconds = [statistics.median(row["seconds"][step] for row in warm) for step in STEPS]
            peak = "" if peaks.get(name) is None else f"{peaks[name]:,.0f} MB"
            label = f"{name} {own[0]['version']}" if not name.startswith("fer-zoo") else name
            cells.append((label, *(f"{value:.2f}" for value in seconds), f"{sum(seconds):.2f}", peak))
        yield from table(("contender", *STEPS, "together", "peak memory"), cells)
        for row in started:
            if row["converts"]:
                yield "\nThe first use of a model with another backend than torch converts it, once; constructing took"
                yield f"{row['seconds']['construct']:.1f} s then."


def growth(report: dict[str, Any]) -> Iterator[str]:
    """Write how the time grows, with the line through it."""
    if report["growth"]:
        yield f"## Growth\n\n{report['growth'][0]['contender']}, milliseconds."
    for row in report["growth"]:
        yield f"\n{row['kind'].capitalize()}: {row['ms_once']:.1f} ms and {row['ms_each']:.2f} ms for each; the point"
        yield f"farthest from this line is off by {100 * row['residual']:.1f} % of the largest value.\n"
        numbers, medians = map(str, row["numbers"]), (f"{value:,.1f}" for value in row["median_ms"])
        yield from table((row["kind"], *numbers), [("ms", *medians)])


def cuda(report: dict[str, Any]) -> Iterator[str]:
    """Write the figures of a GPU, or that there are none."""
    yield "## GPU\n"
    if not report["cuda"]:
        yield "Not measured: there is no GPU on this machine, or it was not asked for."
        return
    yield f"{report['hardware']['gpu']}, times between CUDA events; `compiled` is `compile=True`, with CUDA graphs."
    for model in names_of(report["cuda"], "model"):
        rows = [
            {**row, "contender": f"{row['contender']} {row['precision']}"}
            for row in report["cuda"]
            if row["model"] == model
        ]
        yield f"\n**{model}**: milliseconds a batch, median (lowest), and faces per second.\n"
        yield from by_batch(
            rows, lambda row: f"{row['median_ms']:.2f} ({row['lowest_ms']:.2f}), {row['faces_per_second']:,.0f}/s"
        )


def not_measured(report: dict[str, Any]) -> Iterator[str]:
    """Write what could not be measured, and why."""
    rows = [row for key in ("classifier", "starts", "cuda") for row in report[key] if "reason" in row]
    if rows:
        yield "## Not measured\n"
        for row in rows:
            where = [row.get("model"), row["contender"], row.get("batch") and f"batch {row['batch']}"]
            yield f"- {', '.join(filter(None, where))}: {escape(row['reason'])}"


def by_batch(rows: Sequence[Row], write: Callable[[Row], str]) -> Iterator[str]:
    """Write a table of contenders by batch sizes."""
    sizes = names_of(rows, "batch")
    cells = {(row["contender"], row["batch"]): write(row) for row in rows if "reason" not in row}
    lines = [(name, *(cells.get((name, size), "") for size in sizes)) for name in names_of(rows, "contender")]
    yield from table(("contender", *(f"batch {size}" for size in sizes)), lines)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a table."""
    yield f"| {' | '.join(map(escape, head))} |"
    yield f"|{'|'.join(['---'] * len(head))}|"
    for row in rows:
        yield f"| {' | '.join(map(escape, row))} |"


def escape(text: str) -> str:
    """Return text that stays in its cell."""
    return text.replace("|", "\\|").replace("\n", " ")


def names_of(rows: Sequence[Row], key: str) -> list[Any]:
    """Return what the rows have under a key, each once, in their order."""
    return list(dict.fromkeys(row[key] for row in rows))


def times(ratio: float | None) -> str:
    """Return how many times as fast, as the end of a cell."""
    return "" if ratio is None else f", {ratio:.2f}x"
