"""The table of models, from which everything that lists models is derived."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from transformers import PreTrainedConfig, PreTrainedModel

from fer_zoo.errors import InvalidOptionError, UnknownNameError
from fer_zoo.labels import LabelSet, get_label_set
from fer_zoo.licences import TRAINED_ON_FER_PLUS_AND_NEWS, LicenceLedger
from fer_zoo.models.auto import register_architecture

#: Owner of the published models on the Hugging Face Hub.
ORGANIZATION = "fer_zoo"

WEIGHTS_FOLDER = Path(__file__).parents[1] / "weights"


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model: published with weights, or an architecture to train.

    Attributes:
        name: its one name, in the registry, in ``hub_configs`` and on the Hub.
        summary: what it is, in one line.
        paper: where the architecture was published.
        label_set_name: the label set it was trained with; without weights, the one that a fresh network gets.
        num_parameters: number of parameters, with the classes of the label set; of the published network, and of a
            fresh one where none is published.
        architecture: the model type, as the Auto classes of transformers know it.
        sha256: checksum of the embedded ``model.safetensors``; ``None`` as long as there are no weights.
        config: fields of the configuration that differ from its defaults.
        published_config: fields in which the published network differs from a fresh one of this entry, such as its
            ``image_size``.
        licences: whose terms apply to the code, the weights, the training data and the detector; ``None`` as long as
            there are no weights.
        figures: measured figures in percent, by what was measured.
        figures_source: the command, the date, the hardware and the data that the figures came from.
        owner: owner of its repository on the Hub.
    """

    name: str
    summary: str
    paper: str
    label_set_name: str
    num_parameters: int
    architecture: str
    sha256: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    published_config: Mapping[str, Any] = field(default_factory=dict)
    licences: LicenceLedger | None = None
    figures: Mapping[str, float] = field(default_factory=dict)
    figures_source: str = ""
    owner: str = ORGANIZATION

    @property
    def repo_id(self) -> str:
        """The model's repository on the Hub."""
        return f"{self.owner}/{self.name}"

    @property
    def label_set(self) -> LabelSet:
        """The classes and their order."""
        return get_label_set(self.label_set_name)

    @property
    def is_embedded(self) -> bool:
        """Whether its weights are inside this package."""
        return self.sha256 is not None

    @property
    def folder(self) -> Path:
        """The folder inside this package that holds the checkpoint, if it is embedded."""
        return WEIGHTS_FOLDER / self.name


def _validated(name: str, date: str) -> str:
    """Return where the figures of an embedded model come from."""
    return (
        f"fer-zoo evaluate {name} fer_plus FERPlus --split validation --without-twins-of train on {date}, an "
        "x86-64 CPU: aligned crops of the FER+ validation split, majority label, without the pictures that have a twin "
        "in training (2,946), which the temperature was fitted on too"
    )


OWN_ENTRIES: Mapping[str, ModelEntry] = MappingProxyType(
    {
        entry.name: entry
        for entry in (
            ModelEntry(
                name="han_pff",
                summary="Hierarchical attention network with progressive feature fusion, reconstructed",
                paper="Tao & Duan, Neural Networks 170 (2024) 337-348",
                label_set_name="fer_plus",
                num_parameters=15_468_440,
                architecture="han_pff",
                published_config={"image_size": 48},
                figures={"accuracy": 86.6, "balanced accuracy": 71.8, "calibration error (ECE)": 1.3},
                figures_source=_validated("han_pff", "2026-11-24"),
                sha256="5e9dd752117ea6a7ff716594f685090bb929d31e606466be08fcc6db9032bfe0",
                licences=TRAINED_ON_FER_PLUS_AND_NEWS,
            ),
            ModelEntry(
                name="mfn",
                summary="Mixed feature network: MHAN without its attention, a baseline",
                paper="Zhang et al., Electronics 12 (2023) 3595",
                label_set_name="fer_plus",
                num_parameters=4_036_784,
                architecture="mfn",
            ),
            ModelEntry(
                name="mhan",
                summary="Multi-head hybrid attention network",
                paper="Wang et al., Pattern Recognition 170 (2026) 112015",
                label_set_name="fer_plus",
                num_parameters=4_146_960,
                architecture="mhan",
                published_config={"image_size": 48},
                figures={"accuracy": 86.4, "balanced accuracy": 71.9, "calibration error (ECE)": 1.4},
                figures_source=_validated("mhan", "2026-11-23"),
                sha256="edfe576d312ea28943d63ebc76929ab8ac7438d6fe06733f167c65227fc55a85",
                licences=TRAINED_ON_FER_PLUS_AND_NEWS,
            ),
            ModelEntry(
                name="resnet18",
                summary="Residual network of 18 layers, a baseline",
                paper="He et al., CVPR 2016",
                label_set_name="fer_plus",
                num_parameters=11_180_616,
                architecture="fer_resnet",
                config={"depth": 18},
            ),
            ModelEntry(
                name="resnet50",
                summary="Residual network of 50 layers, a baseline",
                paper="He et al., CVPR 2016",
                label_set_name="fer_plus",
                num_parameters=23_524_424,
                architecture="fer_resnet",
                config={"depth": 50},
            ),
        )
    }
)

