"""Training on a few labels and many pictures, with the adaptive confidence margin."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import PreTrainedModel

from fer_zoo.errors import InvalidOptionError
from fer_zoo.losses import has_target, nt_xent_loss
from fer_zoo.models import FerImageProcessor
from fer_zoo.training.ada_cm import ConfidenceMargin, guess_labels, masked_cross_entropy
from fer_zoo.training.arguments import check_number
from fer_zoo.training.augmentation import Augmentation, augment
from fer_zoo.training.pictures import Rows, check_batch
from fer_zoo.training.recipes import WEAK_AUGMENTATION
from fer_zoo.training.semi_supervised import SemiSupervisedTrainer, SemiSupervisedTrainingArguments

THRESHOLDS_FILE = "confidence_thresholds.json"

STRONG_AUGMENTATION = replace(WEAK_AUGMENTATION, rand_augment=3, erase=1.0, erase_area=(0.02, 0.25))


@dataclass
class AdaCMTrainingArguments(SemiSupervisedTrainingArguments):
    """Options of :class:`~fer_zoo.training.AdaCMTrainer`; the defaults are those of MHAN's authors.

    Attributes:
        augmentation: of the labelled pictures and of the weak views of the unlabelled ones.
        strong_augmentation: of the view that learns the pseudo-labels; an :class:`~fer_zoo.training.Augmentation`, or
            its fields as a dictionary.
        supervised_weight: weight of the model's own loss on the labelled pictures, at least 0.
        unsupervised_weight: weight of the cross entropy to the pseudo-labels that are taken, at least 0.
        contrastive_weight: weight of the contrastive loss of the pictures whose pseudo-labels are not taken, at least
            0.
        contrastive_temperature: of the contrastive loss, above 0.
        confidence_margin: share of the mean confidence that the thresholds go up to, in (0, 1].
        confidence_floor: lowest threshold, in [0, 1].
        steps_per_epoch: steps of the optimiser that make an epoch, at least 1, or ``None`` for one pass through the
            labelled pictures; the thresholds are set anew after each epoch.

    Raises:
        InvalidOptionError: if an option is out of its range.
    """

    augmentation: Any = field(default_factory=WEAK_AUGMENTATION.to_dict)
    strong_augmentation: Any = field(default_factory=STRONG_AUGMENTATION.to_dict)
    supervised_weight: float = 0.5
    unsupervised_weight: float = 1.0
    contrastive_weight: float = 0.1
    contrastive_temperature: float = 0.07
    confidence_margin: float = 0.97
    confidence_floor: float = 0.8
    steps_per_epoch: int | None = 800
    ema_decay: float = 0.999
    learning_rate: float = 5e-4
    lr_scheduler_type: Any = "constant"
    max_grad_norm: float = 0.0
    num_train_epochs: float = 20
    per_device_train_batch_size: int = 16

    def __post_init__(self) -> None:
        """Refuse what cannot be trained with."""
        for name in ("supervised_weight", "unsupervised_weight", "contrastive_weight"):
            check_number(name, getattr(self, name), getattr(self, name) >= 0, "at least 0")
        temperature, margin, floor = self.contrastive_temperature, self.confidence_margin, self.confidence_floor
        check_number("contrastive_temperature", temperature, temperature > 0, "above 0")
        check_number("confidence_margin", margin, 0 < margin <= 1, "above 0 and at most 1")
        check_number("confidence_floor", floor, 0 <= floor <= 1, "from 0 to 1")
        if isinstance(self.strong_augmentation, Augmentation):
            self.strong_augmentation = self.strong_augmentation.to_dict()  # these options are written as JSON
        self.strong_augmentation = Augmentation.from_dict(self.strong_augmentation).to_dict()
        super().__post_init__()


@dataclass
class UnlabelledViews:
    """The views of unlabelled pictures, and what is made of them.

    A step of sharpness-aware minimisation computes its loss twice: the pseudo-labels are those of the first time.

    Attributes:
        first: pixel values of a weak view.
        second: pixel values of another weak view.
        strong: pixel values of the view that learns.
        labels: ``(U,)``, the pseudo-labels.
        is_taken: ``(U,)`` bool, which of them count.
    """

    first: Tensor
    second: Tensor
    strong: Tensor
    labels: Tensor | None = None
    is_taken: Tensor | None = None


class AdaCMTrainer(SemiSupervisedTrainer):
    """Train on labelled and unlabelled pictures with the adaptive confidence margin (Li et al., CVPR 2022).

    What the model is sure of in the mean of two weak views becomes the label of a strong view; of the rest it learns
    that two views show the same face. How sure it must be is set for each class after each epoch, from what the
    averaged model makes of the labelled pictures. The views are run through the model one after the other, each with
    statistics of its own. The thresholds are in every checkpoint, as ``confidence_thresholds.json``, and in the log.

    The loss on the labelled pictures is the model's own, so that its configuration says whether labels are smoothed
    and heads are compared. The log shows the three terms without their weights, and ``confident_share``.

    Args:
        model: a classifier of this library.
        args: the options.
        processing_class: the image processor of the model.
        unlabelled_dataset: rows with ``image``; none of them may be in ``train_dataset``.
        train_dataset: rows with ``image`` and ``label``.
        **options: ``eval_dataset``, and those of ``transformers.Trainer``.

    Raises:
        InvalidOptionError: if there are no unlabelled pictures, or the image processor is none of this library.
        TrainingDataError: if a labelled picture is among the unlabelled ones, as far as their paths show.
    """

    args: AdaCMTrainingArguments

    def __init__(
        self,
        model: PreTrainedModel,
        args: AdaCMTrainingArguments,
        *,
        processing_class: FerImageProcessor,
        unlabelled_dataset: Rows,
        train_dataset: Rows | None = None,
        **options: Any,
    ) -> None:
        if unlabelled_dataset is None:
            raise InvalidOptionError("unlabelled_dataset", None, "a data set, whose labels are not looked at")
        super().__init__(
            model,
            args,
            processing_class=processing_class,
            train_dataset=train_dataset,
            unlabelled_dataset=unlabelled_dataset,
            **options,
        )
        self.strong_augmentation = Augmentation.from_dict(args.strong_augmentation)
        self.margin = self._fresh_margin()

    def _fresh_margin(self) -> ConfidenceMargin:
        """Return the thresholds of the start."""
        return ConfidenceMargin(
            self.model.config.num_labels,
            margin=self.args.confidence_margin,
            floor=self.args.confidence_floor,
            device=self.args.device,
        )

    @property
    def thresholds(self) -> dict[str, float]:
        """The present threshold of each class, in [0, 1]."""
        names = self.model.config.id2label
        return {names[i]: value for i, value in enumerate(self.margin.thresholds.tolist())}

    # Steps

    def make_training_inputs(self, images: Tensor, inputs: dict[str, Any]) -> dict[str, Any]:
        """Add the views of unlabelled pictures to a labelled batch."""
        inputs = super().make_training_inputs(images, inputs)
        unlabelled = self.preparation.scale(self.next_unlabelled())
        first, second, strong = (
            self.normalize(augment(unlabelled, augmentation, fill=self.preparation.mean))
            for augmentation in (self.augmentation, self.augmentation, self.strong_augmentation)
        )
        return {**inputs, "unlabelled": UnlabelledViews(first, second, strong)}

    def compute_loss(
        self, model: nn.Module, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Return the weighted sum of the three terms; of a batch that is evaluated, the loss of the model."""
        inputs = dict(inputs)
        views: UnlabelledViews | None = inputs.pop("unlabelled", None)
        supervised, outputs = super().compute_loss(model, inputs, return_outputs=True)
        if views is None:
            return (supervised, outputs) if return_outputs else supervised
        first, second = model(pixel_values=views.first), model(pixel_values=views.second)
        if views.labels is None or views.is_taken is None:
            views.labels, confidence = guess_labels(first.logits, second.logits)
            views.is_taken = self.margin.select(views.labels, confidence)
        strong = model(pixel_values=views.strong)
        terms = {
            "supervised_loss": supervised,
            "unsupervised_loss": masked_cross_entropy(strong.logits, views.labels, views.is_taken),
            "contrastive_loss": nt_xent_loss(
                first.pooler_output[~views.is_taken],
                second.pooler_output[~views.is_taken],
                temperature=self.args.contrastive_temperature,
            ),
        }
        self.record({**terms, "confident_share": views.is_taken.to(torch.float32).mean()})
        weights = (self.args.supervised_weight, self.args.unsupervised_weight, self.args.contrastive_weight)
        loss = sum(weight * term for weight, term in zip(weights, terms.values(), strict=True))
        return (loss, outputs) if return_outputs else loss

    # Thresholds

    def end_epoch(self, num_epochs: int) -> None:
        """Set the thresholds from what the averaged model makes of the labelled pictures."""
        super().end_epoch(num_epochs)
        self.average_buffers()
        model = self.model if self.average is None else self.average.averaged.module
        was_training = model.training
        model.eval()
        with torch.no_grad(), self.accelerator.autocast():
            for batch in map(check_batch, self._labelled_batches()):
                if "stands_in" in batch:  # its picture is met where it belongs
                    continue
                images, labels = (batch[name].to(self.args.device) for name in ("images", "labels"))
                logits = model(pixel_values=self.normalize(self.preparation.scale(images))).logits
                self.margin.observe(logits[has_target(labels)], labels[has_target(labels)])
        model.train(was_training)
        self.margin.sums = cast(Tensor, self.accelerator.reduce(self.margin.sums, reduction="sum"))
        self.margin.counts = cast(Tensor, self.accelerator.reduce(self.margin.counts, reduction="sum"))
        self.margin.update(num_epochs)

    def _labelled_batches(self) -> DataLoader[Any]:
        """Return the share of this process of the labelled pictures, in batches of about one size."""
        own = torch.arange(self.args.process_index, len(self.train_dataset), self.args.world_size)
        parts = own.tensor_split(max(1, math.ceil(len(own) / self.args.eval_batch_size)))
        return DataLoader(
            self.train_dataset,
            batch_sampler=[part.tolist() for part in parts if len(part)],
            collate_fn=self.data_collator,
            num_workers=self.args.dataloader_num_workers,
            generator=torch.Generator(),  # the seeds of the workers are not taken from those of training
        )

    def log(self, logs: dict[str, float], *args: Any, **kwargs: Any) -> None:
        """Log, with the thresholds beside the loss."""
        if "loss" in logs:
            logs.update({f"threshold_{name}": value for name, value in self.thresholds.items()})
        super().log(logs, *args, **kwargs)

    def train(self, *args: Any, **kwargs: Any) -> Any:
        """Train; the thresholds start from the floor, or from the checkpoint that training goes on from."""
        self.margin = self._fresh_margin()
        return super().train(*args, **kwargs)

    def _save_checkpoint(self, model: nn.Module, trial: Any) -> None:
        """Write a checkpoint with the thresholds."""
        if self.args.should_save:
            folder = Path(self._get_output_dir(trial=trial)) / f"checkpoint-{self.state.global_step}"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / THRESHOLDS_FILE).write_text(json.dumps(self.thresholds, indent=2) + "\n", encoding="utf-8")
        super()._save_checkpoint(model, trial)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        """Read a checkpoint; the thresholds stay at the floor if it has none."""
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        path = Path(resume_from_checkpoint) / THRESHOLDS_FILE
        if path.is_file():
            found = json.loads(path.read_text(encoding="utf-8"))
            names = self.model.config.id2label
            values = [found[names[i]] for i in range(len(names))]
            self.margin.thresholds = torch.tensor(values, device=self.args.device)


__all__ = ["AdaCMTrainer", "AdaCMTrainingArguments"]
