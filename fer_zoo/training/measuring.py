"""The half of the trainer that measures: every picture once, and those that cannot be read with a row of their own."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import Trainer
from transformers.trainer_utils import EvalLoopOutput

from fer_zoo.losses import has_target, upcast
from fer_zoo.training.arguments import ExpressionTrainingArguments
from fer_zoo.training.pictures import MARK, PictureReader, check_batch
from fer_zoo.training.stored_pictures import StoredPictures


class MeasuringTrainer(Trainer):
    """transformers' Trainer, which also measures data sets with pictures that cannot be read.

    Attributes:
        num_unreadable: how many such pictures were met so far, over all processes.
    """

    args: ExpressionTrainingArguments

    def __init__(self, *args: Any, **options: Any) -> None:
        self.num_unreadable = 0
        self._measured: list[Tensor] = []
        self._batched: Any = None  # the data set whose batches transformers keeps, if its workers persist
        super().__init__(*args, **options)

    @abstractmethod
    def _readable(self, rows: Any) -> PictureReader | StoredPictures:
        """Return a data set as bytes."""

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
