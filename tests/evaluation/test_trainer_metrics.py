"""Metrics for the Trainer of transformers."""

from __future__ import annotations

from math import exp, log
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import EvalPrediction, Trainer, TrainingArguments

from fer_zoo.errors import InvalidOptionError
from fer_zoo.evaluation import compute_trainer_metrics
from fer_zoo.labels import get_label_set
from fer_zoo.registry import create_model

LOGITS = np.array([[2.0, 0.0, 0.0], [2.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 2.0]])
LABELS = np.array([0, 1, 1, 2])
ID2LABEL = {0: "anger", 1: "fear", 2: "neutral"}


def test_figures_by_hand() -> None:
    """Three of four are right, each with the same probability; the values are plain floats."""
    sure = exp(2) / (exp(2) + 2)

    found = compute_trainer_metrics(ID2LABEL)(EvalPrediction(predictions=LOGITS, label_ids=LABELS))

    assert found == pytest.approx(
        {
            "accuracy": 0.75,
            "balanced_accuracy": (1 + 0.5 + 1) / 3,
            "macro_f1": (2 / 3 + 2 / 3 + 1) / 3,
            "ece": abs(0.75 - sure),
            "nll": -(3 * log(sure) + log(sure / exp(2))) / 4,
        }
    )
    assert {type(value) for value in found.values()} == {float}


def test_votes_count_as_the_class_with_most() -> None:
    """Rows of votes give what their class indices give."""
    votes = np.array([[6, 1, 3], [0, 8, 2], [4, 5, 1], [0.1, 0.2, 0.7]])
    compute = compute_trainer_metrics(ID2LABEL)

    assert compute(EvalPrediction(predictions=LOGITS, label_ids=votes)) == compute(
        EvalPrediction(predictions=LOGITS, label_ids=LABELS)
    )


def test_rows_that_do_not_count_are_left_out() -> None:
    """Labels of -100, votes of -100 and rows without a vote change nothing."""
    compute = compute_trainer_metrics(ID2LABEL)
    more = np.concatenate([LOGITS, np.full((2, 3), 7.0)])
    votes = np.concatenate([np.eye(3)[LABELS], np.full((1, 3), -100), np.zeros((1, 3))])
    expected = compute(EvalPrediction(predictions=LOGITS, label_ids=LABELS))

    assert compute(EvalPrediction(predictions=more, label_ids=np.array([*LABELS, -100, -100]))) == expected
    assert compute(EvalPrediction(predictions=more, label_ids=votes)) == expected


def test_logits_may_come_first_in_a_tuple() -> None:
    """Models with further outputs give the Trainer a tuple."""
    compute = compute_trainer_metrics(ID2LABEL)

    found = compute(EvalPrediction(predictions=(LOGITS, np.zeros((4, 2))), label_ids=LABELS))

    assert found == compute(EvalPrediction(predictions=LOGITS, label_ids=LABELS))


def test_classes_may_come_as_a_label_set() -> None:
    """A label set and its id2label are the same; keys are sorted as numbers."""
    labels = get_label_set("raf_db")
    prediction = EvalPrediction(predictions=np.eye(7) * 3, label_ids=np.array([0, 1, 2, 3, 4, 6, 5]))

    found = compute_trainer_metrics(labels)(prediction)

    assert found == compute_trainer_metrics(dict(reversed(labels.id2label.items())))(prediction)
    assert found["accuracy"] == pytest.approx(5 / 7)


def test_nothing_to_measure_is_refused() -> None:
    """If no row has a label, the error says so; so it does if rows and labels differ in number."""
    compute = compute_trainer_metrics(ID2LABEL)

    with pytest.raises(InvalidOptionError, match="the number of pictures to evaluate"):
        compute(EvalPrediction(predictions=LOGITS, label_ids=np.full(4, -100)))
    with pytest.raises(InvalidOptionError, match="the shapes of logits and labels"):
        compute(EvalPrediction(predictions=LOGITS, label_ids=LABELS[:3]))


@pytest.mark.parametrize("name", ["mfn", "mhan"])
def test_the_trainer_takes_it(name: str, tmp_path: Path) -> None:
    """The plain Trainer gathers the logits and the votes of all batches, and reports what the model itself says."""
    torch.manual_seed(0)
    model = create_model(name, config_options={"image_size": 48}).model
    pictures, votes = torch.randn(5, 3, 48, 48), torch.eye(8)[[0, 1, 2, 3, 4]] * 7 + 1
    for norm in (module for module in model.modules() if isinstance(module, torch.nn.modules.batchnorm._BatchNorm)):
        norm.momentum = None  # the statistics of these pictures; without, rounding decides what random weights answer
    model(pictures)
    model.eval()
    data = [{"pixel_values": picture, "labels": row} for picture, row in zip(pictures, votes, strict=True)]
    arguments = TrainingArguments(
        output_dir=str(tmp_path),
        per_device_eval_batch_size=2,
        report_to="none",
        use_cpu=True,
        dataloader_pin_memory=False,
    )

    found = Trainer(
        model, arguments, eval_dataset=data, compute_metrics=compute_trainer_metrics(model.config.id2label)
    ).evaluate()

    with torch.no_grad():
        answers = model(pictures).logits.argmax(dim=1)
    assert found["eval_accuracy"] == pytest.approx((answers == torch.arange(5)).float().mean().item())
    assert {"eval_balanced_accuracy", "eval_macro_f1", "eval_ece", "eval_nll", "eval_loss"} <= found.keys()
