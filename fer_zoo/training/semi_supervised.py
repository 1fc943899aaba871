"""What all trainers that also look at pictures without labels have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import PreTrainedModel

from fer_zoo.models import FerImageProcessor
from fer_zoo.training.arguments import ExpressionTrainingArguments, check_number
from fer_zoo.training.pictures import Rows, show_single_twice
from fer_zoo.training.trainer import ExpressionTrainer
from fer_zoo.training.unlabelled import UnlabelledBatches, UnlabelledRows, check_apart


@dataclass
class SemiSupervisedTrainingArguments(ExpressionTrainingArguments):
    """Options of trainers that also look at pictures without labels.

    Attributes:
        steps_per_epoch: steps of the optimiser that make an epoch, at least 1. The labelled pictures are gone through
            as often as that takes, which suits a few labels among many pictures. By default an epoch is one pass
            through the labelled pictures.
        unlabelled_batch_size: unlabelled pictures in the batch of each process, at least 1; by default as many as
            labelled ones.

    Raises:
        InvalidOptionError: if an option is out of its range.
    """

    steps_per_epoch: int | None = None
    unlabelled_batch_size: int | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be trained with."""
        for name in ("steps_per_epoch", "unlabelled_batch_size"):
            value = getattr(self, name)
            if value is not None:
                check_number(name, value, value >= 1, "at least 1")
        super().__post_init__()


class SemiSupervisedTrainer(ExpressionTrainer):
    """A trainer with a second data set, whose labels it does not look at.

    Args:
        model: a classifier of this library.
        args: the options.
        processing_class: the image processor of the model.
        train_dataset: rows with ``image`` and ``label``.
        eval_dataset: the same; or several under their names.
        unlabelled_dataset: rows with ``image``; none of them may be in ``train_dataset``.
        **options: those of ``transformers.Trainer``.

    Raises:
        TrainingDataError: if a labelled picture is among the unlabelled ones, as far as their paths show.
        InvalidOptionError: if there is no image processor, or it is none of this library.
    """

    args: SemiSupervisedTrainingArguments

    def __init__(
        self,
        model: PreTrainedModel,
        args: SemiSupervisedTrainingArguments,
        *,
        processing_class: FerImageProcessor,
        train_dataset: Rows | None = None,
        eval_dataset: Rows | Mapping[str, Rows] | None = None,
        unlabelled_dataset: Rows | None = None,
        **options: Any,
    ) -> None:
        super().__init__(
            model,
            args,
            processing_class=processing_class,
            train_dataset=train_dataset,
            eval_dataset=eval_dataset,
            **options,
        )
        if train_dataset is not None and unlabelled_dataset is not None:
            check_apart(train_dataset, unlabelled_dataset)
        self.unlabelled_dataset = None if unlabelled_dataset is None else UnlabelledRows(unlabelled_dataset)
        self._unlabelled: UnlabelledBatches | None = None
        self._micro_batch = 0  # of the present step of the optimiser
        self._recorded: dict[str, list[Tensor]] = {}
        self._is_recording = True

    def num_draws(self, rows: Any) -> int:
        """Return how many pictures an epoch draws from a data set, over all processes."""
        if self.args.steps_per_epoch is None:
            return super().num_draws(rows)
        batch = self._train_batch_size * self.args.gradient_accumulation_steps * self.args.world_size
        return cast(int, self.args.steps_per_epoch * batch)

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Return the labelled batches of an epoch, and get the unlabelled pictures ready.

        Raises:
            TrainingDataError: if there are no pictures of either kind.
        """
        self._micro_batch = 0
        if self.unlabelled_dataset is not None:
            self._unlabelled = UnlabelledBatches(
                self._readable(self.unlabelled_dataset),
                batch_size=self.args.unlabelled_batch_size or self._train_batch_size,
                seed=self.args.seed if self.args.data_seed is None else self.args.data_seed,
                collate=self.data_collator,
                rank=self.args.process_index,
                num_processes=self.args.world_size,
                num_workers=self.args.dataloader_num_workers,
                pin_memory=self.args.dataloader_pin_memory and self.args.device.type == "cuda",
            )
        return super().get_train_dataloader()

    def next_unlabelled(self) -> Tensor:
        """Return the unlabelled pictures that belong to the present labelled batch, ``(U, 3, H, W)`` uint8."""
        number = self.state.global_step * self.args.gradient_accumulation_steps + self._micro_batch
        batches = cast(UnlabelledBatches, self._unlabelled)
        batch = dict(batches.batch(number))
        self.count_unreadable(batch)
        return show_single_twice(batch, batches.batch_size)["images"].to(self.args.device, non_blocking=True)

    def training_step(self, model: nn.Module, inputs: dict[str, Any], num_items_in_batch: Any = None) -> Tensor:
        """Compute the gradients of a batch, and count it."""
        loss = super().training_step(model, inputs, num_items_in_batch)
        self._micro_batch = 0 if self.accelerator.sync_gradients else self._micro_batch + 1
        return loss

    def _second_pass(self, model: nn.Module, num_items_in_batch: Any) -> None:
        """Replace the gradients of a step by those at the worst point, whose losses are not logged."""
        self._is_recording = False
        try:
            super()._second_pass(model, num_items_in_batch)
        finally:
            self._is_recording = True

    def train(self, *args: Any, **kwargs: Any) -> Any:
        """Train; afterwards the model has the averaged weights, if there is an average."""
        self._recorded = {}
        try:
            return super().train(*args, **kwargs)
        finally:
            if self._unlabelled is not None:
                self._unlabelled.close()

    def record(self, values: Mapping[str, Tensor]) -> None:
        """Note what the next log shows beside the loss, as means over the batches until then.

        Args:
            values: scalars under their names; the same names in every batch.
        """
        if not self._is_recording:
            return
        for name, value in values.items():
            self._recorded.setdefault(name, []).append(value.detach().to(torch.float32))

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        """Log, with the means of what was noted since the loss was logged last."""
        if "loss" in logs and self._recorded:
            means = torch.stack([torch.stack(values).mean() for values in self._recorded.values()])
            means = cast(Tensor, self.accelerator.reduce(means, reduction="mean"))
            logs.update(zip(self._recorded, means.tolist(), strict=True))
            self._recorded = {}
        super().log(logs, *args, **kwargs)


__all__ = ["SemiSupervisedTrainer", "SemiSupervisedTrainingArguments"]
