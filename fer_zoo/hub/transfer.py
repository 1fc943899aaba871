"""Sending an embedded or a trained model to the Hub, and fetching one from there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from os import PathLike, fspath
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory
from typing import Final

from huggingface_hub import CommitInfo, HfApi
from huggingface_hub.hf_api import RepoSibling
from transformers import AutoImageProcessor, AutoModelForImageClassification

from fer_zoo.errors import CheckpointError, InvalidOptionError, UnknownNameError, WeightsIntegrityError
from fer_zoo.hub.card_parts import LIBRARY
from fer_zoo.hub.failures import hub_errors
from fer_zoo.hub.files import all_files, folder_files, write_files
from fer_zoo.models.checkpoint_errors import DAMAGE, check_filled, check_weight_indices
from fer_zoo.registry import ENTRIES, find_entry
from fer_zoo.whole_files import whole_folder

#: What a pull takes: no code, and no pickles, which could carry code.
PATTERNS: Final = ("*.json", "*.md", "*.safetensors")


def push(
    name: str | PathLike[str],
    repo_id: str,
    *,
    revision: str | None = None,
    private: bool | None = None,
    message: str | None = None,
    token: str | None = None,
    endpoint: str | None = None,
) -> CommitInfo:
    """Send a model to the Hub: weights, configuration, image processor and model card, in one commit.

    Args:
        name: the published model, or the folder that a training run has written; of that its report goes along.
        repo_id: the repository as ``owner/name``; made if it does not exist.
        revision: the branch, made from ``main`` if it does not exist, or a pull request that does, as ``refs/pr/1``;
            ``main`` by default.
        private: who may see a new repository; as its owner has set by default. One that exists stays as it is.
        message: of the commit.
        token: a token that may write there; by default the one of ``hf auth login`` or ``HF_TOKEN``.
        endpoint: address of the Hub; by default that of ``HF_ENDPOINT``, or huggingface.co.

    Returns:
        The commit; the one that is there if nothing has changed.

    Raises:
        UnknownNameError: if there is no model of that name, and no such folder.
        WeightsIntegrityError: if the embedded weights are damaged.
        CheckpointError: if the folder holds no model that loads.
        InvalidOptionError: if the name of the repository is not one.
        HubError: if the Hub refuses or cannot be reached; its children say which.
    """
    entry = find_entry(name)
    if entry is None and not Path(name).is_dir():
        raise UnknownNameError("model", fspath(name), ENTRIES)
    if repo_id.count("/") != 1:
        raise InvalidOptionError("repo_id", repo_id, "a repository on the Hub, as owner/name")
    api = HfApi(endpoint=endpoint, token=token, library_name=LIBRARY)
    with TemporaryDirectory() as scratch:
        write_files(folder_files(Path(name)) if entry is None else all_files(entry), Path(scratch))
        if entry is None:
            _check_loads(fspath(name), Path(scratch))
        with hub_errors("push", repo_id):
            api.create_repo(repo_id, private=private, exist_ok=True)
            if revision is not None and not revision.startswith("refs/pr/"):
                api.create_branch(repo_id, branch=revision, exist_ok=True)
            return api.upload_folder(
                repo_id=repo_id,
                folder_path=scratch,
                revision=revision,
                commit_message=message
                or f"Add {Path(name).resolve().name if entry is None else entry.name} from fer-zoo",
            )


def pull(
    repo_id: str,
    destination: str | PathLike[str],
    *,
    revision: str | None = None,
    token: str | None = None,
    endpoint: str | None = None,
) -> Path:
    """Fetch a model from the Hub into a folder that ``from_pretrained`` and ``pipeline`` take.

    The weights are compared with the sha256 that the Hub reports, and the model is loaded once. The folder appears when
    all of that has worked, and not before.

    Args:
        repo_id: the repository as ``owner/name``.
        destination: the folder; it must not exist yet, or be empty.
        revision: branch, tag or commit; ``main`` by default.
        token: needed for private repositories; by default the one of ``hf auth login`` or ``HF_TOKEN``.
        endpoint: address of the Hub; by default that of ``HF_ENDPOINT``, or huggingface.co.

    Returns:
        The folder.

    Raises:
        InvalidOptionError: if the folder is in use, or the name of the repository is not one.
        HubError: if the Hub refuses or cannot be reached; its children say which.
        WeightsIntegrityError: if the weights are not those that the Hub reports.
        CheckpointError: if the repository holds no image classifier in safetensors that loads.
    """
    target = Path(destination).resolve()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise InvalidOptionError("destination", str(destination), "a folder that does not exist yet, or an empty one")
    api = HfApi(endpoint=endpoint, token=token, library_name=LIBRARY)
    with whole_folder(target) as folder:
        with hub_errors("pull", repo_id):
            info = api.model_info(repo_id, revision=revision, files_metadata=True)
            # By its commit: a branch could move in between, and its name would be noted in the user's cache.
            api.snapshot_download(repo_id, revision=info.sha, local_dir=folder, allow_patterns=list(PATTERNS))
        rmtree(folder / ".cache")  # the client's notes
        _check_weights(repo_id, folder, info.siblings or ())
        _check_loads(repo_id, folder)
    return target


def _check_weights(repo_id: str, folder: Path, reported: Iterable[RepoSibling]) -> None:
    """Compare the weights in a folder with what the Hub reports.

    Raises:
        WeightsIntegrityError: if a file has another sha256 than the Hub reports.
        CheckpointError: if there are no weights, or the Hub reports no sha256 for them.
    """
    expected = {file.rfilename: file.lfs.sha256 for file in reported if file.lfs is not None}
    paths = sorted(folder.rglob("*.safetensors"))
    if not paths:
        raise CheckpointError(f"The repository {repo_id!r} has no weights in safetensors; no other form is pulled.")
    for path in paths:
        name = path.relative_to(folder).as_posix()
        if name not in expected:
            raise CheckpointError(f"The Hub reports no sha256 for {name!r} of {repo_id!r}, so it cannot be checked.")
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != expected[name]:
            raise WeightsIntegrityError(f"{repo_id}/{name}", expected[name], found, "nothing was kept, pull it again")


def _check_loads(repo_id: str, folder: Path) -> None:
    """Load a model and its image processor once, without the network and without code from the folder.

    Raises:
        CheckpointError: if they do not load, the weights do not fill the model, or an index names other files.
    """
    check_weight_indices(repo_id, folder)
    try:
        _, report = AutoModelForImageClassification.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, use_safetensors=True, output_loading_info=True
        )
        AutoImageProcessor.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, *DAMAGE) as error:
        raise CheckpointError(f"The model of {repo_id!r} does not load: {error}") from error
    check_filled(repo_id, report["missing_keys"])


__all__ = ["pull", "push"]
