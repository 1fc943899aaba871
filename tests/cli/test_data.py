"""``fer-zoo data``: the kinds, and the check of a data set."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from dataset_trees import write_csv, write_fer_plus, write_picture, write_raf_db, write_table
from typer.testing import CliRunner, Result

from fer_zoo.cli import app
from fer_zoo.datasets import DATASETS

Run = Callable[..., Result]


def test_bare_command_lists_every_kind(run: Run) -> None:
    """The list is that of the table of data sets, with their published numbers."""
    result = run("data")

    assert result.exit_code == 0
    assert all(f" {name} " in result.stdout for name in DATASETS)
    assert "12,271" in result.stdout


def test_addresses_are_not_broken() -> None:
    """Each is on a line of its own, also where the terminal is narrow."""
    result = CliRunner().invoke(app, ["data"], env={"COLUMNS": "80"})

    lines = result.stdout.splitlines()
    assert all(f"{name}: {kind.card.homepage}" in lines for name, kind in DATASETS.items() if kind.card.homepage)


def test_check_prints_counts_and_twins(run: Run, tmp_path: Path) -> None:
    """A line for each class, one number for each split, and the twins below."""
    root = write_fer_plus(tmp_path)
    write_picture(root / "FER2013Valid" / "fer0000100.png", 0)  # the pixels of the first training picture

    result = run("data", "check", "fer_plus", root)

    assert result.exit_code == 0, result.output
    rows = {line.split("│")[1].strip(): line.split("│")[2:4] for line in result.stdout.splitlines() if "│" in line}
    assert [cell.strip() for cell in rows["anger"]] == ["0", "1"]
    assert [cell.strip() for cell in rows["without a label"]] == ["2", "0"]
    assert "pictures of validation that are also in train: 1" in result.stdout
    assert "groups of files with the same pixels: 1, with different labels: 1" in result.stdout
    assert "expected 28,558" in result.stdout


def test_limit_of_pixels_reaches_the_check(run: Run, tmp_path: Path) -> None:
    """Pictures above it are told, and the command fails."""
    write_picture(tmp_path / "happy" / "0.png", 0)

    result = run("data", "check", "image_folder", tmp_path, "--max-pixels", "1")

    assert result.exit_code == 1
    assert "above the limit of 1" in result.stderr


def test_json_has_the_files_of_the_twins(run: Run, tmp_path: Path) -> None:
    """Machines get everything, and nothing else is printed."""
    root = write_fer_plus(tmp_path)
    write_picture(root / "FER2013Valid" / "fer0000100.png", 0)

    report = json.loads(run("data", "check", "fer_plus", root, "--json").stdout)

    assert report["shared"] == [{"split": "validation", "also_in": "train", "pictures": 1}]
    assert [[twin["label"] for twin in group] for group in report["twins"]] == [["neutral", "anger"]]


def test_unreadable_files_end_with_status_one(run: Run, tmp_path: Path) -> None:
    """The counts are printed, and the file is named on stderr."""
    root = write_raf_db(tmp_path)
    (root / "Image" / "aligned" / "test_0001_aligned.jpg").write_bytes(b"no picture")

    result = run("data", "check", "raf_db", root)

    assert result.exit_code == 1
    assert "files that cannot be read: 1" in result.stdout
    assert "test_0001_aligned.jpg" in result.stderr


def test_wrong_layout_ends_with_status_two(run: Run, tmp_path: Path) -> None:
    """The message shows the layout and where the data come from."""
    result = run("data", "check", "raf_db", tmp_path)

    assert result.exit_code == 2
    assert "EmoLabel/list_patition_label.txt" in result.stderr
    assert "http://www.whdeng.cn/RAF/model1.html" in result.stderr


def test_unknown_kind_ends_with_status_two(run: Run, tmp_path: Path) -> None:
    """The closest name is suggested."""
    result = run("data", "check", "ferplus", tmp_path)

    assert result.exit_code == 2
    assert "Did you mean 'fer_plus'?" in result.stderr


def test_label_set_says_what_numbers_mean(run: Run, tmp_path: Path) -> None:
    """Without it the message names the option; kinds with classes of their own have no use for it."""
    write_table(tmp_path)
    table = write_csv(tmp_path / "numbers.csv", [("path", "label"), ("faces/a.png", 3)])

    without = run("data", "check", "table", table)
    with_it = run("data", "check", "table", table, "--label-set", "raf_db")
    of_another = run("data", "check", "raf_db", write_raf_db(tmp_path), "--label-set", "raf_db")

    assert without.exit_code == of_another.exit_code == 2
    assert "--label-set" in without.stderr
    assert with_it.exit_code == 0
    assert "happiness" in with_it.stdout
    assert "Unknown option of raf_db 'label_set'" in of_another.stderr
