"""The command line, through its real entry point."""

from __future__ import annotations

import csv
import io
import json
import os
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from forked import command_line, forked
from mhan_checkpoints import write_checkpoint
from numpy.typing import NDArray
from PIL import Image
from transformers import AutoModelForImageClassification
from typer.testing import Result

import fer_zoo
from fer_zoo.cli.failures import complain
from fer_zoo.cli.inputs import expand_inputs
from fer_zoo.errors import ImageNotFoundError
from fer_zoo.imaging import read_image
from fer_zoo.results.table import FLAT_COLUMNS

Write = Callable[[str, NDArray[np.uint8]], str]


@pytest.fixture
def empty(write_picture: Write, landscape: NDArray[np.uint8]) -> str:
    """Return the path of a picture without a face."""
    return write_picture("landscape.png", landscape)


def test_table_shows_one_line_for_each_face(run: Callable[..., Result], smile: str, empty: str) -> None:
    """The table is for reading: expression in percent, box in pixels, and a line for a picture without a face."""
    result = run("predict", smile, empty)

    assert result.exit_code == 0
    lines = [line for line in result.stdout.splitlines() if ".png" in line]
    assert "happiness 100.0%" in lines[0]
    assert "182, 58, 270, 178" in lines[0]
    assert "no face" in lines[1]


def test_json_is_a_list_with_one_object_for_each_picture(run: Callable[..., Result], smile: str, empty: str) -> None:
    """Machines get everything: source, size, faces and error of every picture."""
    result = run("predict", "--json", smile, empty)

    first, second = json.loads(result.stdout)
    assert result.exit_code == 0
    assert first["image"] == smile
    assert (first["width"], first["height"], first["error"]) == (512, 512, None)
    assert first["faces"][0]["label"] == "happiness"
    assert len(first["faces"][0]["scores"]) == 8
    assert second["faces"] == []


@pytest.mark.parametrize("flip", [False, True])
def test_mirror_images_are_averaged_where_asked_for(run: Callable[..., Result], smile: str, flip: bool) -> None:
    """The command gives what a pipeline with the same option gives, and the option changes it."""
    result = run("predict", "--json", smile, *["--flip"] * flip)

    (picture,) = json.loads(result.stdout)
    scores, same, other = (
        {entry["label"]: entry["score"] for entry in face["scores"]}
        for face in (
            picture["faces"][0],
            *(fer_zoo.pipeline(device="cpu", flip=option)(smile)[0] for option in (flip, not flip)),
        )
    )
    assert scores == pytest.approx(same, abs=1e-6)
    assert scores != pytest.approx(other, abs=1e-6)


def test_csv_has_a_row_for_every_face_and_every_picture_without(
    run: Callable[..., Result], smile: str, empty: str, tmp_path: Path
) -> None:
    """No picture is missing from the CSV: those without a face and unreadable ones have a row too."""
    missing = str(tmp_path / "missing.png")

    result = run("predict", "--csv", smile, empty, missing)

    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert tuple(rows[0]) == FLAT_COLUMNS
    assert [(row["image"], row["label"]) for row in rows] == [(smile, "happiness"), (empty, ""), (missing, "")]
    assert rows[0]["face"] == "1"
    assert float(rows[0]["score"]) > 0.9
    assert "missing.png" in rows[2]["error"]


def test_failed_inputs_are_reported_and_the_rest_is_done(
    run: Callable[..., Result], smile: str, tmp_path: Path
) -> None:
    """The exit status is 1, the reasons are on stderr, and the good picture has its result."""
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")

    result = run("predict", "--json", broken, tmp_path / "missing.png", smile)

    assert result.exit_code == 1
    assert [len(item["faces"]) for item in json.loads(result.stdout)] == [0, 0, 1]
    assert "broken.jpg" in result.stderr
    assert "missing.png" in result.stderr


@pytest.mark.parametrize("option", ["--json", "--csv", "--top-k=1"])
def test_name_that_is_no_unicode_is_printed_with_an_escape(
    option: str, run: Callable[..., Result], landscape: NDArray[np.uint8], tmp_path: Path
) -> None:
    """JSON, CSV and the table are UTF-8, file names need not be."""
    Image.fromarray(landscape).save(tmp_path / os.fsdecode(b"caf\xe9.png"))

    result = run("predict", option, tmp_path)

    assert result.exit_code == 0, result.exception
    assert result.stdout_bytes.count(rb"caf\udce9.png") == 1


