"""The part of the trainer that reads and measures: every picture once, and those that cannot be read with a row too.

It also counts those that cannot be read, learnt or measured.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import Trainer
from transformers.trainer_utils import EvalLoopOutput

from fer_zoo.errors import DatasetWarning
from fer_zoo.losses import has_target, upcast
from fer_zoo.training.arguments import ExpressionTrainingArguments
from fer_zoo.training.pictures import MARK, PictureReader, Rows, TrainingReader, check_batch
from fer_zoo.training.pixel_preparation import PixelPreparation
from fer_zoo.training.stored_pictures import StoredPictures


class MeasuringTrainer(Trainer):
    """transformers' Trainer, which also measures data sets with pictures that cannot be read.

    Attributes:
        reading: how pictures are read and kept.
        num_unreadable: how many such pictures were met until the loss was last logged, over all processes.
        num_stand_ins: in how many batches without any other picture one that can be read stood in.
    """

    args: ExpressionTrainingArguments
    reading: PixelPreparation

    def __init__(self, *args: Any, **options: Any) -> None:
        self.num_unreadable = 0
        self.num_stand_ins = 0
        self._counts = [0, 0]  # what both grow by with the next log, of this process
        self._measured: list[Tensor] = []
        self._stored: list[tuple[Rows, StoredPictures]] = []
        self._batched: Any = None  # the data set whose batches transformers keeps, if its workers persist
        super().__init__(*args, **options)

    def _readable(self, rows: Any) -> PictureReader | StoredPictures:
        """Return a data set as bytes, read once where they are kept."""
        if isinstance(rows, PictureReader | StoredPictures):
            return rows
        if self.args.store == "none":
            return TrainingReader(rows, self.args.unreadable)
        for source, stored in self._stored:
            if source is rows:
                return stored
        device = "cpu" if self.args.store == "memory" else self.args.device
        workers = self.args.reading_workers
        stored = StoredPictures.read(
            rows, self.reading, device=device, unreadable=self.args.unreadable, num_workers=workers
        )
        self.num_unreadable += stored.num_unreadable
        self._stored.append((rows, stored))
        return stored

    def get_eval_dataloader(self, eval_dataset: Any = None) -> DataLoader[Any]:
        """Return the batches of a data set that is evaluated, all of them."""
        chosen = self.eval_dataset if eval_dataset is None else eval_dataset
        if isinstance(chosen, str):
            chosen = self.eval_dataset[chosen]
        if chosen is not self._batched:  # transformers would take those of another for these, as neither has a name
            self.__dict__.pop("_eval_dataloaders", None)
            self._batched = chosen
        with self._keeping_last_batch():
            loader = super().get_eval_dataloader(None if chosen is None else self._marked(chosen))
        return cast("DataLoader[Any]", loader)

    def get_test_dataloader(self, test_dataset: Any) -> DataLoader[Any]:
        """Return the batches of a data set that is predicted, all of them."""
        with self._keeping_last_batch():
            return cast("DataLoader[Any]", super().get_test_dataloader(self._marked(test_dataset)))

    @contextmanager
    def _keeping_last_batch(self) -> Iterator[None]:
        """Set ``dataloader_drop_last`` aside, which transformers would apply to what is measured too."""
        drops_last, self.args.dataloader_drop_last = self.args.dataloader_drop_last, False
        try:
            yield
        finally:
            self.args.dataloader_drop_last = drops_last

    def _marked(self, rows: Any) -> PictureReader | StoredPictures:
        """Return a data set to measure with as bytes; pictures that are skipped keep their rows.

        Several processes gather what they found, for which they must all have the same number of rows.
        """
        readable = self._readable(rows)
        if isinstance(readable, PictureReader) and readable.unreadable == "skip":
            return PictureReader(readable.rows, MARK)
        return readable

    def evaluation_loop(self, *args: Any, metric_key_prefix: str = "eval", **kwargs: Any) -> EvalLoopOutput:
        """Evaluate, and count what could not be read; the loss is the mean over the pictures with a label."""
        self._measured = []
        output = super().evaluation_loop(*args, metric_key_prefix=metric_key_prefix, **kwargs)
        if self._measured:
            is_readable, counts, losses = torch.cat(self._measured).unbind(dim=1)
            self.num_unreadable += int((is_readable == 0).sum())
            if f"{metric_key_prefix}_loss" in output.metrics and not counts.all():
                total = (losses * counts).sum() / counts.sum().clamp(min=1)
                output.metrics[f"{metric_key_prefix}_loss"] = float(total)
        return output

    def count_unreadable(self, batch: dict[str, Any]) -> None:
        """Take out of a batch to learn from how many of its pictures could not be read, and whether one stands in."""
        for i, name in enumerate(("num_unreadable", "stands_in")):
            self._counts[i] += int(batch.pop(name, 0))

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        """Log, with the number of pictures that could not be read if there were any.

        Warns:
            DatasetWarning: another picture stood in for batches without one.
        """
        if logs.keys() & {"loss", "train_loss"}:  # of training, which all processes log at once
            self._gather_counts()
        if self.num_unreadable:
            logs["num_unreadable"] = self.num_unreadable
        super().log(logs, *args, **kwargs)

    def _gather_counts(self) -> None:
        """Add up what all processes have met since the last time, and tell of batches without a picture."""
        counts = self.accelerator.reduce(torch.tensor(self._counts, device=self.args.device), reduction="sum")
        self._counts = [0, 0]
        num_unreadable, num_stand_ins = cast(Tensor, counts).tolist()
        self.num_unreadable += num_unreadable
        self.num_stand_ins += num_stand_ins
        if num_stand_ins and self.is_world_process_zero():
            found = f"Batches without a picture that can be read, in which another one stood in: {self.num_stand_ins:,}"
            warnings.warn(DatasetWarning(found), stacklevel=2)

    def prediction_step(
        self, model: nn.Module, inputs: dict[str, Any], prediction_loss_only: bool, ignore_keys: Any = None
    ) -> tuple[Tensor | None, Any, Any]:
        """Return loss, scores and labels of a batch; the model does not see pictures that cannot be read."""
        inputs = dict(check_batch(inputs))
        labels: Tensor | None = inputs.get("labels")
        is_readable: Tensor | None = inputs.pop("is_readable", None)
        if is_readable is not None and labels is not None:
            shown = labels[is_readable]
            inputs["labels"] = shown if len(shown) else labels[:1]  # a batch without a picture has a black one
        loss, scores, found = super().prediction_step(model, inputs, prediction_loss_only, ignore_keys)
        if "images" in inputs:
            if is_readable is None:
                is_readable = torch.ones(len(inputs["images"]), dtype=torch.bool, device=self.args.device)
            counts = is_readable if labels is None else has_target(labels)
            value = torch.zeros((), device=self.args.device) if loss is None else upcast(loss)
            rows = [is_readable.to(value), counts.to(value), value.expand(len(counts))]
            self._measured.append(self.gather_function(torch.stack(rows, dim=1)))
            if not is_readable.all():
                scores, found = spread(scores, is_readable), None if found is None else labels
        return loss, scores, found


def spread(values: Any, is_there: Tensor) -> Any:
    """Put the rows of what a model gives to the places that they belong to; the other places hold nan.

    Args:
        values: ``(N, ...)`` of a float type, or several in a list or tuple; anything else stays as it is.
        is_there: ``(B,)`` bool, with N places; if it has none, only the shape of the values counts.

    Returns:
        ``(B, ...)``, or several in a list or tuple.
    """
    if isinstance(values, list | tuple):
        return type(values)(spread(value, is_there) for value in values)
    if not isinstance(values, Tensor):
        return values
    whole = values.new_full((len(is_there), *values.shape[1:]), torch.nan)
    if is_there.any():
        whole[is_there] = values
    return whole


__all__ = ["MeasuringTrainer"]
