"""Fresh networks of any entry, with and without published weights, ready to be trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from transformers import AutoConfig, AutoModelForImageClassification, PreTrainedModel

from fer_zoo.errors import ArgumentTypeError
from fer_zoo.labels import LabelSet, get_label_set
from fer_zoo.models import FerImageProcessor
from fer_zoo.registry.entries import get_entry


class FreshModel(NamedTuple):
    """A network to train, and the image processor that goes with it.

    Attributes:
        model: a classifier with random weights, in training mode.
        processor: makes pixel values of the size that the model was built for.
    """

    model: PreTrainedModel
    processor: FerImageProcessor


def create_model(
    name: str,
    *,
    label_set: LabelSet | str | None = None,
    config_options: Mapping[str, Any] | None = None,
    processor_options: Mapping[str, Any] | None = None,
) -> FreshModel:
    """Make a fresh network for training, whether or not there are weights of that name.

    Args:
        name: name of the entry, with or without the owner.
        label_set: the classes, or the name of a known set; those of the entry by default.
        config_options: fields of the configuration that shall differ from the entry's.
        processor_options: options of :class:`~fer_zoo.models.FerImageProcessor`, such as ``color_mode`` and
            ``crop_template``; the size comes from the configuration.

    Raises:
        UnknownNameError: if there is no model or label set of that name.
        ArgumentTypeError: if the label set is something else, such as a list of names.
        StrictDataclassError: (huggingface_hub) if a field of the configuration has the wrong type or value.
        InvalidOptionError: if an option of the image processor is not valid.

    Example:
        >>> from fer_zoo.registry import create_model
        >>> model, processor = create_model("mfn", label_set="raf_db")
        >>> model.config.num_labels, processor.size["height"]
        (7, 112)
    """
    entry = get_entry(name)
    labels = get_label_set(label_set) if isinstance(label_set, str) else label_set or entry.label_set
    ArgumentTypeError.check("label_set", labels, LabelSet, "a LabelSet, or the name of one that get_label_set knows")
    fields = {"id2label": labels.id2label, "label2id": labels.label2id, **entry.config, **(config_options or {})}
    config = AutoConfig.for_model(entry.architecture, **fields)
    processor = fresh_processor(config.image_size, processor_options)
    return FreshModel(AutoModelForImageClassification.from_config(config).train(), processor)


def fresh_processor(image_size: int, options: Mapping[str, Any] | None = None) -> FerImageProcessor:
    """Return an image processor for a network that takes pictures of this side, in pixels."""
    return FerImageProcessor(**{**(options or {}), "size": {"height": image_size, "width": image_size}})


__all__ = ["FreshModel", "create_model", "fresh_processor"]
