"""Model cards and the folder ``hub_configs``."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from huggingface_hub import ModelCard
from typer.testing import CliRunner

from fer_zoo.cli import app
from fer_zoo.evaluation import EvaluationReport
from fer_zoo.hub import find_drift, model_card, write_hub_configs
from fer_zoo.registry import ModelEntry, entries, get_entry, list_embedded_models

COMMITTED = Path(__file__).parents[2] / "hub_configs"
ENTRY = get_entry("mhan")


class TestModelCard:
    """What the card says."""

    def test_metadata(self) -> None:
        """The Hub is told the licence, the library, the task and the data, and no figure that nobody measured."""
        data = model_card(replace(ENTRY, figures={})).data.to_dict()

        assert data == {
            "license": "apache-2.0",
            "library_name": "fer-zoo",
            "pipeline_tag": "image-classification",
            "tags": ["facial-expression-recognition", "emotion-recognition", "face", "transformers", "safetensors"],
            "datasets": ["fer2013", "fer_plus"],
        }

    def test_figures_become_results(self) -> None:
        """A figure of 80 % is 0.8 to the Hub, with its name and its metric, and a row of the card with its source."""
        figures = {"FER+ test accuracy": 80.04, "FER+ test balanced accuracy": 50.0, "FER+ test macro-F1": 61.25}

        card = model_card(replace(ENTRY, figures=figures, figures_source="Measured on one CPU."))

        results = [(r.metric_type, r.metric_name, r.metric_value) for r in card.data.get("eval_results")]
        assert results == [
            ("accuracy", "FER+ test accuracy", 0.8004),
            ("balanced_accuracy", "FER+ test balanced accuracy", 0.5),
            ("f1", "FER+ test macro-F1", 0.6125),
        ]
        assert card.data.get("metrics") == ["accuracy", "balanced_accuracy", "f1"]
        assert "| FER+ test accuracy | 80.0 % |" in card.text
        assert "Measured on one CPU." in card.text

    @pytest.mark.parametrize("entry", list_embedded_models(), ids=lambda entry: entry.name)
    def test_figures_are_those_of_the_report(self, entry: ModelEntry) -> None:
        """Nothing is typed in that the report beside the weights does not say: figures, command, day, every class."""
        report = EvaluationReport.load(entry.folder)

        metrics, here = report.metrics, report.environment
        assert dict(entry.figures) == {
            "accuracy": round(100 * metrics.accuracy.value, 1),
            "balanced accuracy": round(100 * metrics.balanced_accuracy, 1),
            "calibration error (ECE)": round(100 * metrics.ece, 1),
        }
        assert here.command in entry.figures_source
        assert here.date in entry.figures_source
        assert f"{metrics.accuracy.total:,}" in entry.figures_source
        assert report.classes == tuple(map(str, entry.label_set))
        text = model_card(entry).text
        for row in metrics.per_class:
            assert f"| {row.label} | {row.support} | " in text

    def test_a_class_that_is_never_the_answer_has_a_dash(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """It has no precision; and without a report there is no table of classes."""
        shutil.copytree(entries.WEIGHTS_FOLDER / "mhan", tmp_path / "mhan")
        monkeypatch.setattr(entries, "WEIGHTS_FOLDER", tmp_path)
        file = tmp_path / "mhan" / "evaluation.json"
        report = json.loads(file.read_text(encoding="utf-8"))
        report["metrics"]["per_class"][-1] |= {"precision": None, "recall": 0.0, "f1": 0.0}
        file.write_text(json.dumps(report), encoding="utf-8")

        with_report = model_card(ENTRY).text
        file.unlink()

        assert "| - | 0.0 % | 0.0 % |" in with_report
        assert "Recall" not in model_card(ENTRY).text

    def test_the_card_reads_back(self) -> None:
        """The metadata that the client reads from the text is the metadata that was written."""
        card = model_card(ENTRY)

        assert ModelCard(str(card)).data.to_dict() == card.data.to_dict()

    @pytest.mark.parametrize("entry", list_embedded_models(), ids=lambda entry: entry.name)
    def test_card_says_what_matters(self, entry: ModelEntry) -> None:
        """Every card has its sections, the classes by their index, the terms of the data, and the law."""
        text = model_card(entry).text

        sections = [line.removeprefix("## ") for line in text.splitlines() if line.startswith("## ")]
        assert sections == [
            "Use",
            "Classes",
            "Training data",
            "Figures",
            "Limits",
            "Responsible use",
            "Licences",
            "Citation",
        ]
        assert all(f"| {index} | {expression} |" in text for index, expression in enumerate(entry.label_set))
        assert entry.licences is not None
        assert all(licence.terms in text and licence.note in text for licence in entry.licences)
        assert "Article 5(1)(f) of the AI Act" in text
        assert "The expression of a face is not a feeling." in text


class TestHubConfigs:
    """The folder in the repository."""

    def test_committed_folder_is_what_the_registry_gives(self) -> None:
        """Nothing in ``hub_configs`` is out of date; ``fer-zoo hub-configs --write`` mends it."""
        assert find_drift(COMMITTED) == ()

    def test_every_kind_of_drift_is_named(self, tmp_path: Path) -> None:
        """A file that is missing, one that differs and one of no model are each a line."""
        write_hub_configs(tmp_path)
        (tmp_path / "mhan" / "config.json").unlink()
        (tmp_path / "mhan" / "README.md").write_text("old")
        (tmp_path / "gone.txt").touch()

        assert find_drift(tmp_path) == (
            "gone.txt belongs to no published model",
            "mhan/README.md differs from the registry",
            "mhan/config.json is missing",
        )

    def test_command_checks_and_writes(self, tmp_path: Path) -> None:
        """The check fails on an empty folder, writing fills it, and then the check passes."""
        run = CliRunner().invoke
        folder = str(tmp_path / "hub_configs")

        before, written, after = (run(app, ["hub-configs", folder, *how]) for how in (["--check"], ["--write"], []))

        assert (before.exit_code, written.exit_code, after.exit_code) == (1, 0, 0)
        assert f"error: {folder}: mhan/README.md is missing" in before.stderr
        assert find_drift(folder) == ()
