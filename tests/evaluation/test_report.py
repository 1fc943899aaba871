"""The report as JSON, as Markdown and as pictures."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from evaluation_pictures import Pictures, columns_picture, reading_model
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from PIL import Image

from fer_zoo.errors import InvalidOptionError, MissingPackageError
from fer_zoo.evaluation import EvaluationReport, evaluate
from fer_zoo.evaluation.figures import draw_confusion_matrix, draw_per_class, draw_reliability
from fer_zoo.evaluation.markdown import make_table
from fer_zoo.labels import get_label_set
from fer_zoo.models import FerImageProcessor
from fer_zoo.results import Box, Face

FILES = ["confusion_matrix.png", "evaluation.json", "evaluation.md", "per_class.png", "reliability.png"]

MakeReport = Callable[..., EvaluationReport]


@pytest.fixture
def detected(processor: FerImageProcessor) -> EvaluationReport:
    """Return a report with a missed face, dropped pictures and classes that only the model has."""

    class HalfBlind:
        gives_crops = False

        def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[tuple[Face, ...]]:
            """Return the whole picture as a face, if it is bright."""
            return [(Face(Box(0, 0, 8, 8), 0.9),) if image.max() > 250 else () for image in images]

    images = [columns_picture(1), columns_picture(0, 1), columns_picture(0.5)]
    data = Pictures([*images, images[0]], [6, 3, 3, 2], get_label_set("ck_plus"))
    model = reading_model(get_label_set("fer2013"))
    return evaluate(model, data, processor=processor, detector=HalfBlind(), min_confidence=0.2)


def test_round_trip_through_files(make_report: MakeReport, detected: EvaluationReport, tmp_path: Path) -> None:
    """What is read back equals what was written, for both protocols, from the folder and from the file."""
    for number, report in enumerate((make_report(command="fer-zoo evaluate a|b"), detected)):
        folder = tmp_path / str(number) / "new"

        report.save(folder)

        assert sorted(path.name for path in folder.iterdir()) == FILES
        assert EvaluationReport.load(folder) == report
        assert EvaluationReport.load(folder / "evaluation.json") == report


def test_json_holds_everything(make_report: MakeReport, tmp_path: Path) -> None:
    """A program finds the figures, the counts and the conditions by their names."""
    report = make_report(min_confidence=0.5)
    report.save(tmp_path)

    values = json.loads((tmp_path / "evaluation.json").read_text())

    assert values["model"] == "ReadingModel"
    assert values["metrics"]["accuracy"]["hits"] == 3
    assert values["metrics"]["abstention"]["min_confidence"] == 0.5
    assert values["metrics"]["confusion_matrix"][1][1] == 2
    assert values["counts"] == {"pictures": 4, "evaluated": 4, "missed": 0, "unreadable": 0, "dropped": {}}
    assert values["environment"]["date"] == report.environment.date
    assert values == json.loads(json.dumps(report.to_dict()))


def test_markdown_of_crops(make_report: MakeReport) -> None:
    """The figures stand in tables, with what they are of; what is not defined is a dash."""
    text = make_report(selection="challenge: occlusion", command="fer-zoo evaluate x", flip=True).to_markdown()

    assert text.startswith("# ReadingModel on drawn, test\n")
    assert "- Protocol: aligned crops, probabilities averaged with those of the mirrored crop; temperature 1\n" in text
    assert "- Selection: challenge: occlusion\n" in text
    assert "- Pictures: 4; 4 evaluated\n" in text
    assert "- Command: fer-zoo evaluate x" in text
    assert "| accuracy | 75.0 % (95 % interval 30.1 to 95.4; 3 of 4) |" in text
    assert "No picture shows disgust, sadness, anger, neutral: balanced accuracy" in text
    assert "| anger | 0 | - | - | - |" in text
    assert "| **fear** | 0 | 2 | 0 | 0 | 0 | 0 | 0 |" in text


def test_markdown_with_a_detector(detected: EvaluationReport) -> None:
    """Missed faces, dropped pictures and ignored classes are said."""
    text = detected.to_markdown()

    assert "- Protocol: whole pictures with the detector HalfBlind" in text
    assert "- Pictures: 4; 2 evaluated, 1 without a face, 1 of contempt, which the model lacks\n" in text
    assert "| faces missed | 1 of 3 |" in text
    assert "| accuracy, missed faces as wrong | 33.3 % (95 % interval 6.1 to 79.2; 1 of 3) |" in text
    assert "| balanced accuracy, missed faces as wrong | 25.0 % |" in text
    assert "| coverage, answers below 0.2 withheld | 100.0 % |" in text


def test_names_that_are_no_text_or_look_like_formulas_are_written(make_report: MakeReport, tmp_path: Path) -> None:
    """In the pictures a dollar is one, in the text bytes are escaped, and from JSON the name comes back."""
    report = replace(make_report(), model="$run_1^$ caf\udce9")

    report.save(tmp_path)

    assert EvaluationReport.load(tmp_path) == report
    assert (tmp_path / "evaluation.md").read_text().startswith("# $run_1^$ caf\\udce9 on drawn")
    title = draw_per_class(report).axes[0].get_title()
    assert title.startswith(r"\$run_1^\$ caf\udce9 on drawn")


def test_vertical_bars_do_not_break_a_table() -> None:
    """They are escaped."""
    assert make_table(("a", "b"), [("x|y", 1)]) == "| a | b |\n| --- | --- |\n| x\\|y | 1 |"


def heights_of(axes: Axes) -> list[float]:
    """Return the heights of the bars."""
    return [bar.get_height() for bar in axes.patches if isinstance(bar, Rectangle)]


class TestFigures:
    """What the pictures show, read from the figures themselves."""

    def test_confusion_matrix_shows_shares_and_counts(self, make_report: MakeReport) -> None:
        """Each cell has its share of the row and its count; a class without a picture has shares of 0."""
        report = make_report()

        axes = draw_confusion_matrix(report).axes[0]

        texts = np.array([text.get_text() for text in axes.texts]).reshape(7, 7)
        assert texts[1, 1] == "100%\n2"
        assert texts[3, 2] == "100%\n1"
        assert texts[6, 6] == "0%\n0"
        assert [label.get_text() for label in axes.get_yticklabels()][:2] == ["surprise (1)", "fear (2)"]

    def test_reliability_shows_every_bin(self, make_report: MakeReport) -> None:
        """The height of a bar is the accuracy of its bin, below is the number of answers."""
        report = make_report()

        upper, lower = draw_reliability(report).axes

        assert heights_of(upper) == [row.accuracy or 0 for row in report.metrics.reliability]
        assert heights_of(lower) == [row.count for row in report.metrics.reliability]

    def test_bars_of_each_class(self, make_report: MakeReport) -> None:
        """Precision, recall and F1 in the order of the classes; what is not defined has a dash above it."""
        report = make_report()

        axes = draw_per_class(report).axes[0]

        heights = np.array(heights_of(axes)).reshape(3, 7)
        assert heights[1].tolist() == [row.recall or 0 for row in report.metrics.per_class]
        assert [text.get_text() for text in axes.texts].count("-") == 4 + 4 + 3

    def test_pictures_have_a_size_to_look_at(self, make_report: MakeReport, tmp_path: Path) -> None:
        """They are PNG files of some hundred pixels, and matplotlib keeps no figure of them."""
        from matplotlib import pyplot

        make_report().save(tmp_path)

        for path in tmp_path.glob("*.png"):
            with Image.open(path) as picture:
                assert picture.format == "PNG"
                assert min(picture.size) > 300
        assert pyplot.get_fignums() == []


def test_missing_matplotlib_is_named(make_report: MakeReport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command that installs it is said, and nothing is written."""
    report = make_report()
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)

    with pytest.raises(MissingPackageError, match=r"'matplotlib'.*pip install 'fer-zoo\[train\]'"):
        report.save(tmp_path / "out")

    assert not (tmp_path / "out").exists()


def test_folders_that_cannot_be_written_are_named(make_report: MakeReport, tmp_path: Path) -> None:
    """A file in the way is said."""
    (tmp_path / "file").write_text("")

    with pytest.raises(InvalidOptionError, match="a folder that can be written to"):
        make_report().save(tmp_path / "file")


@pytest.mark.parametrize("content", [None, "no JSON", "{}", "[]"])
def test_what_is_no_report_is_refused(tmp_path: Path, content: str | None) -> None:
    """A missing file, a broken one and another JSON are named."""
    if content is not None:
        (tmp_path / "evaluation.json").write_text(content)

    with pytest.raises(InvalidOptionError, match=r"the file evaluation\.json of an evaluation"):
        EvaluationReport.load(tmp_path)
