"""Where the checkpoint of a model lies, and whether it is what was published."""

from __future__ import annotations

import hashlib
from os import PathLike, fspath
from pathlib import Path

from transformers import AutoConfig, AutoImageProcessor
from transformers.utils import IMAGE_PROCESSOR_NAME as PROCESSOR_FILE

from fer_zoo.errors import (
    CheckpointError,
    FerZooError,
    UnknownNameError,
    WeightsIntegrityError,
    WeightsNotFoundError,
)
from fer_zoo.models import FerImageProcessor, FerImageProcessorPil
from fer_zoo.models.checkpoint_errors import DAMAGE
from fer_zoo.registry.entries import ENTRIES, ModelEntry, find_entry, list_embedded_models
from fer_zoo.registry.fresh import fresh_processor


def resolve_model(model: str | PathLike[str], *, revision: str | None = None) -> str:
    """Find out where a model is loaded from, without any network.

    A name with embedded weights is the folder inside this package, checked against its checksum; with a revision any
    name of the table is its repository on the Hub. A path with a folder behind it stays a path, and any other
    ``owner/name`` is a repository on the Hub. What is no string, such as a ``pathlib.Path``, is no name of the table.

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
    entry = find_entry(model)
    if entry is not None:
        return entry.repo_id if revision is not None else str(verified_folder(entry))
    if Path(name).is_dir():
        return name
    if "/" in name and (name.count("/") > 1 or name.startswith((".", "/", "~"))):
        raise UnknownNameError("model", name, ENTRIES, reason="there is no such folder")
    if "/" in name:
        return name
    raise UnknownNameError("model", name, ENTRIES, remark="There is no folder of that name either.")


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
    entry = find_entry(model)
    if entry is not None and not entry.is_embedded and revision is None:
        return fresh_processor(AutoConfig.for_model(entry.architecture, **entry.config).image_size)
    folder = resolve_model(model, revision=revision)
    advice = f"Give a model of this package, or a folder with its {PROCESSOR_FILE}"
    try:
        processor = AutoImageProcessor.from_pretrained(folder, revision=revision)
    except FerZooError:
        raise
    except (OSError, *DAMAGE) as error:
        reason = str(error).partition("\n")[0].removesuffix(".")
        if Path(folder).is_dir() and not Path(folder, PROCESSOR_FILE).exists():
            reason = f"the folder has no {PROCESSOR_FILE}"
        raise CheckpointError(f"The image processor of {folder!r} cannot be loaded: {reason}. {advice}.") from error
    if not isinstance(processor, FerImageProcessor | FerImageProcessorPil):
        found = type(processor).__name__
        raise CheckpointError(f"The image processor of {folder!r} is a {found}, which has no crop template. {advice}.")
    return processor


__all__ = ["load_image_processor", "resolve_model", "verified_folder"]