def strict_command_line(*arguments: str) -> None:
    """Run ``fer-zoo`` as Python does in an ordinary locale."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(encoding="utf-8", errors="strict")  # type: ignore[union-attr]
    command_line(*arguments)


@pytest.mark.slow
def test_name_that_is_no_unicode_comes_back_from_json(tmp_path: Path) -> None:
    """A process of its own ends as usual, and who reads its JSON can open the file."""
    name = os.fsdecode(b"caf\xe9.png")
    with forked(strict_command_line, "predict", "--json", str(tmp_path / name), folder=tmp_path) as process:
        status = process.wait()

    (answer,) = json.loads(process.out.read_bytes())
    assert status == 1
    assert answer["image"] == str(tmp_path / name)
    assert process.err.read_text(encoding="utf-8").endswith("there is no such file.\n")


def test_json_is_valid_where_the_output_is_not_utf8(run: Callable[..., Result], tmp_path: Path) -> None:
    """What the encoding of stdout lacks is an escape of JSON, and not one of Python."""
    result = run("predict", "--json", tmp_path / "grün 😀.png", charset="latin-1")

    (answer,) = json.loads(result.stdout_bytes)
    assert answer["image"] == str(tmp_path / "grün 😀.png")


def test_names_cannot_control_the_terminal(run: Callable[..., Result], tmp_path: Path) -> None:
    """Escape sequences of members of an archive are shown as text, in the table and in the reasons on stderr."""
    name = "\x1b]0;title\x07\x1b[31mx\u202egpj"
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.writestr(f"{name}.png", b"no picture")

    result = run("predict", tmp_path / "in.zip")

    assert result.exit_code == 1
    shown = r"\x1b]0;title\x07\x1b[31mx\u202egpj.png"
    assert shown in result.stdout
    assert shown in result.stderr
    assert not {"\x1b", "\x07", "\u202e"} & set(result.output)


@pytest.mark.parametrize("character", ["\x1b", "\x9b", "\u202e"])
def test_machines_get_names_as_they_are(character: str, run: Callable[..., Result], tmp_path: Path) -> None:
    """JSON escapes control characters, and is read with them; CSV holds them."""
    name = str(tmp_path / f"a{character}b.png")

    as_json, as_csv = (run("predict", option, name).stdout for option in ("--json", "--csv"))

    assert character not in as_json
    assert json.loads(as_json)[0]["image"] == name
    assert next(csv.DictReader(io.StringIO(as_csv)))["image"] == name


def test_messages_cannot_control_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """Line breaks of a message stay, everything that a terminal obeys is shown as text."""
    complain("first\n\tsecond \x1b[2J\r\x9b1m")

    assert capsys.readouterr().err == "error: first\n\tsecond \\x1b[2J\\r\\x9b1m\n"


def test_nothing_readable_gives_an_empty_list(run: Callable[..., Result], tmp_path: Path) -> None:
    """A folder without pictures is a failed input; the JSON is valid all the same."""
    result = run("predict", "--json", tmp_path)

    assert result.exit_code == 1
    assert json.loads(result.stdout) == []
    assert "the folder has no pictures" in result.stderr


def test_annotated_pictures_are_written(run: Callable[..., Result], smile: str, empty: str, tmp_path: Path) -> None:
    """Every picture lies in the folder, of its own size, changed where the face is and only there."""
    result = run("predict", "--annotate", tmp_path / "out", smile, empty)

    assert result.exit_code == 0
    with Image.open(tmp_path / "out" / "smile.png") as marked, Image.open(smile) as original:
        changed = (np.asarray(marked) != np.asarray(original)).any(axis=2)
    assert changed[62:176, 182].mean() > 0.95  # the left edge of the box
    assert not changed[200:, :].any()
    with Image.open(tmp_path / "out" / "landscape.png") as marked, Image.open(empty) as original:
        assert np.array_equal(np.asarray(marked), np.asarray(original))


def test_annotated_pictures_are_read_with_the_same_limit(
    run: Callable[..., Result], smile: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One above the limit that holds by default is analysed and written where ``--max-pixels`` allows it."""
    defaults = read_image.__kwdefaults__
    assert defaults is not None
    monkeypatch.setitem(defaults, "max_pixels", 1000)  # a picture above the real one takes 300 MB

    result = run("predict", "--annotate", tmp_path / "out", "--max-pixels", 512 * 512, smile)

    assert result.exit_code == 0, result.stderr
    assert (tmp_path / "out" / "smile.png").is_file()


