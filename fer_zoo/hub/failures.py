"""From the errors of the Hub's client to those of this package."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from huggingface_hub import constants
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
    XetDownloadError,
)

from fer_zoo.errors import (
    CheckpointError,
    FerZooError,
    HubAccessError,
    HubConnectionError,
    HubError,
    HubNotFoundError,
    InvalidOptionError,
)

OFFLINE = "HF_HUB_OFFLINE is set; unset it to use the network"
LOG_IN = "log in with 'hf auth login' or set HF_TOKEN"

#: Base class of what the client's transport raises, whichever package that is: httpx in version 1, httpx2 in 2.
TRANSPORT_ERROR: type[Exception] = HfHubHTTPError.__bases__[0]

#: What the client raises on purpose. RuntimeError wraps what went wrong while a large file was sent.
CLIENT_ERRORS = (TRANSPORT_ERROR, XetDownloadError, OSError, ValueError, RuntimeError)

#: The first that fits counts: a gated repository is also one that was not found.
REASONS: tuple[tuple[type[Exception], type[HubError], str], ...] = (
    (RevisionNotFoundError, HubNotFoundError, "the repository has no such revision"),
    (GatedRepoError, HubAccessError, f"its owner gives access on request; ask for it on its page, then {LOG_IN}"),
    (
        RepositoryNotFoundError,
        HubNotFoundError,
        f"there is no such repository, or it is private; check the name, and for a private one {LOG_IN}",
    ),
    (OfflineModeIsEnabled, HubConnectionError, OFFLINE),
)

REFUSALS = {
    401: f"the Hub did not accept the token, or asks for one; {LOG_IN}",
    403: f"the token does not allow it; {LOG_IN}, with a token that does",
}


@contextmanager
def hub_errors(action: str, repo_id: str) -> Iterator[None]:
    """Turn what the client raises into an error that says what to do.

    Args:
        action: what is asked of the Hub, as a verb.
        repo_id: the repository.

    Raises:
        InvalidOptionError: if the name of the repository is not one.
        HubNotFoundError: if the repository or the revision does not exist or is hidden.
        HubAccessError: if the token is refused.
        HubConnectionError: if the Hub cannot be reached or a transfer breaks off.
        HubError: if the Hub answers with any other error.
    """
    try:
        yield
    except HFValidationError as error:
        raise InvalidOptionError("repo_id", repo_id, "a repository on the Hub, as owner/name") from error
    except CLIENT_ERRORS as error:
        if isinstance(error, OSError) and error.errno is not None:
            raise  # of the disk: the client's own have no number
        kind, reason = _explain(_root(error))
        raise kind(action, repo_id, reason) from error


@contextmanager
def loading_errors(name: str) -> Iterator[None]:
    """Turn a failure of transformers to load a model into an error that says whether a folder of that name is there.

    Args:
        name: what :func:`fer_zoo.registry.resolve_model` returned.

    Raises:
        CheckpointError: if the folder or the repository is there and holds no model.
        HubNotFoundError: if the repository or the revision does not exist or is hidden.
        HubAccessError: if the token is refused.
        HubConnectionError: if the Hub cannot be reached.
        HubError: if the Hub answers with any other error.
    """
    if Path(name).is_dir() and not Path(name, "config.json").is_file():
        raise CheckpointError(f"The folder {name!r} holds no model: it has no 'config.json'.")
    try:
        yield
    except ValueError as error:
        if isinstance(error, FerZooError) or "model_type" not in str(error):
            raise
        raise CheckpointError(f"{name!r} holds no model: its 'config.json' names no known 'model_type'.") from error
    except OSError as error:
        if isinstance(error, FerZooError) or error.errno is not None or Path(name).is_dir():
            raise
        if error.__cause__ is None:  # the repository is there, but holds no model
            kind, reason = HubError, str(error).splitlines()[0].rstrip(".")
        else:
            kind, reason = _explain(_root(error.__cause__))
        raise kind("load", name, f"there is no such folder here, and from the Hub: {reason}") from error


def _root(error: BaseException) -> BaseException:
    """Return what the client wrapped: it reports a failed upload, and a Hub out of reach, by other errors."""
    while isinstance(error, (RuntimeError, LocalEntryNotFoundError)) and error.__cause__ is not None:
        error = error.__cause__
    return error


def _explain(error: BaseException) -> tuple[type[HubError], str]:
    """Return the class of the error and its reason."""
    for cause, kind, reason in REASONS:
        if isinstance(error, cause):
            return kind, reason
    if isinstance(error, HfHubHTTPError):
        status = error.response.status_code
        if status in REFUSALS:
            return HubAccessError, REFUSALS[status]
        return HubError, " ".join(f"the Hub answered {status} {error.server_message or ''}".split())
    if isinstance(error, LocalEntryNotFoundError) and constants.HF_HUB_OFFLINE:
        return HubConnectionError, OFFLINE
    text = (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
    if isinstance(error, (TRANSPORT_ERROR, XetDownloadError, OSError)):
        return HubConnectionError, f"the connection failed ({text})"
    return HubError, text


__all__ = ["hub_errors", "loading_errors"]
