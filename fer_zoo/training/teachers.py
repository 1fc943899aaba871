"""Teachers: trained models that say what they think of the pictures that a student learns from."""

from __future__ import annotations

from os import PathLike, fspath
from typing import Any, TypeAlias

import torch
from torch import Tensor
from transformers import AutoImageProcessor, AutoModelForImageClassification, PreTrainedModel

from fer_zoo.errors import InvalidOptionError
from fer_zoo.labels import LabelSet, parse_expression
from fer_zoo.models import FerImageProcessor
from fer_zoo.registry import resolve_model
from fer_zoo.training.pictures import PixelPreparation

#: A name of the registry, a folder or a repository; or a model with its image processor.
TeacherSource: TypeAlias = str | PathLike[str] | tuple[PreTrainedModel, FerImageProcessor]


class Teacher:
    """A model that is asked and never changed, with its own way to look at pictures.

    Its scores come in the order of the student's classes. Classes that only the teacher has are left out, which leaves
    the proportions of the others as they are.

    Args:
        source: name, folder or repository of the model, or a pair of a model and its image processor. The model is put
            into evaluation mode.
        student: the model that learns; its configuration says what the classes are.
        device: where the teacher works.

    Raises:
        UnknownNameError: if there is no model of that name, or a class of either model is no expression.
        WeightsNotFoundError: if there are no weights of that name.
        InvalidOptionError: if it is neither a name nor such a pair.
        LabelMappingError: if the teacher does not know a class of the student.
    """

    def __init__(self, source: TeacherSource, student: PreTrainedModel, *, device: torch.device | str = "cpu") -> None:
        model, processor = load_teacher(source)
        self.columns = match_classes(student, model)
        self.model = model.to(device).eval()
        self.preparation = PixelPreparation(processor)

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        """Return the scores of pictures, without a gradient.

        Args:
            images: ``(B, 3, H, W)``, values in [0, 1], of any size.

        Returns:
            ``(B, K)``, unnormalised, in the order of the student's classes.
        """
        pixel_values = self.preparation.normalize(self.preparation.fit(images))
        logits: Tensor = self.model.eval()(pixel_values=pixel_values).logits
        return logits[:, self.columns]


def load_teacher(source: TeacherSource) -> tuple[PreTrainedModel, FerImageProcessor]:
    """Return a model and its image processor.

    Raises:
        InvalidOptionError: if it is neither a name nor a pair of a model and its image processor.
    """
    model: Any = None
    processor: Any = None
    if isinstance(source, str | PathLike):
        checkpoint = resolve_model(source)
        model = AutoModelForImageClassification.from_pretrained(checkpoint)
        processor = AutoImageProcessor.from_pretrained(checkpoint)
    elif isinstance(source, tuple) and len(source) == 2:  # noqa: PLR2004  # a pair
        model, processor = source
    if not isinstance(model, PreTrainedModel) or not isinstance(processor, FerImageProcessor):
        shown = fspath(source) if isinstance(source, str | PathLike) else type(source).__name__
        raise InvalidOptionError(
            "teachers", shown, "names or folders of models of this library, or pairs of a model and its image processor"
        )
    return model, processor


def match_classes(student: PreTrainedModel, teacher: PreTrainedModel) -> list[int]:
    """Return which class of the teacher each class of the student is.

    Raises:
        UnknownNameError: if the models name their classes differently, and a name is no expression.
        LabelMappingError: if the teacher lacks a class of the student.
    """
    if student.config.id2label == teacher.config.id2label:
        return list(range(student.config.num_labels))
    mapping = label_set_of(student, "the student").mapping_to(label_set_of(teacher, "a teacher"))
    return [mapping[index] for index in range(student.config.num_labels)]


def label_set_of(model: PreTrainedModel, name: str) -> LabelSet:
    """Return the classes of a model."""
    names = model.config.id2label
    return LabelSet(name, tuple(parse_expression(names[index]) for index in sorted(names)))


__all__ = ["Teacher", "TeacherSource"]
