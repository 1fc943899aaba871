"""``fer-zoo data``: what data sets can be read, and a check of one that lies on the disk."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from fer_zoo.cli.failures import FAILED_INPUT, complain, errors_as_usage
from fer_zoo.cli.options import KindArgument, LabelSetOption, PathArgument
from fer_zoo.cli.photographs import warn_of_photographs
from fer_zoo.cli.progress import show_progress
from fer_zoo.cli.selection import reader_options
from fer_zoo.cli.terminal import encode_json, printable
from fer_zoo.datasets import DATASETS, DatasetReport, check_dataset, load_dataset
from fer_zoo.imaging import DEFAULT_MAX_PIXELS

data_app = typer.Typer(rich_markup_mode="rich")


@data_app.callback(invoke_without_command=True)
def data(context: typer.Context) -> None:
    """List the kinds of data sets that can be read, and where the data come from."""
    if context.invoked_subcommand is None:
        Console().print(_kind_table())
        for name, reader in DATASETS.items():
            if reader.card.homepage:
                print(f"{name}: {reader.card.homepage}")  # in a column a long address is broken, and cannot be copied


@data_app.command()
def check(
    kind: KindArgument,
    path: PathArgument,
    label_set: LabelSetOption = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with the files of all twins.")] = False,
    threads: Annotated[int | None, typer.Option(min=1, help="Pictures that are decoded at a time.")] = None,
    max_pixels: Annotated[int, typer.Option(min=1, help="Refuse larger pictures.")] = DEFAULT_MAX_PIXELS,
) -> None:
    """Read every picture of a data set; count classes, pictures that occur twice, and files that cannot be read.

    A warning says where the pictures seem to be photographs and no crops of faces.

    Exit status: 0 if every picture could be read, 1 if not (the reasons are on stderr), 2 if the layout or a label is
    wrong.
    """
    with errors_as_usage(), show_progress() as on_progress:
        report = check_dataset(
            kind, path, threads=threads, max_pixels=max_pixels, on_progress=on_progress, **reader_options(label_set)
        )
    if as_json:
        print(encode_json(report.to_dict(), indent=2))
    else:
        _print_report(report)
    everything = load_dataset(
        kind, path, keep_unlabelled=True, check_counts=False, max_pixels=max_pixels, **reader_options(label_set)
    )
    warn_of_photographs(everything)
    for source, reason in report.unreadable:
        complain(f"{printable(source)}: {reason}")
    if report.unreadable:
        raise typer.Exit(FAILED_INPUT)


def _kind_table() -> Table:
    """Return the kinds of data sets, one line each."""
    table = Table("kind", "what", "splits", "pictures", "terms", header_style="bold", show_lines=True)
    table.columns[0].no_wrap = True
    for name, reader in DATASETS.items():
        card = reader.card
        counts = "\n".join(" or ".join(f"{n:,}" for n in card.counts[s]) for s in card.splits if s in card.counts)
        table.add_row(name, card.title, "\n".join(card.splits), counts, card.terms)
    return table


def _print_report(report: DatasetReport) -> None:
    """Print the counts as a table, and the rest as lines below."""
    table = Table("class", *(split.split for split in report.splits), header_style="bold")
    for column in table.columns[1:]:
        column.justify = "right"
    rows = zip(*(split.class_counts for split in report.splits), strict=True)
    for row in rows:
        table.add_row(row[0][0], *(f"{count:,}" for _, count in row))
    table.add_section()
    for title, attribute in (
        ("without a label", "num_unlabelled"),
        ("all", "num_samples"),
        ("listed, but no class", "num_left_out"),
        ("same pixels as an earlier one", "num_repeated"),
    ):
        table.add_row(title, *(f"{getattr(split, attribute):,}" for split in report.splits))
    Console().print(table)
    for shared in report.shared:
        print(f"pictures of {shared.split} that are also in {shared.other}: {shared.count:,}")
    conflicting = sum(len({label for label in group.labels if label is not None}) > 1 for group in report.twins)
    print(f"groups of files with the same pixels: {len(report.twins):,}, with different labels: {conflicting:,}")
    print(f"files that cannot be read: {len(report.unreadable):,}")
    for remark in report.remarks:
        print(f"note: {remark}")


__all__ = ["data_app"]
