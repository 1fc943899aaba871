"""The part of the trainer that keeps the average of the weights: in training, in measuring and in checkpoints."""

from __future__ import annotations

import math
from contextlib import nullcontext
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn
from transformers.trainer_utils import EvalLoopOutput

from fer_zoo.errors import TrainingDivergedError
from fer_zoo.training.averaging import AVERAGE_FILE, WeightAverage
from fer_zoo.training.measuring import MeasuringTrainer


class AveragingTrainer(MeasuringTrainer):
    """A trainer that measures, stores and ends with the moving average of the weights, if it keeps one.

    Neither the average nor the weights are gone on with once they are no longer finite numbers.

    Attributes:
        average: of the training that goes on or was last; ``None`` without one.
    """

    def __init__(self, *args: Any, **options: Any) -> None:
        self.average: WeightAverage | None = None
        super().__init__(*args, **options)

    def train(self, *args: Any, **kwargs: Any) -> Any:
        """Train; afterwards the model has the averaged weights, if there is an average.

        Raises:
            TrainingDivergedError: if weights have become infinite or no numbers.
        """
        self.average = WeightAverage(self.model, self.args.ema_decay) if self.args.ema_decay else None
        output = super().train(*args, **kwargs)
        self._check_finite()
        if self.average is not None:
            self.average.copy_to(self.model)
        return output

    def evaluation_loop(self, *args: Any, **kwargs: Any) -> EvalLoopOutput:
        """Evaluate the average if there is one and training goes on, else the model.

        Raises:
            TrainingDivergedError: if training goes on, and weights are no longer numbers.
        """
        if self.is_in_train:
            self._check_finite()
        self.average_buffers()
        with nullcontext() if self.average is None or not self.is_in_train else self.average.applied_to(self.model):
            return super().evaluation_loop(*args, **kwargs)

    def _check_finite(self) -> None:
        """Refuse to go on with weights that are no longer finite numbers."""
        if not all(bool(torch.isfinite(parameter).all()) for parameter in self.model.parameters()):
            raise TrainingDivergedError(self.args.learning_rate, self.state.epoch)

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        """Write a checkpoint with the average beside the weights."""
        self.average_buffers()
        folder = Path(self._get_output_dir(trial=trial)) / f"checkpoint-{self.state.global_step}"
        if self.average is not None and self.args.should_save:
            folder.mkdir(parents=True, exist_ok=True)
            self.average.save(folder)
        super()._save_checkpoint(model, trial)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        """Read a checkpoint; the average starts from its weights where it has none."""
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        if self.average is not None:
            self.average = WeightAverage(self.model, self.args.ema_decay)
            if (Path(resume_from_checkpoint) / AVERAGE_FILE).is_file():
                self.average.load(Path(resume_from_checkpoint))

    def _load_best_model(self) -> None:
        """Read the best checkpoint, and its average."""
        super()._load_best_model()
        if self.average is not None:
            self.average.load(Path(cast(str, self.state.best_model_checkpoint)))

    def average_buffers(self) -> None:
        """Give all processes the mean of their running statistics, which each took from its own pictures."""
        if self.accelerator.num_processes == 1:
            return
        models = [self.model] if self.average is None else [self.model, self.average.averaged.module]
        for model in models:
            for buffer in model.buffers():
                if buffer.is_floating_point():
                    buffer.copy_(self.accelerator.reduce(buffer, reduction="mean"))

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        """Log; what has no number any more is not trained on.

        Raises:
            TrainingDivergedError: if the loss is no number, and so are weights.
        """
        if not math.isfinite(logs.get("loss", 0.0)):
            self._check_finite()
        super().log(logs, *args, **kwargs)


__all__ = ["AveragingTrainer"]
