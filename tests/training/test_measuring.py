"""Measuring several data sets with one trainer."""

from __future__ import annotations

from pathlib import Path

import pytest
from training_rows import Rows, arguments, processor, smooth_model
from transformers.trainer_utils import EvalPrediction

from fer_zoo.training import ExpressionTrainer


def count(prediction: EvalPrediction) -> dict[str, float]:
    """Return how many rows there were."""
    return {"rows": float(len(prediction.predictions))}


@pytest.mark.parametrize("persistent", [False, True])
def test_every_data_set_has_its_own_figures(persistent: bool, tmp_path: Path) -> None:
    """Also where workers, and so the batches, are kept between evaluations."""
    trainer = ExpressionTrainer(
        smooth_model(),
        arguments(tmp_path, dataloader_num_workers=1, dataloader_persistent_workers=persistent),
        processing_class=processor(),
        train_dataset=Rows([0, 1, 2, 0]),
        eval_dataset={"a": Rows([0, 1, 2, 0, 1, 2]), "b": Rows([0] * 4)},
        compute_metrics=count,
    )

    both = trainer.evaluate()
    other = trainer.evaluate(Rows([0] * 3))

    assert (both["eval_a_rows"], both["eval_b_rows"], other["eval_rows"]) == (6, 4, 3)
    assert both["eval_a_loss"] != both["eval_b_loss"]
