"""The files of a published model as they stand on the Hub, and ``hub_configs`` with those that are text."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Final

from fer_zoo.errors import CheckpointError
from fer_zoo.hub.card import model_card
from fer_zoo.hub.card_parts import EVALUATION
from fer_zoo.hub.local_paths import without_local_paths
from fer_zoo.models.checkpoint import CARD
from fer_zoo.registry import ModelEntry, list_embedded_models, verified_folder
from fer_zoo.whole_files import write_whole

WEIGHTS: Final = "model.safetensors"

#: Copied from the embedded checkpoint.
CONFIGS: Final = ("config.json", "preprocessor_config.json")

#: What is sent of the folder of a training run, and nothing else that may lie there, such as annotated photographs.
SENT: Final = (
    *(CARD, *CONFIGS, WEIGHTS, EVALUATION),
    *("evaluation.md", "confusion_matrix.png", "reliability.png", "per_class.png", "run.yaml", "training.json"),
)


def text_files(entry: ModelEntry) -> dict[str, bytes]:
    """Return the configuration, the image processor's, the report of the figures and the model card by their names."""
    names = [*CONFIGS, *([EVALUATION] if (entry.folder / EVALUATION).exists() else [])]
    files = {name: (entry.folder / name).read_bytes() for name in names}
    return files | {CARD: str(model_card(entry)).encode()}


def all_files(entry: ModelEntry) -> dict[str, bytes]:
    """Return what a published model consists of by its names: :func:`text_files` and the weights.

    Raises:
        WeightsNotFoundError: if the model has no embedded weights.
        WeightsIntegrityError: if the embedded weights are damaged.
    """
    weights = (verified_folder(entry) / WEIGHTS).read_bytes()
    return text_files(entry) | {WEIGHTS: weights}


def folder_files(folder: Path) -> dict[str, bytes]:
    """Return what is sent of a folder with a trained model by their names; checkpoints below it stay.

    Paths of this machine in them are replaced by the names of their files and folders.

    Raises:
        CheckpointError: if it has no weights in safetensors, no configuration or no model card.
    """
    missing = [name for name in (WEIGHTS, *CONFIGS, CARD) if not (folder / name).is_file()]
    if missing:
        raise CheckpointError(f"The folder {str(folder)!r} is no trained model: it has no {', '.join(missing)}.")
    files = {name: (folder / name).read_bytes() for name in SENT if (folder / name).is_file()}
    return without_local_paths(files, folder)


def write_files(files: dict[str, bytes], folder: Path) -> None:
    """Write files into a folder, which is made if it does not exist; each is there whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        write_whole(folder / name, content)


def write_hub_configs(folder: str | PathLike[str]) -> None:
    """Write a folder for each published model, with its configuration, its image processor's, its figures and its card.

    Args:
        folder: where to write, ``hub_configs`` in the repository; made if it does not exist.
    """
    for entry in list_embedded_models():
        write_files(text_files(entry), Path(folder) / entry.name)


def find_drift(folder: str | PathLike[str]) -> tuple[str, ...]:
    """Compare a folder with what :func:`write_hub_configs` would write there.

    Returns:
        One line for each file that is missing, differs, or belongs to no published model; none if all is well.
    """
    expected = {
        f"{entry.name}/{name}": text for entry in list_embedded_models() for name, text in text_files(entry).items()
    }
    found = {path.relative_to(folder).as_posix(): path for path in Path(folder).rglob("*") if path.is_file()}
    drift = []
    for name in sorted(expected.keys() | found.keys()):
        if name not in found:
            drift.append(f"{name} is missing")
        elif name not in expected:
            drift.append(f"{name} belongs to no published model")
        elif found[name].read_bytes() != expected[name]:
            drift.append(f"{name} differs from the registry")
    return tuple(drift)


__all__ = [
    "CARD",
    "CONFIGS",
    "WEIGHTS",
    "all_files",
    "find_drift",
    "folder_files",
    "text_files",
    "write_files",
    "write_hub_configs",
]
