"""Every error that fer-zoo raises on purpose.

Each class is also the builtin that fits, so ``except ValueError`` and ``except ImportError`` work as expected. The
class writes its own message from what was given, what was expected and what to do next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import get_close_matches


class FerZooError(Exception):
    """Base of all errors of this package; they can be pickled, as data loader workers need."""

    def __reduce__(self) -> tuple[Callable[..., FerZooError], tuple[object, ...]]:
        """Rebuild the error from its message: the arguments that its class wrote it from are gone."""
        state = dict(self.__dict__)
        if isinstance(self, ImportError):
            state["name"] = self.name  # kept by the builtin, not in __dict__
        return _rebuild, (type(self), str(self), state)


def _rebuild(kind: type[FerZooError], message: str, state: dict[str, object]) -> FerZooError:
    """Make an error again without writing its message a second time."""
    base = OSError if issubclass(kind, OSError) else Exception  # they make their objects in ways of their own
    error = base.__new__(kind, message)
    error.args = (message,)
    for name, value in state.items():
        setattr(error, name, value)
    return error


class ImageReadError(FerZooError, ValueError):
    """An input could not be turned into an RGB picture.

    Attributes:
        source: the input as the user would recognise it: a path, a URL, or a description such as ``bytes (12 bytes)``.
        reason: what is wrong with it, as a clause without a full stop.
    """

    def __init__(self, source: str, reason: str) -> None:
        self.source = source
        self.reason = reason
        super().__init__(f"Cannot read image {source!r}: {reason}.")


class ImageNotFoundError(ImageReadError, FileNotFoundError):
    """The path of an image does not exist, or its URL cannot be reached."""

    def __str__(self) -> str:
        """Return the message; ``OSError`` would print the two arguments instead."""
        return f"Cannot read image {self.source!r}: {self.reason}."


class ImageTooLargeError(ImageReadError):
    """An image has more pixels, or a download more bytes, than the limit allows."""


class VideoReadError(FerZooError, ValueError):
    """An input is no video, or nothing of it can be decoded.

    Attributes:
        source: the input as the user would recognise it: a path, a URL, or ``camera 0``.
        reason: what is wrong with it, as a clause without a full stop.
    """

    def __init__(self, source: str, reason: str) -> None:
        self.source = source
        self.reason = reason
        super().__init__(f"Cannot read video {source!r}: {reason}.")


class VideoNotFoundError(VideoReadError, FileNotFoundError):
    """The path of a video does not exist, its URL cannot be reached, or there is no such camera."""

    def __str__(self) -> str:
        """Return the message; ``OSError`` would print the two arguments instead."""
        return f"Cannot read video {self.source!r}: {self.reason}."


class InvalidOptionError(FerZooError, ValueError):
    """An option has a value that it does not accept."""

    def __init__(self, option: str, value: object, expected: str) -> None:
        super().__init__(f"Invalid value {value!r} for {option}: expected {expected}.")


class ArgumentTypeError(InvalidOptionError, TypeError):
    """An argument is an object of another type than it should be."""

    def __init__(self, argument: str, value: object, expected: str) -> None:
        kind = f"type[{value.__name__}]" if isinstance(value, type) else type(value).__name__
        super(InvalidOptionError, self).__init__(f"Invalid type {kind!r} for {argument}: expected {expected}.")

    @classmethod
    def check(cls, argument: str, value: object, kind: type | tuple[type, ...], expected: str) -> None:
        """Raise the error for an argument of another type.

        Args:
            argument: its name.
            value: what was given for it.
            kind: the type, or several.
            expected: what to write instead, as a clause without a full stop.
        """
        if not isinstance(value, kind):
            raise cls(argument, value, expected)


class UnknownNameError(FerZooError, LookupError):
    """A name is not among those known, for example of a model, a detector or a label set.

    Args:
        kind: what it is the name of.
        name: the name.
        known: those that there are.
        reason: a clause for a name that could have been something else, such as a folder.
        remark: a last sentence.
    """

    def __init__(self, kind: str, name: str, known: Iterable[str], reason: str = "", remark: str = "") -> None:
        names = sorted(known)
        close = get_close_matches(name.lower(), names, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        detail = f": {reason}" if reason else ""
        super().__init__(f"Unknown {kind} {name!r}{detail}.{hint} Known: {', '.join(names)}.{remark and ' '}{remark}")


class LabelMappingError(FerZooError, ValueError):
    """An expression has no class in a label set."""

    def __init__(self, expression: str, label_set: str, classes: Iterable[str]) -> None:
        super().__init__(
            f"The label set {label_set!r} has no class for {str(expression)!r}. It has: "
            f"{', '.join(map(str, classes))}. Leave out the samples of that class, or choose a label set that has it."
        )


class MissingPackageError(FerZooError, ImportError):
    """An optional package is needed for what was asked."""

    def __init__(self, package: str, purpose: str, command: str) -> None:
        super().__init__(
            f"{purpose} needs the package {package!r}, which is not installed. Install it with: {command}", name=package
        )


class UnknownSettingError(FerZooError, LookupError):
    """A key of a configuration file or of ``--set`` is the name of no setting."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        close = get_close_matches(name, sorted(known), n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        super().__init__(f"Unknown setting {name!r}.{hint} The file run.yaml of any run shows what can be set.")


