"""Teachers: trained models that say what they think of the pictures that a student learns from."""

from __future__ import annotations

from os import PathLike, fspath
from typing import TypeAlias

import torch
from torch import Tensor
from transformers import PreTrainedModel

from fer_zoo.errors import InvalidOptionError
from fer_zoo.evaluation.loading import Classifier, load_classifier
from fer_zoo.models import FerImageProcessor
from fer_zoo.training.pixel_preparation import PixelPreparation

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
        teacher = load_teacher(source, device)
        self.columns = match_classes(student, teacher)
        self.model = teacher.model.eval()
        self.preparation = PixelPreparation(teacher.processor)

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        """Return the scores of pictures, without a gradient.

        Args:
            images: ``(B, 3, H, W)``, values in [0, 1], of any size.

        Returns:
            ``(B, K)``, unnormalised, in the order of the student's classes.
        """
        pixel_values = self.preparation.normalize(self.preparation.fit(images)).to(self.model.dtype)
        logits: Tensor = self.model.eval()(pixel_values=pixel_values).logits
        return logits[:, self.columns].to(torch.promote_types(logits.dtype, torch.float32))


def load_teacher(source: TeacherSource, device: torch.device | str) -> Classifier:
    """Return a model with its image processor.

    Raises:
        InvalidOptionError: if it is neither a name nor a pair of a model and its image processor.
    """
    pair = source if isinstance(source, tuple) else (source, None)
    if len(pair) == 2 and isinstance(pair[0], str | PathLike | PreTrainedModel):  # noqa: PLR2004  # a pair
        teacher = load_classifier(*pair, device=str(device))
        if isinstance(teacher.processor, FerImageProcessor):
            return teacher
    shown = fspath(source) if isinstance(source, str | PathLike) else type(source).__name__
    raise InvalidOptionError(
        "teachers", shown, "names or folders of models of this library, or pairs of a model and its image processor"
    )


def match_classes(student: PreTrainedModel, teacher: Classifier) -> list[int]:
    """Return which class of the teacher each class of the student is.

    Raises:
        UnknownNameError: if the models name their classes differently, and a name is no expression.
        LabelMappingError: if the teacher lacks a class of the student.
    """
    if student.config.id2label == teacher.model.config.id2label:
        return list(range(student.config.num_labels))
    mapping = Classifier("the student", student, None).label_set.mapping_to(teacher.label_set)
    return [mapping[index] for index in range(student.config.num_labels)]


__all__ = ["Teacher", "TeacherSource"]
