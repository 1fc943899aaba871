"""The settings of a run: from a recipe, a configuration file and what was typed, the later winning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self, get_type_hints

import yaml

from fer_zoo.errors import InvalidOptionError, UnknownSettingError
from fer_zoo.registry import find_entry
from fer_zoo.training.augmentation import Augmentation
from fer_zoo.training.methods import METHODS
from fer_zoo.training.recipes import get_recipe
from fer_zoo.training.setting_types import check_type
from fer_zoo.training.training_options import OWNED, check_training, training_types

Layer = Mapping[str, Any]

#: Recipes of those who name none: for trained weights, and for random ones.
DEFAULT_RECIPES = ("fine-tune", "from-scratch")

#: What methods may need besides pictures with labels, and how it is typed.
SOURCES = {
    "data.unlabelled": (
        "kind and path of pictures without labels",
        "--set data.unlabelled.kind=KIND --set data.unlabelled.path=DIR",
    ),
    "model.teachers": ("at least one model", "--set 'model.teachers=[NAME]'"),
}

PROCESSOR_OPTIONS = ("color_mode", "crop_template", "image_mean", "image_std", "resample")

#: Settings that may differ when an interrupted run goes on: they change where it computes, not what.
PLACES = frozenset({"training.use_cpu", "training.dataloader_num_workers", "training.dataloader_pin_memory"})


@dataclass(frozen=True, slots=True, kw_only=True)
class DataSettings:
    """Which pictures a run learns from and is measured on.

    Attributes:
        kind: what the data set is, see :func:`fer_zoo.datasets.load_dataset`.
        path: where it lies.
        split: what to learn from; by default ``"train"``, or everything if the data are not split.
        eval_split: what the epoch is chosen by; by default ``"validation"`` if there is one.
        eval_share: share of the training pictures that is cut off for that instead, in [0, 1), the same of every class;
            0 for none. By default 0.1 where there is no validation split, or all splits are learnt from.
        test_split: what the report is about; by default the pictures that the epoch was chosen by.
        targets: ``"labels"`` or ``"votes"``.
        label_set: name of the label set to translate to; by default that of the data.
        without_twins: whether pictures of ``eval_split`` and ``test_split`` that also occur in training, with a label
            or without, are left out.
        options: those that only this kind of data set has.
        unlabelled: kind, path and split of further pictures, for methods that learn from pictures without labels; of
            an ``image_folder`` all pictures, whatever the folders are called.
    """

    kind: str
    path: str
    split: str | None = None
    eval_split: str | None = None
    eval_share: float | None = None
    test_split: str | None = None
    targets: str = "labels"
    label_set: str | None = None
    without_twins: bool = False
    options: dict[str, Any] = field(default_factory=dict)
    unlabelled: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse a share that leaves nothing, and two ways to find the same pictures."""
        if self.eval_share is not None and not 0 <= self.eval_share < 1:
            raise InvalidOptionError("data.eval_share", self.eval_share, "a share that is at least 0 and below 1")
        if self.eval_share and self.eval_split:
            raise InvalidOptionError("data.eval_share", self.eval_share, "either eval_split or eval_share, not both")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelSettings:
    """What is trained.

    Attributes:
        name: a name of the registry, a folder, or a repository on the Hub.
        fine_tune: whether to start from the weights of that name; by default from random ones for a name of the
            registry, and from its weights for everything else.
        revision: branch, tag or commit on the Hub.
        config: fields of the configuration that differ.
        teachers: models that are learned from, for methods that have teachers.
    """

    name: str
    fine_tune: bool | None = None
    revision: str | None = None
    config: dict[str, Any] = field(default_factory=dict)
    teachers: list[str] = field(default_factory=list)

    @property
    def starts_from_weights(self) -> bool:
        """Whether there are trained weights at the start."""
        is_entry = find_entry(self.name) is not None
        return not is_entry if self.fine_tune is None else self.fine_tune


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSettings:
    """Everything that decides what a training run does.

    Attributes:
        data: the pictures.
        model: what is trained.
        recipe: name of the recipe that the values come from; they can all differ from it.
        method: which trainer, by default that of the recipe: ``"supervised"``, ``"ada_cm"`` or ``"distillation"``.
        processor: options of a fresh model's image processor; ``crop_template`` may be the name of a template.
        training: fields of :class:`~fer_zoo.training.ExpressionTrainingArguments`.
        augmentation: fields of :class:`~fer_zoo.training.Augmentation`.
        calibrate: whether the temperature is fitted at the end, on the pictures that the epoch was chosen by.
        float16: whether the final weights are stored with half the bytes.
    """

    data: DataSettings
    model: ModelSettings
    recipe: str
    method: str = "supervised"
    processor: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    augmentation: dict[str, Any] = field(default_factory=dict)
    calibrate: bool = True
    float16: bool = False

    def __post_init__(self) -> None:
        """Refuse pictures and models that the method would not look at, and a method without those it learns from."""
        for name, value, uses, needs in (
            ("data.unlabelled", self.data.unlabelled, "takes_unlabelled", "needs_unlabelled"),
            ("model.teachers", self.model.teachers, "takes_teachers", "takes_teachers"),
        ):
            users = [known for known, method in METHODS.items() if getattr(method, uses)]
            if value and self.method not in users:
                expected = f"nothing with the method {self.method!r}; the methods that use it: {', '.join(users)}"
                raise InvalidOptionError(name, value, expected)
            if not value and getattr(METHODS[self.method], needs):
                what, typed = SOURCES[name]
                expected = f"{what}, which the method {self.method!r} learns from (on the command line: {typed})"
                raise InvalidOptionError(name, value, expected)

    @classmethod
    def from_layers(cls, *layers: Layer) -> Self:
        """Return the settings that layers give together, on top of the recipe that they name.

        Args:
            layers: nested mappings as a configuration file has them; a later one wins, value by value. In the section
                ``model`` all keys but ``name``, ``fine_tune``, ``revision`` and ``teachers`` are fields of its
                configuration, and ``model: mhan`` is short for ``model: {name: mhan}``.

        Raises:
            UnknownSettingError: if a key is no setting.
            UnknownNameError: if there is no recipe of that name, or no field of the augmentation.
            InvalidOptionError: if a value has the wrong type or is out of its range, or the data or the model are
                missing.
        """
        checked = [check_layer(layer) for layer in layers]
        names = [layer["recipe"] for layer in checked if layer.get("recipe") is not None]
        recipe = names[-1] if names else default_recipe(merge(*checked).get("model", {}))
        return cls._from_nested(merge(recipe_layer(recipe), *checked), recipe)

    @classmethod
    def _from_nested(cls, values: Mapping[str, Any], recipe: str) -> Self:
        """Return the settings of one complete mapping."""
        data, model = dict(values.get("data", {})), dict(values.get("model", {}))
        for section, given, name, typed in (
            ("data", data, "kind", "--kind KIND"),
            ("data", data, "path", "the place of the data"),
            ("model", model, "name", "--model NAME"),
        ):
            if given.get(name) is None:
                expected = f"a value, which every run needs (on the command line: {typed})"
                raise InvalidOptionError(f"{section}.{name}", None, expected)
        try:
            yaml.safe_dump(values)
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            reason = str(error.args[-1])[:200]
            expected = f"plain values as a file can hold them, such as the name of a label set ({reason!r})"
            raise InvalidOptionError("settings", "of a run", expected) from error
        own = {name: model.pop(name) for name in MODEL_KEYS if name in model}
        return cls(
            data=DataSettings(**data),
            model=ModelSettings(**own, config=model),
            recipe=recipe,
            method=values["method"],
            processor=values.get("processor", {}),
            training=check_training(values.get("training", {}), values["method"]),
            augmentation=Augmentation.from_dict(values.get("augmentation", {})).to_dict(),
            **{name: values[name] for name in ("calibrate", "float16") if name in values},
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain values in the form of a configuration file; :meth:`from_layers` takes them back."""
        values = asdict(self)
        config = values["model"].pop("config")
        return {"recipe": values.pop("recipe"), **values, "model": {**values["model"], **config}}

    def differences(self, other: RunSettings) -> list[str]:
        """Return the names of the settings that differ and could change the result, such as ``training.seed``."""
        own, others = flatten(self.to_dict()), flatten(other.to_dict())
        names = sorted(own.keys() | others.keys())
        return [name for name in names if own.get(name) != others.get(name) and name not in PLACES]


MODEL_KEYS = tuple(entry.name for entry in fields(ModelSettings) if entry.name != "config")
SECTIONS = ("data", "model", "processor", "training", "augmentation")


#: Type of every setting by its dotted name; those of the augmentation and of the model's configuration are checked
#: where they are used.
TYPES: dict[str, Any] = {
    **{name: hint for name, hint in get_type_hints(RunSettings).items() if name not in SECTIONS},
    **{f"data.{name}": hint for name, hint in get_type_hints(DataSettings).items()},
    **{f"model.{name}": hint for name, hint in get_type_hints(ModelSettings).items() if name != "config"},
    **{f"processor.{name}": Any for name in PROCESSOR_OPTIONS},
    **{name: hint for method in METHODS for name, hint in training_types(method).items()},
    **{f"augmentation.{entry.name}": Any for entry in fields(Augmentation)},
}


def check_layer(layer: Layer) -> dict[str, Any]:
    """Return a layer with the values in their types.

    Raises:
        UnknownSettingError: if a key is no setting.
        InvalidOptionError: if a value has the wrong type.
    """
    checked: dict[str, Any] = {}
    for name, value in layer.items():
        if name == "model" and isinstance(value, str):
            checked[name] = {"name": value}
        elif name not in SECTIONS:
            checked[name] = check_value(str(name), value)
        elif isinstance(value, Mapping):
            checked[name] = {key: check_value(f"{name}.{key}", entry) for key, entry in value.items()}
        elif value is not None:
            raise InvalidOptionError(str(name), value, "a table of settings")
    return checked


def check_value(name: str, value: Any) -> Any:
    """Return the value of one setting in its type.

    Raises:
        UnknownSettingError: if there is no such setting.
        InvalidOptionError: if it has the wrong type, or is not for the settings to say.
    """
    if name in TYPES:
        return check_type(name, value, TYPES[name])
    if name in OWNED:
        raise InvalidOptionError(name, value, "no value, as a run decides this itself")
    if name.startswith("model."):  # a field of the configuration, which depends on the model
        return value
    raise UnknownSettingError(name, [*TYPES, *SECTIONS])


def recipe_layer(name: str) -> dict[str, Any]:
    """Return what a recipe sets.

    Raises:
        UnknownNameError: if there is no recipe of that name.
    """
    recipe = get_recipe(name)
    model = {} if recipe.model is None else {"name": recipe.model}
    return {
        "method": recipe.method,
        "data": {"targets": recipe.targets},
        "model": {**model, **recipe.config},
        "training": dict(recipe.arguments),
        "augmentation": recipe.augmentation.to_dict(),
    }


def default_recipe(model: Mapping[str, Any]) -> str:
    """Return the recipe for those who name none."""
    known = {name: model[name] for name in ("name", "fine_tune") if name in model}
    return DEFAULT_RECIPES[0 if "name" in known and ModelSettings(**known).starts_from_weights else 1]


def merge(*layers: Layer) -> dict[str, Any]:
    """Return one mapping with the values of all, those of later layers winning, also within the tables of a section."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for name, value in layer.items():
            before = merged.get(name)
            merged[name] = merge(before, value) if isinstance(before, dict) and isinstance(value, dict) else value
    return merged


def flatten(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a nested mapping by their dotted names."""
    flat = {}
    for name, value in values.items():
        if name in SECTIONS:
            flat.update({f"{name}.{key}": entry for key, entry in value.items()})
        else:
            flat[name] = value
    return flat


__all__ = ["DataSettings", "ModelSettings", "RunSettings"]