def test_annotated_pictures_of_one_name_do_not_overwrite_each_other(
    run: Callable[..., Result], write_picture: Write, landscape: NDArray[np.uint8], tmp_path: Path
) -> None:
    """Two pictures of the same name from two folders become two files."""
    first, second = write_picture("a/picture.png", landscape), write_picture("b/picture.png", landscape)

    run("predict", "--annotate", tmp_path / "out", first, second)

    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["picture-2.png", "picture.png"]


def test_annotated_pictures_do_not_overwrite_what_is_read(
    run: Callable[..., Result], write_picture: Write, landscape: NDArray[np.uint8], tmp_path: Path
) -> None:
    """In the folder of the pictures, where ``a.jpg`` would become ``a.png``, the marked ones get other names."""
    first, second = write_picture("a.jpg", landscape), write_picture("a.png", landscape)
    before = Path(first).read_bytes(), Path(second).read_bytes()

    result = run("predict", "--annotate", Path(first).parent, first, second)

    assert result.exit_code == 0
    assert (Path(first).read_bytes(), Path(second).read_bytes()) == before
    assert sorted(path.name for path in Path(first).parent.iterdir()) == ["a-2.png", "a-3.png", "a.jpg", "a.png"]


def test_top_k_shows_more_expressions(run: Callable[..., Result], smile: str) -> None:
    """The table shows as many expressions as asked for."""
    result = run("predict", "--top-k", 2, smile)

    assert "happiness 100.0%, surprise 0.0%" in result.stdout


def test_threshold_leaves_out_unsure_faces(run: Callable[..., Result], smile: str) -> None:
    """With a threshold of 1 no face is sure enough."""
    assert "no face" in run("predict", "--threshold", 1, smile).stdout


def test_uncertain_expressions_are_marked(run: Callable[..., Result], smile: str, tmp_path: Path) -> None:
    """With a confidence of 1 no answer is sure enough: the table, JSON, CSV and the picture say so."""
    options = ("--min-confidence", 1)

    assert "happiness 100.0% (uncertain)" in run("predict", smile, *options).stdout
    assert json.loads(run("predict", "--json", smile, *options).stdout)[0]["faces"][0]["uncertain"] is True
    (row,) = csv.DictReader(io.StringIO(run("predict", "--csv", smile, *options).stdout))
    assert row["uncertain"] == "True"
    run("predict", smile, *options, "--annotate", tmp_path / "out")
    with Image.open(tmp_path / "out/smile.png") as picture:
        assert picture.getpixel((182, 100)) == (255, 255, 255)  # the left edge of the box, else in the label's colour


def test_crops_and_folders(run: Callable[..., Result], write_picture: Write, astronaut: NDArray[np.uint8]) -> None:
    """``--detector whole_image`` takes every picture of a folder as one face; square brackets in names are harmless."""
    folder = Path(write_picture("faces/[bold]a.png", astronaut[50:190, 160:290])).parent
    write_picture("faces/deeper/b.jpg", astronaut[50:190, 160:290])

    result = run("predict", "--json", "--detector", "whole_image", "--device", "cpu", folder)

    assert [item["faces"][0]["box"]["xmax"] for item in json.loads(result.stdout)] == [130, 130]
    assert "[bold]a.png" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--model", "mahn"), "Unknown model 'mahn'. Did you mean 'mhan'?"),
        (("--detector", "mtcnn"), "Unknown detector 'mtcnn'."),
        (
            ("--device", "abacus"),
            "Invalid value 'abacus' for --device: expected one of cpu, cuda, mps, xpu, or cuda:1; --device cpu works",
        ),
        (("--device", "cuda:99"), "Invalid value 'cuda:99' for --device: expected a device that torch finds here: cpu"),
        (("--device", "cuda:99"), "; --device cpu works on every machine."),
        (("--json", "--csv"), "choose one of --json and --csv"),
        (("--top-k", "0"), "--top-k"),
        (("--threshold", "2"), "--threshold"),
        (("--min-confidence", "2"), "--min-confidence"),
        (("--engine", "nonsense"), "--engine: only for a file; add --output FILE, or leave this out"),
        (("--overwrite", "--num-cpus", "2"), "--overwrite, --num-cpus: only for a file; add --output FILE"),
        (("--num-gpus", "1"), "--num-gpus: only for a file; add --output FILE, or leave this out"),
    ],
)
def test_wrong_usage_exits_with_2(
    run: Callable[..., Result], smile: str, arguments: tuple[str, ...], message: str
) -> None:
    """Wrong options end before any picture is read, with the reason on stderr."""
    result = run("predict", smile, *arguments)

    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


