"""The answers of a model to a data set: logits beside labels, with what is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel

from fer_zoo.errors import FerZooError, ImageReadError, InvalidOptionError
from fer_zoo.evaluation.data import LabelledPictures, OnProgress, OnUnreadable, check_source, read_batches
from fer_zoo.evaluation.packages import import_extra
from fer_zoo.labels import Expression, LabelSet
from fer_zoo.models.evaluating import classify, evaluating


class PredictionOptions(TypedDict, total=False):
    """Options of :func:`predict` that other functions pass on."""

    batch_size: int
    num_workers: int
    flip: bool
    unreadable: OnUnreadable
    on_progress: OnProgress | None


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """What a model said of the pictures of a data set.

    Attributes:
        logits: ``(N, K)``, unnormalised and without temperature.
        labels: ``(N,)``, class indices.
        classes: the K expressions that both number.
        indices: ``(N,)``, places of the pictures in the data set.
        flipped_logits: ``(N, K)``, of the mirrored pictures, where they were asked for.
        missed_labels: ``(M,)``, class indices of pictures in which the detector found no face.
        dropped: number of pictures of each expression that the model has no class for.
        unreadable: why each picture that was skipped cannot be read.
    """

    logits: NDArray[np.float64]
    labels: NDArray[np.int64]
    classes: tuple[Expression, ...]
    indices: NDArray[np.int64]
    flipped_logits: NDArray[np.float64] | None = None
    missed_labels: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    dropped: Mapping[str, int] = field(default_factory=dict)
    unreadable: tuple[str, ...] = ()

    def probabilities(self, temperature: float = 1.0) -> NDArray[np.float64]:
        """Return ``(N, K)``: the softmax at a temperature, its mean over both sides if mirrored pictures are there.

        Args:
            temperature: what the logits are divided by, above 0.

        Raises:
            MissingPackageError: if scipy is not installed.
        """
        softmax = import_extra("scipy.special").softmax
        probabilities: NDArray[np.float64] = softmax(self.logits / temperature, axis=1)
        if self.flipped_logits is not None:
            probabilities = (probabilities + softmax(self.flipped_logits / temperature, axis=1)) / 2
        return probabilities

    def between(self, model: LabelSet, data: LabelSet) -> Predictions:
        """Return the predictions with the classes that model and data share, in the order of the data.

        The logits of other classes are left out before the softmax, which is the same as dividing the probabilities of
        the common classes by their sum. Pictures of a class that the model lacks are dropped and counted.

        Args:
            model: what the columns of ``logits`` stand for.
            data: what ``labels`` and ``missed_labels`` stand for.

        Raises:
            InvalidOptionError: if they share fewer than two classes.
        """
        mapping = data.mapping_to(model)
        common = tuple(expression for expression in data if expression in model)
        if len(common) < 2:  # noqa: PLR2004 - one class is no question
            raise InvalidOptionError(
                "dataset",
                data.name,
                f"one that has at least two expressions of the model ({', '.join(model)}); it has {', '.join(data)}",
            )
        columns = [model.index(expression) for expression in common]
        numbers = np.array([common.index(e) if e in common else -1 for e in data])
        labels, missed = numbers[self.labels], numbers[self.missed_labels]
        counts = Counter([*self.labels[labels < 0].tolist(), *self.missed_labels[missed < 0].tolist()])
        flipped = self.flipped_logits
        return replace(
            self,
            logits=self.logits[labels >= 0][:, columns],
            labels=labels[labels >= 0],
            classes=common,
            indices=self.indices[labels >= 0],
            flipped_logits=None if flipped is None else flipped[labels >= 0][:, columns],
            missed_labels=missed[missed >= 0],
            dropped={str(e): counts[data.index(e)] for e in mapping.missing_in_target},
        )


def predict(
    model: PreTrainedModel,
    dataset: LabelledPictures,
    processor: Any,
    *,
    batch_size: int = 32,
    num_workers: int = 0,
    flip: bool = False,
    unreadable: OnUnreadable = "raise",
    on_progress: OnProgress | None = None,
) -> Predictions:
    """Run a model over aligned crops: each picture as a whole goes through the image processor into the model.

    Args:
        model: the classifier; it computes where it is, in evaluation mode, and is then put back into its own mode.
        dataset: the crops with their labels.
        processor: the image processor of the model.
        batch_size: how many pictures run through the model together.
        num_workers: processes that read and prepare pictures; with 0 this one does.
        flip: whether the mirrored pictures run through the model too.
        unreadable: what to do with a picture that cannot be read: ``"raise"``, or ``"skip"`` and name it.
        on_progress: called after each batch with how many pictures are done and how many there are.

    Returns:
        Logits in the classes of the model and labels in those of the data; :meth:`Predictions.between` matches them.

    Raises:
        ImageReadError: if a picture cannot be read and is not to be skipped.
        InvalidOptionError: if an option is out of its range, or a picture has no label of the label set.
    """
    check_source(dataset, unreadable)
    collate = partial(_collate, processor=processor)
    parts: list[_Part] = []
    errors: list[ImageReadError] = []
    done = 0
    with evaluating(model), torch.inference_mode():
        for values, labels, indices, failures in read_batches(
            dataset, collate, batch_size=batch_size, num_workers=num_workers
        ):
            for failure in failures:
                if unreadable == "raise" or not isinstance(failure, ImageReadError):
                    raise failure
            errors.extend(failures)
            done += len(labels) + len(failures)
            if labels:
                pixel_values = values.to(device=model.device, dtype=model.dtype)
                mirrored = _logits(model, pixel_values.flip(-1)) if flip else None
                parts.append((_logits(model, pixel_values), mirrored, labels, indices))
            if on_progress is not None:
                on_progress(done, len(dataset))
    return _join(parts, model.config.num_labels, dataset.label_set, errors)


#: Logits, logits of the mirrored pictures, labels and indices of a batch.
_Part = tuple[NDArray[np.float64], NDArray[np.float64] | None, list[int], list[int]]


def _logits(model: PreTrainedModel, pixel_values: torch.Tensor) -> NDArray[np.float64]:
    """Return the logits ``(B, K)`` without temperature."""
    logits: NDArray[np.float64] = classify(model, pixel_values).double().cpu().numpy()
    return logits


def _collate(items: list[Any], processor: Any) -> tuple[torch.Tensor | None, list[int], list[int], list[FerZooError]]:
    """Return pixel values, labels and indices of the pictures of a batch, and the errors of the others."""
    errors = [item for item in items if isinstance(item, FerZooError)]
    pictures = [item for item in items if not isinstance(item, FerZooError)]
    images = [np.array(picture.image.convert("RGB")) for picture in pictures]  # copies, which torch may write to
    values = None
    if images:
        values = processor(images, return_tensors="pt", input_data_format="channels_last")["pixel_values"]
    return values, [picture.label for picture in pictures], [picture.index for picture in pictures], errors


def _join(parts: list[_Part], num_labels: int, label_set: LabelSet, errors: list[ImageReadError]) -> Predictions:
    """Put the batches together; the classes are those of the data."""
    empty = np.zeros((0, num_labels))
    mirrored = [part[1] for part in parts if part[1] is not None]
    return Predictions(
        logits=np.concatenate([empty, *(part[0] for part in parts)]),
        labels=np.array([label for part in parts for label in part[2]], np.int64),
        classes=label_set.classes,
        indices=np.array([index for part in parts for index in part[3]], np.int64),
        flipped_logits=np.concatenate(mirrored) if mirrored else None,
        unreadable=tuple(map(str, errors)),
    )


__all__ = ["PredictionOptions", "Predictions", "predict"]