_entries = dict(OWN_ENTRIES)

#: Every model by its name, those of this package and those that :func:`register_model` added.
ENTRIES: Mapping[str, ModelEntry] = MappingProxyType(_entries)


def register_model(
    entry: ModelEntry,
    config: type[PreTrainedConfig],
    model: type[PreTrainedModel],
    classifier: type[PreTrainedModel],
) -> None:
    """Add a model of another package: to the table, and to the Auto classes of transformers.

    From then on its name works wherever that of an architecture of this package does. Doing it again replaces the
    entry, as running a cell of a notebook again does. Its weights are not part of this package: they are loaded from a
    folder or from the Hub.

    Args:
        entry: the entry, without ``sha256``.
        config: the configuration; its ``model_type`` is the entry's ``architecture``. A subclass of
            :class:`~fer_zoo.models.FerConfig` has what evaluation, calibration and export look for.
        model: the bare model.
        classifier: the model with its classifier.

    Raises:
        InvalidOptionError: if the name or the ``model_type`` is taken, the entry is of another architecture, or it
            claims embedded weights.
        UnknownNameError: if there is no such label set.
    """
    known = ENTRIES.get(entry.name, entry)
    if entry.name in OWN_ENTRIES or known.architecture != entry.architecture:
        raise InvalidOptionError("name", entry.name, "a name that no other model has")
    if entry.architecture != config.model_type:
        raise InvalidOptionError(
            "architecture", entry.architecture, f"{config.model_type!r}, the model_type of {config.__name__}"
        )
    if entry.is_embedded:
        raise InvalidOptionError("sha256", entry.sha256, "None, as only this package embeds weights")
    get_label_set(entry.label_set_name)
    register_architecture(config, model, classifier)
    _entries[entry.name] = entry


def list_models() -> tuple[ModelEntry, ...]:
    """Return all models, with and without weights, sorted by name; ``entry.is_embedded`` tells them apart."""
    return tuple(ENTRIES[name] for name in sorted(ENTRIES))


def list_embedded_models() -> tuple[ModelEntry, ...]:
    """Return the models whose weights are inside this package, sorted by name."""
    return tuple(entry for entry in list_models() if entry.is_embedded)


def find_entry(model: object) -> ModelEntry | None:
    """Return the model that a name stands for, with or without the owner; anything else, such as a path, is no name."""
    return ENTRIES.get(model.removeprefix(f"{ORGANIZATION}/")) if isinstance(model, str) else None


def get_entry(name: str) -> ModelEntry:
    """Return a model by its name, with or without the owner: ``"mhan"`` or ``"fer_zoo/mhan"``.

    Raises:
        UnknownNameError: if there is no model of that name.
    """
    entry = find_entry(name)
    if entry is None:
        raise UnknownNameError("model", name, ENTRIES)
    return entry


__all__ = [
    "ENTRIES",
    "ORGANIZATION",
    "OWN_ENTRIES",
    "WEIGHTS_FOLDER",
    "ModelEntry",
    "find_entry",
    "get_entry",
    "list_embedded_models",
    "list_models",
    "register_model",
]