class RunFolderError(FerZooError, FileExistsError):
    """The folder of a training run holds something that a run must not write over unless it is told to."""

    def __init__(self, folder: str, found: str, advice: str) -> None:
        super().__init__(f"The folder {folder!r} {found}. {advice}")


class TrainingDataError(FerZooError, ValueError):
    """A data set cannot be trained on or measured with as it is."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason}. To see what a data set holds: fer-zoo data check KIND PATH")


class TrainingDivergedError(FerZooError, ArithmeticError):
    """A training run has weights that are infinite or not a number, of which nothing more can be learned."""

    def __init__(self, learning_rate: float, epoch: float | None) -> None:
        reached = "" if epoch is None else f", after {epoch:.4g} of its epochs"
        super().__init__(
            f"The training has diverged{reached}: some weights are no longer finite numbers. Begin anew (--restart) "
            f"with a lower training.learning_rate, which was {learning_rate:g}, a longer training.warmup_steps, or "
            "training.bf16 in the place of training.fp16."
        )


class CheckpointError(FerZooError, ValueError):
    """A checkpoint does not have the form that a converter or a model expects."""


class FusedModelError(FerZooError, RuntimeError):
    """A model in its inference form is asked for what only its original form can do."""

    def __init__(self, action: str) -> None:
        super().__init__(
            f"A fused model cannot be {action}. Load the model again with from_pretrained, and leave fuse() for later."
        )


class ExportedModelError(FerZooError, RuntimeError):
    """An exported model is asked for what only a model of torch can do."""

    def __init__(self, action: str) -> None:
        super().__init__(
            f"An exported model cannot be {action}: it only gives logits. Load the checkpoint that it was made from "
            "with the backend 'torch'."
        )


class ExportError(FerZooError, RuntimeError):
    """An exported network does not give the answers of its model."""

    def __init__(self, difference: str) -> None:
        super().__init__(
            f"The exported network is not the model: {difference}. Choose a higher precision; with fp32, this is a "
            "defect that is worth reporting."
        )


class WeightsNotFoundError(FerZooError, FileNotFoundError):
    """A weight file or a set of them is not there."""

    def __init__(self, name: str, advice: str) -> None:
        super().__init__(f"There are no weights {name!r}. {advice}")


class WeightsIntegrityError(FerZooError, ValueError):
    """A weight file does not have the checksum that was recorded for it."""

    def __init__(
        self, path: str, expected: str, found: str, advice: str = "reinstall the package that carries it"
    ) -> None:
        super().__init__(
            f"The weight file {path!r} has the sha256 {found}, expected {expected}. It is damaged or was replaced: "
            f"{advice}."
        )


class HubError(FerZooError, OSError):
    """The Hugging Face Hub did not do what was asked.

    Attributes:
        action: what was asked, as a verb: ``"push"`` or ``"pull"``.
        repo_id: the repository.
        reason: why it failed and what to do, as a clause without a full stop.
    """

    def __init__(self, action: str, repo_id: str, reason: str) -> None:
        self.action = action
        self.repo_id = repo_id
        self.reason = reason
        super().__init__(f"Cannot {action} {repo_id!r}: {reason}.")


class HubAccessError(HubError, PermissionError):
    """The token is wrong, or does not allow what was asked."""


class HubConnectionError(HubError, ConnectionError):
    """The Hub could not be reached, or a transfer broke off."""


class HubNotFoundError(HubError, FileNotFoundError):
    """The Hub has no such repository or revision, or does not show it to this token."""


class CacheConflictError(FerZooError, FileExistsError):
    """The cache of the Hub holds a model of the same name that was not put there by this package."""

    def __init__(self, repo_id: str, folder: str) -> None:
        super().__init__(
            f"The cache has {repo_id!r} from the Hub already, in {folder!r}, and it is left as it is. "
            f"To replace it by the embedded model, remove it first: hf cache rm model/{repo_id}"
        )


class WorkerError(FerZooError, RuntimeError):
    """Processes or threads that share a long job cannot go on with it."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The workers gave up: {reason}. What they finished is kept; the same call goes on.")


