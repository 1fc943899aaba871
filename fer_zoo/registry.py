"""The models: one table, from which everything that lists models is derived.

An entry either has weights inside this package, or is an architecture that waits for some: :func:`create_model` makes
a fresh network of either kind, ready to be trained. Other packages add theirs with :func:`register_model`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike, fspath
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from transformers import (
    AutoConfig,
    AutoImageProcessor,
    AutoModelForImageClassification,
    PreTrainedConfig,
    PreTrainedModel,
)

from fer_zoo.errors import (
    CheckpointError,
    InvalidOptionError,
    UnknownNameError,
    WeightsIntegrityError,
    WeightsNotFoundError,
)
from fer_zoo.labels import LabelSet, get_label_set
from fer_zoo.licences import TRAINED_ON_FER_PLUS, LicenceLedger
from fer_zoo.models import FerImageProcessor, FerImageProcessorPil, register_models
from fer_zoo.models.auto import register_architecture

#: Owner of the published models on the Hugging Face Hub.
ORGANIZATION = "fer_zoo"

WEIGHTS_FOLDER = Path(__file__).with_name("weights")


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A model: published with weights, or an architecture to train.

    Attributes:
        name: its one name, in the registry, in ``hub_configs`` and on the Hub.
        summary: what it is, in one line.
        paper: where the architecture was published.
        label_set_name: the label set it was trained with; without weights, the one that a fresh network gets.
        num_parameters: number of parameters, with the classes of the label set.
        architecture: the model type, as the Auto classes of transformers know it.
        sha256: checksum of the embedded ``model.safetensors``; ``None`` as long as there are no weights.
        config: fields of the configuration that differ from its defaults.
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


OWN_ENTRIES: Mapping[str, ModelEntry] = MappingProxyType(
    {
        entry.name: entry
        for entry in (
            ModelEntry(
                name="han_pff",
                summary="Hierarchical attention network with progressive feature fusion, reconstructed",
                paper="Tao & Duan, Neural Networks 170 (2024) 337-348",
                label_set_name="fer_plus",
                num_parameters=15_476_120,
                architecture="han_pff",
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
                summary="Multi-head hybrid attention network, trained briefly on FER+",
                paper="Wang et al., Pattern Recognition 170 (2026) 112015",
                label_set_name="fer_plus",
                num_parameters=4_175_632,
                architecture="mhan",
                figures={"accuracy": 78.9, "balanced accuracy": 47.9},
                figures_source=(
                    "fer-zoo evaluate mhan fer_plus FERPlus --split validation --without-twins-of train on 2026-11-22, "
                    "two cores of an x86-64 CPU: aligned crops of the FER+ validation split, majority label, without "
                    "the pictures that have a twin in training (2,946)"
                ),
                sha256="13b11795d62d2011a39f8cb51dc651865f35bf8e8e1fc7c326f6643afc4cc023",
                licences=TRAINED_ON_FER_PLUS,
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


def get_entry(name: str) -> ModelEntry:
    """Return a model by its name, with or without the owner: ``"mhan"`` or ``"fer_zoo/mhan"``.

    Raises:
        UnknownNameError: if there is no model of that name.
    """
    entry = ENTRIES.get(name.removeprefix(f"{ORGANIZATION}/"))
    if entry is None:
        raise UnknownNameError("model", name, ENTRIES)
    return entry


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
    label_set: LabelSet | None = None,
    config_options: Mapping[str, Any] | None = None,
    processor_options: Mapping[str, Any] | None = None,
) -> FreshModel:
    """Make a fresh network for training, whether or not there are weights of that name.

    Args:
        name: name of the entry, with or without the owner.
        label_set: the classes; those of the entry by default.
        config_options: fields of the configuration that shall differ from the entry's.
        processor_options: options of :class:`~fer_zoo.models.FerImageProcessor`, such as ``color_mode`` and
            ``crop_template``; the size comes from the configuration.

    Raises:
        UnknownNameError: if there is no model of that name.
        StrictDataclassError: (huggingface_hub) if a field of the configuration has the wrong type or value.
        InvalidOptionError: if an option of the image processor is not valid.

    Example:
        >>> from fer_zoo.labels import get_label_set
        >>> from fer_zoo.registry import create_model
        >>> model, processor = create_model("mfn", label_set=get_label_set("raf_db"))
        >>> model.config.num_labels, processor.size["height"]
        (7, 112)
    """
    register_models()
    entry = get_entry(name)
    labels = label_set or entry.label_set
    fields = {"id2label": labels.id2label, "label2id": labels.label2id, **entry.config, **(config_options or {})}
    config = AutoConfig.for_model(entry.architecture, **fields)
    processor = _fresh_processor(config.image_size, processor_options)
    return FreshModel(AutoModelForImageClassification.from_config(config).train(), processor)


def _fresh_processor(image_size: int, options: Mapping[str, Any] | None = None) -> FerImageProcessor:
    """Return an image processor for a network that takes pictures of this side, in pixels."""
    return FerImageProcessor(**{**(options or {}), "size": {"height": image_size, "width": image_size}})


def load_image_processor(
    model: str | PathLike[str], *, revision: str | None = None
) -> FerImageProcessor | FerImageProcessorPil:
    """Load what makes pixel values for a model, crop template included, and leave its weights where they are.

    A name without weights gives the image processor of a fresh network, as :func:`create_model` does.

    Args:
        model: a name of the table, a path, or a repository.
        revision: branch, tag or commit on the Hub.

    Raises:
        UnknownNameError: if a name without an owner is neither in the table nor a folder, or a path has no folder
            behind it.
        WeightsIntegrityError: if the embedded weights are damaged.
        CheckpointError: if there is no image processor, or one that cannot cut out faces.
    """
    register_models()
    entry = ENTRIES.get(fspath(model).removeprefix(f"{ORGANIZATION}/"))
    if entry is not None and not entry.is_embedded and revision is None:
        return _fresh_processor(AutoConfig.for_model(entry.architecture, **entry.config).image_size)
    folder = resolve_model(model, revision=revision)
    advice = "Give a model of this package, or a folder with its preprocessor_config.json"
    try:
        processor = AutoImageProcessor.from_pretrained(folder, revision=revision)
    except (OSError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise CheckpointError(f"The image processor of {folder!r} cannot be loaded: {reason} {advice}.") from error
    if not isinstance(processor, FerImageProcessor | FerImageProcessorPil):
        found = type(processor).__name__
        raise CheckpointError(f"The image processor of {folder!r} is a {found}, which has no crop template. {advice}.")
    return processor


def resolve_model(model: str | PathLike[str], *, revision: str | None = None) -> str:
    """Find out where a model is loaded from, without any network.

    A name with embedded weights is the folder inside this package, checked against its checksum; with a revision any
    name of the table is its repository on the Hub. A path with a folder behind it stays a path, and any other
    ``owner/name`` is a repository on the Hub.

    Args:
        model: a name of the table, a path, or a repository.
        revision: branch, tag or commit on the Hub.

    Returns:
        A folder or a repository, as ``from_pretrained`` takes it.

    Raises:
        UnknownNameError: if a name without an owner is neither in the table nor a folder.
        WeightsNotFoundError: if there are no weights of that name yet.
        WeightsIntegrityError: if the embedded weights are damaged.
    """
    name = fspath(model)
    entry = ENTRIES.get(name.removeprefix(f"{ORGANIZATION}/"))
    if entry is not None:
        return entry.repo_id if revision is not None else str(verified_folder(entry))
    if Path(name).is_dir():
        return name
    if "/" in name and (name.count("/") > 1 or name.startswith((".", "/", "~"))):
        raise UnknownNameError("model", name, ENTRIES, reason="there is no such folder")
    if "/" in name:
        return name
    raise UnknownNameError("model", name, ENTRIES)


def verified_folder(entry: ModelEntry) -> Path:
    """Return the folder of an embedded model after checking its weights.

    Raises:
        WeightsNotFoundError: if the model has no embedded weights.
        WeightsIntegrityError: if the weights do not have the recorded checksum.
    """
    if entry.sha256 is None:
        embedded = ", ".join(known.name for known in list_embedded_models())
        raise WeightsNotFoundError(
            entry.name,
            f"The architecture is there, but no trained weights are published yet. Train it, starting from "
            f"fer_zoo.registry.create_model({entry.name!r}), and give the folder that you saved it to, as a path such "
            f"as './{entry.name}'; or choose a model with weights: {embedded}.",
        )
    path = entry.folder / "model.safetensors"
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != entry.sha256:
        raise WeightsIntegrityError(str(path), entry.sha256, found)
    return entry.folder


__all__ = [
    "ENTRIES",
    "FreshModel",
    "ModelEntry",
    "create_model",
    "get_entry",
    "list_embedded_models",
    "list_models",
    "load_image_processor",
    "register_model",
    "resolve_model",
    "verified_folder",
]
