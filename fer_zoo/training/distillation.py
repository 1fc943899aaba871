"""Training a student on what teachers think of pictures, with and without labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from fer_zoo.errors import InvalidOptionError, TrainingDataError
from fer_zoo.losses import distillation_loss
from fer_zoo.models import FerImageProcessor
from fer_zoo.training.arguments import check_number
from fer_zoo.training.augmentation import Augmentation, augment, mix
from fer_zoo.training.pictures import PictureCollator, Rows
from fer_zoo.training.pixel_preparation import PixelPreparation
from fer_zoo.training.semi_supervised import SemiSupervisedTrainer, SemiSupervisedTrainingArguments
from fer_zoo.training.teachers import Teacher, TeacherSource


@dataclass
class DistillationTrainingArguments(SemiSupervisedTrainingArguments):
    """Options of :class:`~fer_zoo.training.DistillationTrainer`.

    Attributes:
        distillation_temperature: what the scores of teachers and student are divided by, above 0.
        hard_label_share: share of the student's own loss on the labels in the whole, in [0, 1]; with 0 no picture needs
            a label.
        student_augmentation: what happens to the student's pictures beyond what both see (``augmentation``); an
            :class:`~fer_zoo.training.Augmentation`, its fields as a dictionary, or ``None`` for the same pictures.

    Raises:
        InvalidOptionError: if an option is out of its range.
    """

    distillation_temperature: float = 4.0
    hard_label_share: float = 0.1
    student_augmentation: Any = None

    def __post_init__(self) -> None:
        """Refuse what cannot be trained with."""
        temperature, share = self.distillation_temperature, self.hard_label_share
        check_number("distillation_temperature", temperature, temperature > 0, "above 0")
        check_number("hard_label_share", share, 0 <= share <= 1, "from 0 to 1")
        if isinstance(self.student_augmentation, Augmentation):
            self.student_augmentation = self.student_augmentation.to_dict()  # these options are written as JSON
        if self.student_augmentation is not None:
            self.student_augmentation = Augmentation.from_dict(self.student_augmentation).to_dict()
        super().__post_init__()


class DistillationTrainer(SemiSupervisedTrainer):
    """Train a student on the mean softened probabilities of its teachers (Hinton et al., 2015).

    ``share * own loss on the labels + (1 - share) * T^2 * KL(teachers || student)``, the second term over labelled and
    unlabelled pictures. Teachers and student see the same pictures, mirrored, moved and mixed alike (Beyer et al.,
    "Knowledge distillation: a good teacher is patient and consistent", CVPR 2022), each in its own size, colour and
    normalisation; with ``student_augmentation`` those of the student are made harder still (the noisy student of Xie et
    al., CVPR 2020). Teachers are not part of checkpoints. The log shows both terms without their weights.

    Args:
        model: the student, a classifier of this library.
        args: the options.
        processing_class: the image processor of the student.
        teachers: at least one: names, folders or repositories of models, or pairs of a model and its image processor.
        train_dataset: rows with ``image`` and ``label``.
        unlabelled_dataset: rows with ``image``; none of them may be in ``train_dataset``.
        **options: ``eval_dataset``, and those of ``transformers.Trainer``.

    Raises:
        InvalidOptionError: if there is no teacher, or the image processor is none of this library.
        LabelMappingError: if a teacher does not know a class of the student.
        TrainingDataError: if a labelled picture is among the unlabelled ones, as far as their paths show.
    """

    args: DistillationTrainingArguments

    def __init__(
        self,
        model: PreTrainedModel,
        args: DistillationTrainingArguments,
        *,
        processing_class: FerImageProcessor,
        teachers: Sequence[TeacherSource],
        train_dataset: Rows | None = None,
        unlabelled_dataset: Rows | None = None,
        **options: Any,
    ) -> None:
        if isinstance(teachers, str) or not teachers:
            raise InvalidOptionError("teachers", teachers, "a list of at least one model")
        super().__init__(
            model,
            args,
            processing_class=processing_class,
            train_dataset=train_dataset,
            unlabelled_dataset=unlabelled_dataset,
            **options,
        )
        self.teachers = [Teacher(source, self.model, device=args.device) for source in teachers]
        self.student_augmentation = (
            None if args.student_augmentation is None else Augmentation.from_dict(args.student_augmentation)
        )
        self.reading = self._shared_preparation(processing_class)
        self.data_collator = PictureCollator(self.reading.size, self.reading.interpolation)

    def _shared_preparation(self, processor: FerImageProcessor) -> PixelPreparation:
        """Return how pictures are read for all: in the largest size, and in colour unless nobody needs it."""
        everyone = [self.preparation, *(teacher.preparation for teacher in self.teachers)]
        shared = PixelPreparation(processor)
        heights, widths = zip(*(preparation.size for preparation in everyone), strict=True)
        shared.size = (max(heights), max(widths))
        shared.is_grey = all(preparation.is_grey for preparation in everyone)
        return shared

    def make_training_inputs(self, images: Tensor, inputs: dict[str, Any]) -> dict[str, Any]:
        """Augment and mix the pictures of a batch, ask the teachers, and make the pixel values of the student.

        Args:
            images: ``(B, 3, H, W)`` uint8 on the device.
            inputs: the rest of the batch, such as ``labels``.

        Returns:
            the inputs with ``pixel_values``, ``unlabelled_pixel_values`` if there are unlabelled pictures, and
            ``teacher_logits`` of both, the labelled first.
        """
        fill = self.preparation.mean
        pictures = augment(self.reading.scale(images), self.augmentation, fill=fill)
        if not self.args.hard_label_share:  # any class serves: the teachers see the mixture, and labels are not used
            classes = torch.zeros(len(pictures), dtype=torch.long, device=pictures.device)
            pictures, _ = mix(pictures, classes, self.augmentation, self.model.config.num_labels)
        elif "labels" in inputs:
            pictures, inputs["labels"] = mix(
                pictures, inputs["labels"], self.augmentation, self.model.config.num_labels
            )
        if self._unlabelled is not None:
            unlabelled = augment(self.reading.scale(self.next_unlabelled()), self.augmentation, fill=fill)
            pictures = torch.cat([pictures, unlabelled])
        with self.accelerator.autocast():
            inputs["teacher_logits"] = [teacher(pictures) for teacher in self.teachers]
        if self.student_augmentation is not None:
            pictures = augment(pictures, self.student_augmentation, fill=fill)
        pixel_values = self.normalize(self.preparation.fit(pictures))
        inputs["pixel_values"] = pixel_values[: len(images)]
        if self._unlabelled is not None:
            inputs["unlabelled_pixel_values"] = pixel_values[len(images) :]
        return inputs

    def compute_loss(
        self, model: nn.Module, inputs: dict[str, Any], return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Return the weighted sum of both terms; of a batch that is evaluated, the loss of the model."""
        inputs = dict(inputs)
        teacher_logits: list[Tensor] | None = inputs.pop("teacher_logits", None)
        if teacher_logits is None:
            return super().compute_loss(model, inputs, return_outputs=return_outputs)
        unlabelled = inputs.pop("unlabelled_pixel_values", None)
        share = self.args.hard_label_share
        if not share:
            inputs.pop("labels", None)
        elif "labels" not in inputs:
            raise TrainingDataError(
                "Pictures of a batch have no label; hard_label_share=0 learns from the teachers alone"
            )
        outputs = model(**inputs)
        logits = outputs.logits
        if unlabelled is not None:
            logits = torch.cat([logits, model(pixel_values=unlabelled).logits])
        soft = distillation_loss(logits, teacher_logits, temperature=self.args.distillation_temperature)
        terms = {"distillation_loss": soft, **({"supervised_loss": outputs.loss} if share else {})}
        self.record(terms)
        loss = (1 - share) * soft + (share * outputs.loss if share else 0)
        return (loss, outputs) if return_outputs else loss


__all__ = ["DistillationTrainer", "DistillationTrainingArguments"]
