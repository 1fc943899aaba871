"""The published models: one table, from which everything that lists models is derived."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from os import PathLike, fspath
from pathlib import Path
from types import MappingProxyType

from fer_zoo.errors import UnknownNameError, WeightsIntegrityError
from fer_zoo.labels import LabelSet, get_label_set
from fer_zoo.licences import TRAINED_ON_FER_PLUS, LicenceLedger

#: Owner of the published models on the Hugging Face Hub.
ORGANIZATION = "fer_zoo"

WEIGHTS_FOLDER = Path(__file__).with_name("weights")


@dataclass(frozen=True, slots=True)
class ModelEntry:
    """A published model.

    Attributes:
        name: its one name, in the registry, in ``hub_configs`` and on the Hub.
        summary: what it is, in one line.
        paper: where the architecture was published.
        label_set_name: the label set it was trained with.
        num_parameters: number of parameters.
        sha256: checksum of the embedded ``model.safetensors``.
        licences: whose terms apply to the code, the weights, the training data and the detector.
        figures: measured figures in percent, by what was measured.
        figures_source: the command, the date, the hardware and the data that the figures came from.
    """

    name: str
    summary: str
    paper: str
    label_set_name: str
    num_parameters: int
    sha256: str
    licences: LicenceLedger
    figures: Mapping[str, float] = field(default_factory=dict)
    figures_source: str = ""

    @property
    def repo_id(self) -> str:
        """The model's repository on the Hub."""
        return f"{ORGANIZATION}/{self.name}"

    @property
    def label_set(self) -> LabelSet:
        """The classes and their order."""
        return get_label_set(self.label_set_name)

    @property
    def folder(self) -> Path:
        """The folder inside this package that holds the checkpoint."""
        return WEIGHTS_FOLDER / self.name


ENTRIES: Mapping[str, ModelEntry] = MappingProxyType(
    {
        entry.name: entry
        for entry in (
            ModelEntry(
                name="mhan",
                summary="Multi-head hybrid attention network, trained briefly on FER+",
                paper="Wang et al., Pattern Recognition 170 (2026) 112015",
                label_set_name="fer_plus",
                num_parameters=4_175_632,
                figures={"accuracy": 78.9, "balanced accuracy": 47.9},
                figures_source=(
                    "benchmarks/evaluate_fer_plus.py on 2026-11-22, two cores of an x86-64 CPU: aligned crops of the "
                    "FER+ validation split, majority label, without the pictures that have a twin in training (2,946)"
                ),
                sha256="13b11795d62d2011a39f8cb51dc651865f35bf8e8e1fc7c326f6643afc4cc023",
                licences=TRAINED_ON_FER_PLUS,
            ),
        )
    }
)


def list_models() -> tuple[ModelEntry, ...]:
    """Return all published models, sorted by name."""
    return tuple(ENTRIES[name] for name in sorted(ENTRIES))


def get_entry(name: str) -> ModelEntry:
    """Return a published model by its name, with or without the owner: ``"mhan"`` or ``"fer_zoo/mhan"``.

    Raises:
        UnknownNameError: if there is no model of that name.
    """
    entry = ENTRIES.get(name.removeprefix(f"{ORGANIZATION}/"))
    if entry is None:
        raise UnknownNameError("model", name, ENTRIES)
    return entry


def resolve_model(model: str | PathLike[str], *, revision: str | None = None) -> str:
    """Find out where a model is loaded from, without any network.

    A published name is the folder inside this package, checked against its checksum; with a revision it is its
    repository on the Hub. A path with a folder behind it stays a path, and any other ``owner/name`` is a repository on
    the Hub.

    Args:
        model: a published name, a path, or a repository.
        revision: branch, tag or commit on the Hub.

    Returns:
        A folder or a repository, as ``from_pretrained`` takes it.

    Raises:
        UnknownNameError: if a name without an owner is neither published nor a folder.
        WeightsIntegrityError: if the embedded weights are damaged.
    """
    name = fspath(model)
    entry = ENTRIES.get(name.removeprefix(f"{ORGANIZATION}/"))
    if entry is not None:
        return entry.repo_id if revision is not None else str(verified_folder(entry))
    if Path(name).is_dir() or name.count("/") == 1:
        return name
    raise UnknownNameError("model", name, ENTRIES)


def verified_folder(entry: ModelEntry) -> Path:
    """Return the folder of an embedded model after checking its weights.

    Raises:
        WeightsIntegrityError: if the weights do not have the recorded checksum.
    """
    path = entry.folder / "model.safetensors"
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != entry.sha256:
        raise WeightsIntegrityError(str(path), entry.sha256, found)
    return entry.folder


__all__ = ["ENTRIES", "ModelEntry", "get_entry", "list_models", "resolve_model", "verified_folder"]
