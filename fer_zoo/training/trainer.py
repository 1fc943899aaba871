"""The trainer: transformers' own, with what training on faces needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from transformers import PreTrainedModel, TrainerCallback

from fer_zoo.errors import InvalidOptionError, TrainingDataError
from fer_zoo.models import FerImageProcessor
from fer_zoo.training.arguments import ExpressionTrainingArguments, naming_options
from fer_zoo.training.augmentation import Augmentation, augment, mix
from fer_zoo.training.averaging_trainer import AveragingTrainer
from fer_zoo.training.memory_format import arrange_channels_last
from fer_zoo.training.optimization import count_steps, decay_schedule, parameter_groups
from fer_zoo.training.pictures import (
    PictureCollator,
    PictureReader,
    Rows,
    check_batch,
    class_numbers,
    show_single_twice,
)
from fer_zoo.training.pixel_preparation import PixelPreparation
from fer_zoo.training.sam import at_the_worst_point, read_buffers, write_buffers
from fer_zoo.training.sampling import SAMPLING_POWERS, EpochSampler, inverse_frequency_weights


class ExpressionTrainer(AveragingTrainer):
    """Train a model on faces: everything that transformers' Trainer does, and what its arguments add.

    Pictures are read by workers or kept whole (``store``), and augmented in batches on the device. Labels are class
    numbers or votes. Sharpness-aware minimisation works with gradient accumulation, mixed precision and several
    processes; the moving average of the weights is what is evaluated, and what ``train`` leaves in the model. In each
    checkpoint ``model.safetensors`` holds the weights that training goes on from, ``averaged_model.safetensors`` the
    average. Running statistics are averaged over all processes before each evaluation and checkpoint. With
    ``unreadable="skip"`` and ``store="none"``, predictions have a row for every picture: those that cannot be read have
    scores that are not a number and no label, and take no part in the loss.

    Args:
        model: a classifier of this library.
        args: the options.
        processing_class: the image processor of the model.
        train_dataset: rows with ``image`` and ``label``, as the data sets of this library have them.
        eval_dataset: the same; or several under their names.
        **options: those of ``transformers.Trainer``.

    Raises:
        InvalidOptionError: if there is no image processor, it is none of this library, or the model would crash on the
            CPU with ``channels_last``.
    """

    train_dataset: Any
    optimizer: Any
    lr_scheduler: Any

    def __init__(
        self,
        model: PreTrainedModel,
        args: ExpressionTrainingArguments,
        *,
        processing_class: FerImageProcessor,
        train_dataset: Rows | None = None,
        eval_dataset: Rows | Mapping[str, Rows] | None = None,
        **options: Any,
    ) -> None:
        if not isinstance(processing_class, FerImageProcessor):
            raise InvalidOptionError("processing_class", processing_class, "the FerImageProcessor of the model")
        self.preparation = PixelPreparation(processing_class)
        self.reading = self.preparation
        self.augmentation = Augmentation.from_dict(args.augmentation)
        self._sampler: EpochSampler | None = None
        self._step_inputs: list[dict[str, Tensor]] = []
        self._buffers_before: list[Tensor] = []
        super().__init__(
            model=model,
            args=args,
            data_collator=PictureCollator(self.preparation.size, self.preparation.interpolation),
            processing_class=processing_class,
            train_dataset=cast("Dataset[Any] | None", train_dataset),
            eval_dataset=cast(Any, eval_dataset),
            **options,
        )
        if args.label_smoothing_factor:  # the model smooths every term of its loss, the smoother of transformers one
            self.label_smoother = None
            self.model.config.label_smoothing = args.label_smoothing_factor
        if args.channels_last:
            arrange_channels_last(self.model, args.device)
        self.add_callback(_Epochs(self))

    # Pictures

    def get_train_dataloader(self) -> DataLoader[Any]:
        """Return the batches of an epoch.

        Raises:
            TrainingDataError: if there are no pictures, or fewer than a batch where the last one is dropped.
        """
        self._step_inputs = []  # also when transformers begins anew with smaller batches, as memory ran out
        if self.train_dataset is None or len(self.train_dataset) == 0:
            raise TrainingDataError("There are no pictures to train on")
        self.train_dataset = self._readable(self.train_dataset)
        batch = self.args.train_batch_size * self.args.world_size
        if self.args.dataloader_drop_last and self.num_draws(self.train_dataset) < batch:
            processes = f" in each of {self.args.world_size} processes" if self.args.world_size > 1 else ""
            raise TrainingDataError(
                f"{len(self.train_dataset)} pictures do not fill a batch of {self.args.train_batch_size}{processes}, "
                "and the last batch is dropped if it is not full (dataloader_drop_last)"
            )
        return cast("DataLoader[Any]", super().get_train_dataloader())

    def _get_train_sampler(self, train_dataset: Any = None) -> EpochSampler:
        """Return the order of the pictures."""
        rows = self.train_dataset if train_dataset is None else train_dataset
        weights = None
        if power := SAMPLING_POWERS[self.args.sampler]:
            classes = class_numbers(rows.rows if isinstance(rows, PictureReader) else rows)
            weights = inverse_frequency_weights(classes, power)
        seed = self.args.seed if self.args.data_seed is None else self.args.data_seed
        self._sampler = EpochSampler(len(rows), seed, weights, num_draws=self.num_draws(rows))
        return self._sampler

    def num_draws(self, rows: Any) -> int:
        """Return how many pictures an epoch draws from a data set, over all processes."""
        return len(rows)

    def _prepare_inputs(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """Turn the bytes of a batch into pixel values, augmented while training; other inputs stay as they are."""
        inputs = super()._prepare_inputs(check_batch(inputs))
        if "images" not in inputs:
            return inputs
        inputs = dict(inputs)
        self.count_unreadable(inputs)
        if self.model.training:
            inputs = show_single_twice(inputs, self.args.train_batch_size)
            return self.make_training_inputs(inputs.pop("images"), inputs)
        images = inputs.pop("images")
        return {**inputs, "pixel_values": self.normalize(self.preparation.scale(images))}

    def make_training_inputs(self, images: Tensor, inputs: dict[str, Any]) -> dict[str, Any]:
        """Turn the bytes of a training batch into what the loss is computed from, augmented and mixed.

        Args:
            images: ``(B, 3, H, W)`` uint8 on the device.
            inputs: the rest of the batch, such as ``labels``.

        Returns:
            the inputs with ``pixel_values``.
        """
        images = augment(self.preparation.scale(images), self.augmentation, fill=self.preparation.mean)
        inputs["pixel_values"] = self.normalize(images)
        if "labels" in inputs:
            inputs["pixel_values"], inputs["labels"] = mix(
                inputs["pixel_values"], inputs["labels"], self.augmentation, self.model.config.num_labels
            )
        return inputs

    def normalize(self, images: Tensor) -> Tensor:
        """Return the pixel values of pictures ``(B, 3, height, width)`` with values in [0, 1]."""
        pixel_values = self.preparation.normalize(images)
        if self.args.channels_last:
            return pixel_values.contiguous(memory_format=torch.channels_last)
        return pixel_values

    # Steps

    def training_step(self, model: nn.Module, inputs: dict[str, Any], num_items_in_batch: Any = None) -> Tensor:
        """Compute the gradients of a batch; with sharpness-aware minimisation, again at the worst point near by.

        The batches of a step are held until the last has come: the worst point is that of the whole step, over all
        processes, as if it had been one batch.
        """
        model.train()
        inputs = self._prepare_inputs(inputs)
        if not self.args.sam_rho:
            return cast(Tensor, super().training_step(model, inputs, num_items_in_batch))
        if not self._step_inputs:
            self._buffers_before = read_buffers(self.model)
        self._step_inputs.append(inputs)
        loss: Tensor = super().training_step(model, dict(inputs), num_items_in_batch)
        if self.accelerator.sync_gradients:
            self._second_pass(model, num_items_in_batch)
        return loss

    def _second_pass(self, model: nn.Module, num_items_in_batch: Any) -> None:
        """Replace the gradients of a step by those at the worst point; buffers stay as the first pass left them."""
        batches, self._step_inputs = self._step_inputs, []
        buffers_after = read_buffers(self.model)
        write_buffers(self.model, self._buffers_before)
        with at_the_worst_point(self.model, self.args.sam_rho):
            for i, batch in enumerate(batches):
                is_last = i == len(batches) - 1
                with nullcontext() if is_last else self.accelerator.no_sync(model):
                    super().training_step(model, dict(batch), num_items_in_batch)
        write_buffers(self.model, buffers_after)

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """Make the optimiser, with the learning rates of the stages and of the head.

        Raises:
            InvalidOptionError: if it cannot be made with its options.
        """
        with naming_options(self.args, "optim", "optim_args"):
            self._create_own_optimizer()
            return cast(torch.optim.Optimizer, super().create_optimizer(model))

    def _create_own_optimizer(self) -> None:
        """Make the optimiser if the parameters learn at several rates."""
        if self.optimizer is None and (self.args.head_learning_rate is not None or self.args.layer_decay != 1):
            optimizer_class, options = self.get_optimizer_cls_and_kwargs(self.args, self.model)
            groups = parameter_groups(
                self.model,
                self.get_decay_parameter_names(self.model),
                learning_rate=self.args.learning_rate,
                weight_decay=self.args.weight_decay,
                head_learning_rate=self.args.head_learning_rate,
                layer_decay=self.args.layer_decay,
            )
            self.optimizer = optimizer_class(groups, **options)

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """Make the schedule of the learning rates.

        Raises:
            InvalidOptionError: if it cannot be made with its options.
        """
        if self.lr_scheduler is None and self.args.lr_decay is not None:
            steps = count_steps(
                self.num_draws(self.train_dataset),
                batch_size=self._train_batch_size * self.args.world_size,
                accumulation=self.args.gradient_accumulation_steps,
                drops_last=self.args.dataloader_drop_last,
            )
            self.lr_scheduler = decay_schedule(
                self.optimizer if optimizer is None else optimizer,
                factor=self.args.lr_decay,
                epochs=self.args.lr_decay_epochs,
                steps_per_epoch=steps,
                warmup_steps=self.args.get_warmup_steps(num_training_steps),
            )
            self._created_lr_scheduler = True
        with naming_options(self.args, "lr_scheduler_type", "lr_scheduler_kwargs"):
            return super().create_scheduler(num_training_steps, optimizer)

    def end_epoch(self, num_epochs: int) -> None:
        """Do what the end of an epoch asks for, before it is evaluated and written to a checkpoint.

        Args:
            num_epochs: how many epochs are over, at least 1.
        """
        decay: Callable[[], None] | None = getattr(self.model, "decay_center_rate", None)
        if decay is not None:
            decay()

    def floating_point_ops(self, inputs: dict[str, Any]) -> int:
        """Return 0: the estimate of transformers counts tokens, which pictures have none of."""
        return 0


class _Epochs(TrainerCallback):
    """What happens once an epoch, and once a step."""

    def __init__(self, trainer: ExpressionTrainer) -> None:
        self.trainer = trainer

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Let each process augment in its own way; a checkpoint brings its own state of the random numbers."""
        torch.manual_seed(args.seed + args.process_index)

    def on_epoch_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Choose the order of the epoch."""
        if self.trainer._sampler is not None:
            self.trainer._sampler.set_epoch(int(state.epoch or 0))

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Take the weights into the average, and end the epoch after its last step.

        A checkpoint that is written after the last step must know that the epoch is over, and ``on_epoch_end`` comes
        after it.
        """
        if self.trainer.average is not None:
            self.trainer.average.update(self.trainer.model)
        if float(state.epoch).is_integer():
            self.trainer.end_epoch(int(state.epoch))


__all__ = ["ExpressionTrainer"]
