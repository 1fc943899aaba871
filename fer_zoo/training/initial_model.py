"""The model that a run starts from: a fresh network, or trained weights with their classes carried over."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from transformers import AutoConfig, AutoImageProcessor, AutoModelForImageClassification, PreTrainedModel

from fer_zoo.errors import CheckpointError, DatasetWarning, InvalidOptionError, UnknownSettingError
from fer_zoo.imaging import CROP_TEMPLATES
from fer_zoo.labels import LabelSet, parse_expression
from fer_zoo.models import FerConfig, FerImageProcessor
from fer_zoo.models.pretrained_model import FerPreTrainedModel
from fer_zoo.registry import create_model, get_entry, resolve_model
from fer_zoo.training.crop_frames import find_crop_template
from fer_zoo.training.recipes import get_recipe
from fer_zoo.training.settings import RunSettings

#: How the pictures of a data set look where they are not colour pictures cut out like ArcFace's: a fresh network is
#: given faces of photographs in the same way.
DATA_PROCESSORS: Mapping[str, Mapping[str, Any]] = {
    kind: {"color_mode": "grey", "crop_template": "fer_plus"} for kind in ("fer_plus", "fer2013")
}


#: Fields of a configuration that the label set of the data decides.
CLASS_FIELDS = ("id2label", "label2id")


@dataclass(frozen=True, slots=True)
class InitialModel:
    """Where a run starts.

    Attributes:
        model: the classifier, with the classes of the data.
        processor: its image processor.
        base_model: what the weights come from; ``None`` if they are random.
        new_classes: classes that the weights did not know.
    """

    model: PreTrainedModel
    processor: FerImageProcessor
    base_model: str | None = None
    new_classes: tuple[str, ...] = ()


def make_initial_model(settings: RunSettings, label_set: LabelSet) -> InitialModel:
    """Make or load the model of a run; random weights are drawn from torch's generator.

    Args:
        settings: of the run.
        label_set: the classes of the data.

    Raises:
        UnknownNameError: if there is no such model.
        UnknownSettingError: if its configuration has no such field.
        InvalidOptionError: if a field has a wrong value or names classes, the recipe is for another model, or the
            crops of the data are framed in several ways.
        WeightsNotFoundError: if weights are asked for and there are none.
        CheckpointError: if the weights do not fit.

    Warns:
        DatasetWarning: if the crops of the data are framed otherwise than those that the weights were learned from.
    """
    make = _load if settings.model.starts_from_weights else _create
    try:
        return make(settings, label_set)
    except StrictDataclassError as error:
        reason = " ".join(str(error).split())
        raise InvalidOptionError("model", settings.model.config, f"values that the model accepts ({reason})") from error


def adapt_classes(model: PreTrainedModel, label_set: LabelSet) -> tuple[PreTrainedModel, tuple[str, ...]]:
    """Give a classifier the classes of a label set; those that it has already keep their weights.

    Args:
        model: a classifier of any label set.
        label_set: the classes that it shall have.

    Returns:
        The classifier, and the classes that are new to it and have random weights.

    Raises:
        UnknownNameError: if a label of the model is no expression.
    """
    known = [parse_expression(model.config.id2label[index]) for index in sorted(model.config.id2label)]
    new_classes = tuple(str(expression) for expression in label_set if expression not in known)
    if tuple(known) == label_set.classes:
        return model, new_classes
    adapted = AutoModelForImageClassification.from_config(_with_labels(model.config, label_set))
    state, old = adapted.state_dict(), model.state_dict()
    dimensions = class_dimensions(model.config)
    for name, value in old.items():
        if name not in dimensions:
            state[name].copy_(value)
            continue
        for row, expression in enumerate(known):
            if expression in label_set:
                dimension = dimensions[name]
                state[name].select(dimension, label_set.index(expression)).copy_(value.select(dimension, row))
    return adapted, new_classes


def class_dimensions(config: FerConfig) -> dict[str, int]:
    """Return the names of the weights that have one part for each class, with the dimension that counts classes."""
    shapes = []
    for num_labels in (2, 3):
        sized = copy.deepcopy(config)
        sized.id2label = {index: str(index) for index in range(num_labels)}
        with torch.device("meta"):
            state = AutoModelForImageClassification.from_config(sized).state_dict()
        shapes.append({name: tuple(value.shape) for name, value in state.items()})
    return {
        name: next(i for i, (a, b) in enumerate(zip(shape, shapes[1][name], strict=True)) if a != b)
        for name, shape in shapes[0].items()
        if shape != shapes[1][name]
    }


def _create(settings: RunSettings, label_set: LabelSet) -> InitialModel:
    """Make a fresh network."""
    entry = get_entry(settings.model.name)
    config_class = type(AutoConfig.for_model(entry.architecture))
    _check_config(settings, config_class)
    framed = {} if (template := find_crop_template(settings)) is None else {"crop_template": template.to_dict()}
    processor = {**DATA_PROCESSORS.get(settings.data.kind, {}), **framed, **settings.processor}
    fresh = create_model(
        entry.name, label_set=label_set, config_options=settings.model.config, processor_options=_resolve(processor)
    )
    return InitialModel(fresh.model, fresh.processor)


def _load(settings: RunSettings, label_set: LabelSet) -> InitialModel:
    """Load trained weights, and give them the classes of the data."""
    name, revision = settings.model.name, settings.model.revision
    source = resolve_model(name, revision=revision)
    config = AutoConfig.from_pretrained(source, revision=revision)
    if not isinstance(config, FerConfig):
        raise CheckpointError(f"The model {name!r} is a {config.model_type!r}, which is no model of fer-zoo.")
    _check_config(settings, type(config))
    for field, value in {**settings.model.config, "temperature": 1.0}.items():  # the old one fitted the old weights
        setattr(config, field, value)
    config.validate()
    try:
        loaded = AutoModelForImageClassification.from_pretrained(
            source, config=config, revision=revision, dtype=torch.float32
        )
    except (RuntimeError, CheckpointError) as error:
        if not settings.model.config:
            raise
        changed = ", ".join(f"model.{field}" for field in settings.model.config)
        raise CheckpointError(
            f"The weights of {name!r} do not fit the network that {changed} would give. Leave out what changes its "
            "shapes, or begin with a fresh network, without fine_tune (--fine-tune)."
        ) from error
    options = _resolve(settings.processor)
    if "image_size" in settings.model.config:
        options["size"] = {"height": config.image_size, "width": config.image_size}
    processor = AutoImageProcessor.from_pretrained(source, revision=revision, **options)
    template = find_crop_template(settings)
    if template is not None and template != processor.template:
        processor.crop_template = template.to_dict()
        warnings.warn(
            DatasetWarning(
                f"The crops in {str(settings.data.path)!r} are framed otherwise than those that {name!r} knows: it has "
                f"to learn their frame. Crops in its own are made by: fer-zoo crop --model {name}"
            ),
            stacklevel=3,
        )
    model, new_classes = adapt_classes(loaded, label_set)
    if isinstance(model, FerPreTrainedModel):
        model.begin_training()
    return InitialModel(model.train(), processor, name if revision is None else f"{name} ({revision})", new_classes)


def _check_config(settings: RunSettings, config_class: type[FerConfig]) -> None:
    """Refuse fields that the configuration does not have, names of classes, and a recipe for another model.

    Raises:
        UnknownSettingError: if there is no such field.
        InvalidOptionError: if the recipe is for another model, or the settings name classes.
    """
    recipe = get_recipe(settings.recipe)
    if recipe.model is not None and get_entry(recipe.model).architecture != config_class.model_type:
        raise InvalidOptionError(
            "model.name", settings.model.name, f"{recipe.model}, which the recipe {recipe.name!r} was made for"
        )
    known = [field.name for field in fields(config_class) if field.name not in CLASS_FIELDS]
    for name, value in settings.model.config.items():
        if name in CLASS_FIELDS:
            raise InvalidOptionError(
                f"model.{name}", value, "nothing: the classes come from the data, see data.label_set"
            )
        if name not in known:
            raise UnknownSettingError(f"model.{name}", [f"model.{field}" for field in known])


def _with_labels(config: FerConfig, label_set: LabelSet) -> FerConfig:
    """Return a copy of a configuration with other classes."""
    changed = copy.deepcopy(config)
    changed.id2label = label_set.id2label
    return changed


def _resolve(processor: Mapping[str, Any]) -> dict[str, Any]:
    """Return options of the image processor with the template instead of its name."""
    template = processor.get("crop_template")
    if not isinstance(template, str):
        return dict(processor)
    if template not in CROP_TEMPLATES:
        known = ", ".join(CROP_TEMPLATES)
        raise InvalidOptionError("processor.crop_template", template, f"one of {known}, or a table with its points")
    return {**processor, "crop_template": CROP_TEMPLATES[template].to_dict()}


__all__ = ["InitialModel", "adapt_classes", "class_dimensions", "make_initial_model"]