def test_a_model_without_weights_is_wrong_usage(run: Callable[..., Result], smile: str) -> None:
    """The reason and the way out are on stderr."""
    result = run("predict", smile, "--model", "resnet18")

    assert result.exit_code == 2
    assert "There are no weights 'resnet18'" in result.stderr
    assert "choose a model with weights: han_pff, mhan" in result.stderr


def test_models_are_listed(run: Callable[..., Result]) -> None:
    """The table has every model, and says which ones have no weights yet."""
    result = run("models")

    assert result.exit_code == 0
    assert all(entry.name in result.stdout for entry in fer_zoo.list_models())
    assert "4,146,960" in result.stdout
    assert result.stdout.count("no weights yet") == sum(not entry.is_embedded for entry in fer_zoo.list_models())


def test_version(run: Callable[..., Result]) -> None:
    """``--version`` prints the version of the package."""
    assert run("--version").stdout == f"fer-zoo {fer_zoo.__version__}\n"


def test_conversion_writes_a_loadable_folder(run: Callable[..., Result], tmp_path: Path) -> None:
    """A checkpoint in the authors' format becomes a folder for ``from_pretrained``; the dropped tensors are listed."""
    model = fer_zoo.MhanForImageClassification(fer_zoo.MhanConfig(num_labels=7))
    write_checkpoint(tmp_path / "epoch.pth", model)

    result = run(
        "convert", tmp_path / "epoch.pth", tmp_path / "out", "--label-set", "raf_db", "--crop-template", "arcface"
    )

    assert result.exit_code == 0
    assert "4,175,119 parameters. 220 tensors that take part in no forward pass were dropped:" in result.stdout
    assert "  cat_head0.SEDDAHead.Linear.conv.weight" in result.stdout
    loaded = AutoModelForImageClassification.from_pretrained(tmp_path / "out")
    assert torch.equal(loaded.classifier.weight, model.classifier.weight)
    assert loaded.config.label2id["surprise"] == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--label-set", "rafdb"), "Unknown label set 'rafdb'. Did you mean 'raf_db'?"),
        (("--label-set", "raf_db", "--crop-template", "arc"), "Unknown crop template 'arc'."),
        (("--label-set", "raf_db", "--color-mode", "bgr"), "Invalid value 'bgr' for color_mode"),
        (("--label-set", "raf_db"), "No such file"),
    ],
)
def test_conversion_refuses_wrong_options(
    run: Callable[..., Result], tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    """Wrong names and a missing checkpoint are named, and nothing is written."""
    result = run("convert", tmp_path / "missing.pth", tmp_path / "out", *options)

    assert result.exit_code == 2
    assert message in result.stderr
    assert not (tmp_path / "out").exists()


def test_inputs_are_expanded(write_picture: Write, landscape: NDArray[np.uint8], tmp_path: Path) -> None:
    """Folders, patterns, paths and URLs stand for pictures; what stands for nothing is an error with its reason."""
    first, second = write_picture("b.JPG", landscape), write_picture("a.png", landscape)
    (tmp_path / "notes.txt").write_text("no picture")
    pattern, nothing, url = str(tmp_path / "*.png"), str(tmp_path / "*.webp"), "https://example.org/a.jpg"

    expanded = list(expand_inputs([str(tmp_path), pattern, nothing, url, "missing.png"]))

    assert expanded[:3] == [second, first, second]
    assert isinstance(expanded[3], ImageNotFoundError)
    assert str(expanded[3]) == f"Cannot read image {nothing!r}: no file matches this pattern."
    assert expanded[4:] == [url, "missing.png"]


def test_picture_below_a_folder_that_a_pattern_matches_comes_once(
    write_picture: Write, landscape: NDArray[np.uint8], tmp_path: Path
) -> None:
    """The folder stands for its pictures; an archive in it, which the folder does not open, stays."""
    pictures = [write_picture("all/a.png", landscape), write_picture("all/sub/b.png", landscape)]
    with zipfile.ZipFile(tmp_path / "all/more.zip", "w") as archive:
        archive.write(pictures[0], "c.png")

    expanded = list(expand_inputs([str(tmp_path / "all/**")]))

    assert [str(found) for found in expanded] == [*pictures, f"{tmp_path}/all/more.zip!c.png"]


def test_help_is_wrapped_to_the_terminal(run: Callable[..., Result]) -> None:
    """The lines of a docstring do not end a line of their own."""
    result = run("predict", "--help")

    assert "(the reasons are on stderr), 2 for wrong usage." in result.stdout
