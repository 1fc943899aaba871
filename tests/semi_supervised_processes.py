"""Trains with unlabelled pictures in one process or several, and writes what came out; a test starts it.

The network has no batch norm and Ada-CM no contrastive loss: both look at the pictures of one process alone.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from torch import nn
from training_rows import Rows, processor, smooth_model

from fer_zoo.training import (
    AdaCMTrainer,
    AdaCMTrainingArguments,
    DistillationTrainer,
    DistillationTrainingArguments,
    SemiSupervisedTrainer,
)

BATCH, UNLABELLED_BATCH = 4, 6  # of all processes


def build(method: str, folder: Path) -> SemiSupervisedTrainer:
    """Return the trainer of a method."""
    share = int(os.environ.get("WORLD_SIZE", "1"))
    options: dict[str, Any] = {
        "output_dir": str(folder),
        "per_device_train_batch_size": BATCH // share,
        "unlabelled_batch_size": UNLABELLED_BATCH // share,
        "steps_per_epoch": 3,
        "num_train_epochs": 2,
        "learning_rate": 0.1,
        "lr_scheduler_type": "constant",
        "max_grad_norm": 0.0,
        "optim": "sgd",
        "use_cpu": True,
        "disable_tqdm": True,
        "save_strategy": "no",
        "logging_strategy": "steps",
        "logging_steps": 1,
        "dataloader_pin_memory": False,
    }
    model = smooth_model()
    model.norm = nn.Identity()  # type: ignore[assignment]
    data: dict[str, Any] = {
        "processing_class": processor(),
        "train_dataset": Rows([0, 1, 2, 0, 1, 2, 0, 1]),
        "unlabelled_dataset": Rows([2, 1, 0] * 5, seed=1),
    }
    if method == "distillation":
        return DistillationTrainer(
            model, DistillationTrainingArguments(**options), teachers=[(smooth_model(1), processor())], **data
        )
    views: dict[str, Any] = {"augmentation": {}, "strong_augmentation": {}, "confidence_floor": 0.4}
    return AdaCMTrainer(
        model, AdaCMTrainingArguments(**options, **views, contrastive_weight=0.0, ema_decay=0.9), **data
    )


def train(method: str, file: Path) -> None:
    """Train, and let the first process write the weights, the losses and the thresholds."""
    run = build(method, file.parent)
    run.train()
    if run.is_world_process_zero():
        names = ("loss", "supervised_loss", "unsupervised_loss", "distillation_loss", "confident_share")
        entries = [entry for entry in run.state.log_history if "loss" in entry]
        result = {
            "weights": [value for parameter in run.model.parameters() for value in parameter.flatten().tolist()],
            "logs": [entry[name] for entry in entries for name in names if name in entry],
            "thresholds": list(run.thresholds.values()) if isinstance(run, AdaCMTrainer) else [],
        }
        file.write_text(json.dumps(result), encoding="utf-8")
