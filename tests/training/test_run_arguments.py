"""The options of a run's trainer: what follows from those that are set, and which are named when they do not fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from face_folders import run_layer

from fer_zoo.datasets import ExpressionDataset, Sample
from fer_zoo.errors import InvalidOptionError
from fer_zoo.labels import Expression, LabelSet
from fer_zoo.training import ExpressionTrainingArguments, RunFolder, RunSettings
from fer_zoo.training.data import TrainingData
from fer_zoo.training.run_arguments import make_arguments

PAIR = LabelSet("pair", (Expression.ANGER, Expression.FEAR))
PICTURES = ExpressionDataset([Sample(Path("0.png"), 0), Sample(Path("1.png"), 1)], PAIR, name="drawn")


def arguments(folder: Path, *, can_choose: bool = True, **training: Any) -> ExpressionTrainingArguments:
    """Return the options of a run, with pictures to choose the epoch by or without."""
    settings = RunSettings.from_layers(run_layer(folder, **training))
    return make_arguments(settings, RunFolder(folder), TrainingData(PICTURES, PICTURES if can_choose else None))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"metric_for_best_model": "nll"}, ("nll", False)),
        ({"metric_for_best_model": "eval_ece"}, ("ece", False)),
        ({"metric_for_best_model": "eval_loss"}, ("loss", False)),
        ({"metric_for_best_model": "macro_f1"}, ("macro_f1", True)),
        ({"metric_for_best_model": "nll", "greater_is_better": True}, ("nll", True)),
    ],
)
def test_less_of_an_error_is_better(options: dict[str, Any], expected: tuple[str, bool], tmp_path: Path) -> None:
    """Unless the settings say otherwise."""
    settings = RunSettings.from_layers(run_layer(tmp_path, **options))

    found = make_arguments(settings, RunFolder(tmp_path))

    assert (found.metric_for_best_model, found.greater_is_better) == expected


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, ("epoch", "epoch", True)),
        ({"eval_strategy": "no"}, ("no", "epoch", False)),
        ({"save_strategy": "no"}, ("no", "no", False)),
        ({"save_strategy": "best"}, ("epoch", "best", True)),
        ({"eval_strategy": "epoch", "save_strategy": "no"}, ("epoch", "no", False)),
        ({"eval_strategy": "no", "save_strategy": "steps"}, ("no", "steps", False)),
        ({"save_strategy": "steps", "load_best_model_at_end": False}, ("steps", "steps", False)),
    ],
)
def test_one_option_of_when_suffices(options: dict[str, Any], expected: tuple[str, str, bool], tmp_path: Path) -> None:
    """Measuring and saving follow each other, and the best is kept where something is measured and saved."""
    found = arguments(tmp_path, **options)

    assert (found.eval_strategy, found.save_strategy, found.load_best_model_at_end) == expected
    assert found.metric_for_best_model in {"accuracy", None} or not found.load_best_model_at_end


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"eval_strategy": "steps", "eval_steps": 3}, (3, 3)),
        ({"save_strategy": "steps", "save_steps": 4}, (4, 4)),
        ({"save_strategy": "steps", "save_steps": 4, "eval_steps": 2}, (2, 4)),
        ({"eval_strategy": "steps", "logging_steps": 7}, (500, 500)),
        ({"save_strategy": "best", "eval_strategy": "steps", "eval_steps": 5}, (5, 5)),
    ],
)
def test_one_number_of_steps_suffices(options: dict[str, Any], expected: tuple[int, int], tmp_path: Path) -> None:
    """What is measured is saved, unless both are said."""
    found = arguments(tmp_path, **options)

    assert (found.eval_strategy, found.eval_steps, found.save_steps) == ("steps", *expected)
    assert found.load_best_model_at_end


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"eval_strategy": "steps", "save_strategy": "epoch"},
            r"'epoch' for training\.save_strategy: .* or 'steps' as",
        ),
        (
            {"eval_strategy": "steps", "eval_steps": 2, "save_steps": 3},
            r"for training\.save_steps: .* a multiple of .* 2,",
        ),
        ({"eval_strategy": "no", "save_strategy": "best"}, r"for training\.save_strategy: .* as nothing is measured"),
        ({"eval_strategy": "no", "load_best_model_at_end": True}, r"for training\.load_best_model_at_end: .* false"),
        ({"deepspeed": "zero.json"}, r"'zero\.json' for training\.deepspeed: expected options that fit together \(No "),
        ({"fp16": True, "bf16": True}, r"for training\.fp16, training\.bf16: expected options that fit together \(At"),
    ],
)
def test_the_option_at_fault_is_named(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    """And none that has nothing to do with it."""
    with pytest.raises(InvalidOptionError, match=message) as caught:
        arguments(tmp_path, **options)

    assert "learning_rate" not in str(caught.value)


def test_nothing_is_measured_without_pictures(tmp_path: Path) -> None:
    """Who asks for it is told, before the data are read a second time."""
    assert arguments(tmp_path, can_choose=False).eval_strategy == "no"
    with pytest.raises(
        InvalidOptionError, match=r"'epoch' for training\.eval_strategy: expected 'no', as there are no"
    ):
        arguments(tmp_path, can_choose=False, eval_strategy="epoch")
