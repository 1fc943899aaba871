"""Predictions with the detector in the loop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image
from transformers import PreTrainedModel

from fer_zoo.detection import FaceDetector
from fer_zoo.errors import ImageReadError, InvalidOptionError
from fer_zoo.evaluation.data import LabelledPictures, OnProgress, OnUnreadable, check_source, read_item
from fer_zoo.evaluation.predictions import Predictions
from fer_zoo.models.evaluating import evaluating
from fer_zoo.pipelines import pipeline
from fer_zoo.results import FaceExpression, ImageResult

SMALLEST_PROBABILITY = float(np.finfo(np.float32).tiny)  # a probability of 0 has no logarithm


def predict_detected(
    model: PreTrainedModel,
    dataset: LabelledPictures,
    processor: Any,
    detector: str | FaceDetector,
    *,
    batch_size: int = 32,
    num_workers: int = 0,
    flip: bool = False,
    unreadable: OnUnreadable = "raise",
    on_progress: OnProgress | None = None,
) -> Predictions:
    """Run the pipeline over whole pictures: find the faces, align the largest, classify it.

    A picture has one label, so of several faces the one with the largest box counts; of equal boxes, the one whose
    centre is nearest to that of the picture.

    Args:
        model: the classifier.
        dataset: the pictures with their labels.
        processor: the image processor of the model.
        detector: a name or an object, as for :func:`fer_zoo.pipelines.pipeline`.
        batch_size: how many faces run through the model together.
        num_workers: 0; the detector runs in this process.
        flip: false; only aligned crops can be mirrored.
        unreadable: what to do with a picture that cannot be read: ``"raise"``, or ``"skip"`` and name it.
        on_progress: called before each picture with how many are done and how many there are.

    Returns:
        logarithms of probabilities in the classes of the model, labels in those of the data, and the labels of pictures
        without a face; see :meth:`Predictions.between`.

    Raises:
        ImageReadError: if a picture cannot be read and is not to be skipped.
        InvalidOptionError: if an option does not go with a detector, or no picture has a face.
        UnknownNameError: if there is no detector of that name.
    """
    check_source(dataset, unreadable)
    for option, value, expected in (("flip", flip, "False"), ("num_workers", num_workers, "0")):
        if value:
            raise InvalidOptionError(option, value, f"{expected} with a detector; it is for aligned crops")
    reader = _Reader(dataset, unreadable, on_progress)
    with evaluating(model):
        pipe = pipeline(model=model, image_processor=processor, detector=detector, device=model.device)
        results = list(pipe.analyze(reader.pictures(), calibrated=False, batch_size=batch_size))
    faces = [choose_face(result) for result in results]
    if not any(faces):
        expected = f"one that finds a face in at least one of the {len(results)} pictures"
        raise InvalidOptionError("detector", detector, expected)
    has_face = np.array([face is not None for face in faces])
    labels, id2label = np.array(reader.labels, np.int64), model.config.id2label
    scores = [dict(face.scores) for face in faces if face is not None]
    probabilities = np.array([[row[id2label[i]] for i in range(len(id2label))] for row in scores])
    return Predictions(
        logits=np.log(probabilities.clip(min=SMALLEST_PROBABILITY)),
        labels=labels[has_face],
        classes=dataset.label_set.classes,
        indices=np.array(reader.indices, np.int64)[has_face],
        missed_labels=labels[~has_face],
        unreadable=tuple(reader.unreadable),
    )


def choose_face(result: ImageResult) -> FaceExpression | None:
    """Return the face that the label of a picture is about, or ``None`` if there is no face.

    Args:
        result: the faces of the picture.
    """

    def size_and_place(expression: FaceExpression) -> tuple[float, float]:
        box = expression.face.box
        across = (box.left + box.right - result.width) / 2
        down = (box.top + box.bottom - result.height) / 2
        return box.width * box.height, -(across**2 + down**2)

    return max(result.faces, key=size_and_place, default=None)


class _Reader:
    """Reads the pictures of a data set one by one and remembers their labels.

    Args:
        dataset: the pictures.
        unreadable: what to do with a picture that cannot be read.
        on_progress: called before each picture.
    """

    def __init__(self, dataset: LabelledPictures, unreadable: OnUnreadable, on_progress: OnProgress | None) -> None:
        self.dataset = dataset
        self.skips = unreadable == "skip"
        self.on_progress = on_progress
        self.labels: list[int] = []
        self.indices: list[int] = []
        self.unreadable: list[str] = []

    def pictures(self) -> Iterator[Image.Image]:
        """Yield the pictures that can be read."""
        for index in range(len(self.dataset)):
            if self.on_progress is not None:
                self.on_progress(index, len(self.dataset))
            item = read_item(self.dataset, index)
            if not isinstance(item, ImageReadError):
                self.labels.append(item.label)
                self.indices.append(item.index)
                yield item.image
            elif self.skips:
                self.unreadable.append(str(item))
            else:
                raise item


__all__ = ["choose_face", "predict_detected"]