class DatasetLayoutError(FerZooError, FileNotFoundError):
    """A data set, or the split that was asked for, is not where it should be.

    Attributes:
        kind: the kind of data set that was expected.
        path: where it was looked for.
        problem: what is missing or wrong, as a clause without a full stop.
    """

    def __init__(self, kind: str, path: str, problem: str, layout: str, source: str) -> None:
        self.kind = kind
        self.path = path
        self.problem = problem
        tree = "\n".join(f"    {line}" for line in layout.splitlines())
        super().__init__(f"No data set {kind!r} in {path!r}: {problem}. It looks like this:\n{tree}\n{source}")


class AnnotationError(FerZooError, ValueError):
    """A row, file or folder that labels pictures cannot be used: it is broken, or its label is outside the set.

    Attributes:
        source: the file or folder.
        line: number of the line in it, from 1; ``None`` where the whole file is meant.
        reason: what is wrong, as a clause without a full stop.
    """

    def __init__(self, source: str, line: int | None, reason: str) -> None:
        self.source = source
        self.line = line
        self.reason = reason
        place = repr(source) if line is None else f"line {line} of {source!r}"
        super().__init__(f"Cannot use {place}: {reason}.")


class ResultFileError(FerZooError, ValueError):
    """A line of a file of results is no result.

    Attributes:
        source: the file.
        line: number of the line in it, from 1.
        reason: what is wrong, as a clause without a full stop.
    """

    def __init__(self, source: str, line: int, reason: str) -> None:
        self.source = source
        self.line = line
        self.reason = reason
        super().__init__(f"Cannot use line {line} of {source!r}: {reason}.")


class EmptyClassError(FerZooError, ValueError):
    """Classes of a label set have no sample, where each is needed."""

    def __init__(self, dataset: str, label_set: str, classes: Iterable[str]) -> None:
        super().__init__(
            f"The data set {dataset!r} has no sample of: {', '.join(map(str, classes))}. Add some, or translate it to "
            f"a label set without these classes, mapped_to(LabelSet(...)), instead of {label_set!r}."
        )


class DatasetWarning(FerZooError, UserWarning):  # noqa: N818 - a warning, though it can be raised as an error
    """A data set can be used, but is not as it was published or not as it was asked for."""


class FallbackWarning(FerZooError, UserWarning):  # noqa: N818 - a warning, though it can be raised as an error
    """A layer was told to use its fused kernels and cannot; it computes the same with PyTorch's own operations.

    Attributes:
        reason: what stands in the way, as a clause about the input.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(
            f"attn_implementation='fused' falls back to 'eager' for an input: {reason}. The answers are the same. "
            "Other inputs with this reason fall back without a word."
        )


class SmallerBatchWarning(FerZooError, RuntimeWarning):  # noqa: N818 - a warning, though it can be raised as an error
    """A batch did not fit into the memory, and is done in smaller ones."""

    def __init__(self, size: int, smaller: int, items: str) -> None:
        super().__init__(
            f"There is not enough memory for {size} {items} together; going on with {smaller} at a time. The answers "
            "are the same. A smaller batch_size saves the failed try."
        )
