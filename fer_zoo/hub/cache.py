"""Embedded models in the cache of the Hub, where plain transformers finds them without the network.

The cache has a folder for each repository: ``blobs`` with the contents, named by their hash; ``snapshots`` with a
folder of links for each commit; and ``refs`` with the commit that a branch stands for. The reference is written last,
and until then the model is not there for anyone.
"""

from __future__ import annotations

import hashlib
from os import PathLike
from pathlib import Path
from typing import Final

from huggingface_hub import constants
from huggingface_hub.file_download import are_symlinks_supported, repo_folder_name

from fer_zoo.errors import CacheConflictError
from fer_zoo.hub.files import WEIGHTS, all_files
from fer_zoo.registry import get_entry
from fer_zoo.whole_files import partial_path, write_whole

#: The reference that marks a snapshot as put there by this package.
OWN_REFERENCE: Final = "embedded"


def install(name: str, *, cache_dir: str | PathLike[str] | None = None) -> Path:
    """Put an embedded model into the cache of the Hub, so that ``from_pretrained("fer_zoo/mhan")`` finds it offline.

    Doing it again changes nothing, and after an upgrade of this package it brings the new weights.

    Args:
        name: the published model.
        cache_dir: the cache; by default that of ``HF_HUB_CACHE`` or ``HF_HOME``.

    Returns:
        The folder of the snapshot.

    Raises:
        UnknownNameError: if there is no model of that name.
        WeightsIntegrityError: if the embedded weights are damaged.
        CacheConflictError: if the cache has the model from the Hub, which is never overwritten.
    """
    entry = get_entry(name)
    cache = Path(constants.HF_HUB_CACHE if cache_dir is None else cache_dir).expanduser()
    folder = cache / repo_folder_name(repo_id=entry.repo_id, repo_type="model")
    files = all_files(entry)
    hashes = {file: _blob_name(file, content) for file, content in files.items()}
    commit = _commit_name(hashes)
    main, own = folder / "refs" / constants.DEFAULT_REVISION, folder / "refs" / OWN_REFERENCE
    if _read(main) not in {None, _read(own), commit}:
        raise CacheConflictError(entry.repo_id, str(folder))
    snapshot = folder / "snapshots" / commit
    snapshot.mkdir(parents=True, exist_ok=True)
    linked = are_symlinks_supported(cache)
    for file, content in files.items():
        if linked:
            _write(folder / "blobs" / hashes[file], content)
            _link(snapshot / file, Path("..", "..", "blobs", hashes[file]))
        else:
            _write(snapshot / file, content)
    for reference in (main, own):  # in this order: a stop in between leaves a main that is known as our own
        _write(reference, commit.encode())
    return snapshot


def _read(reference: Path) -> str | None:
    """Return the commit that a reference stands for, if there is one."""
    return reference.read_text(encoding="utf-8").strip() if reference.is_file() else None


def _blob_name(name: str, content: bytes) -> str:
    """Return what the Hub calls a content: the sha256 of a large file, the object name that git gives to others."""
    if name == WEIGHTS:
        return hashlib.sha256(content).hexdigest()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _commit_name(hashes: dict[str, str]) -> str:
    """Return a name in the form of a commit that depends on the files and nothing else."""
    text = "".join(f"{name} {value}\n" for name, value in sorted(hashes.items()))
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()


def _write(path: Path, content: bytes) -> None:
    """Write a file all at once, unless it has that content already."""
    if path.is_file() and path.read_bytes() == content:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, content)


def _link(path: Path, target: Path) -> None:
    """Make a link all at once, unless it is there already."""
    if path.is_symlink() and path.readlink() == target:
        return
    partial = partial_path(path)
    try:
        partial.symlink_to(target)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


__all__ = ["install"]
