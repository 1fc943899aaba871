"""From a name to a classifier that is ready to answer."""

from __future__ import annotations

from os import PathLike, fspath
from typing import Any, NamedTuple

from transformers import AutoImageProcessor, AutoModelForImageClassification, PreTrainedModel

from fer_zoo.errors import ArgumentTypeError, InvalidOptionError
from fer_zoo.export import is_exported, load_exported
from fer_zoo.hub.failures import loading_errors
from fer_zoo.labels import LabelSet, parse_expression
from fer_zoo.models.checkpoint_errors import check_filled
from fer_zoo.registry import load_image_processor, resolve_model
from fer_zoo.runtime.devices import check_device, fastest_device


class Classifier(NamedTuple):
    """A model with what goes with it.

    Attributes:
        name: what it is called in reports.
        model: the classifier.
        processor: its image processor.
    """

    name: str
    model: PreTrainedModel
    processor: Any

    @property
    def label_set(self) -> LabelSet:
        """The classes of the model, from its ``id2label``.

        Raises:
            UnknownNameError: if a label is no expression.
        """
        id2label = self.model.config.id2label
        return LabelSet(self.name, tuple(parse_expression(id2label[i]) for i in sorted(id2label)))


def load_classifier(
    model: str | PathLike[str] | PreTrainedModel, processor: Any = None, *, device: str | None = None
) -> Classifier:
    """Return a model, its image processor and its name.

    Args:
        model: a published name, a folder, a repository on the Hub, or a model.
        processor: the image processor; needed with a model, by default that of the checkpoint otherwise.
        device: where to compute; by default where a model is already, and the fastest that is there for a name, or that
            the library of an export has.

    Raises:
        UnknownNameError: if there is no model of that name.
        WeightsNotFoundError: if there are no weights of that name yet.
        CheckpointError: if a folder holds no model, or a damaged one, or the weights do not fill the model.
        HubError: if the model is no folder, and the Hub does not give it; a subclass says why.
        InvalidOptionError: if a model comes without its image processor, torch does not find the device, or an export
            cannot run on it.
        ArgumentTypeError: if it is no model, such as a pipeline.
    """
    expected = "a name, a folder or a model; of a pipeline, pipe.model with processor=pipe.image_processor"
    ArgumentTypeError.check("model", model, (str, PathLike, PreTrainedModel), expected)
    if not is_exported(model):
        check_device(device)
    if isinstance(model, PreTrainedModel):
        if processor is None:
            raise InvalidOptionError(
                "processor", None, "the image processor of the model, which a model itself does not know"
            )
        return Classifier(
            model.config.name_or_path or type(model).__name__, model.to(device) if device else model, processor
        )
    if is_exported(model):
        return Classifier(fspath(model), load_exported(model, device=device), processor or load_image_processor(model))
    checkpoint = resolve_model(model)
    with loading_errors(checkpoint):
        loaded, report = AutoModelForImageClassification.from_pretrained(checkpoint, output_loading_info=True)
        check_filled(fspath(model), report["missing_keys"])
        loaded.to(device or fastest_device())
        return Classifier(fspath(model), loaded, processor or AutoImageProcessor.from_pretrained(checkpoint))


__all__ = ["Classifier", "load_classifier"]
