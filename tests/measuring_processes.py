"""Measures a folder with a broken picture in one process or several, and writes what came out; a test starts it."""

from __future__ import annotations

import json
from pathlib import Path

from training_rows import Rows, arguments, processor, smooth_model

from fer_zoo.training import ExpressionTrainer


def evaluate(file: Path) -> None:
    """Evaluate and predict, and let the first process write the loss, the count and the labels."""
    rows = Rows([0, 0, 0, 0, 0, 1, 1, 1], unreadable=(1,))
    options = arguments(file.parent, per_device_eval_batch_size=2, unreadable="skip")
    run = ExpressionTrainer(smooth_model(), options, processing_class=processor(), eval_dataset=rows)
    loss = run.evaluate()["eval_loss"]
    result = {"loss": loss, "num_unreadable": run.num_unreadable, "labels": run.predict(rows).label_ids.tolist()}
    if run.is_world_process_zero():
        file.write_text(json.dumps(result), encoding="utf-8")


__all__ = ["evaluate"]
