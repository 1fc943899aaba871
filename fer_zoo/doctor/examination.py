"""Everything that is worth knowing before a question is asked."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from os import PathLike
from typing import Any

from fer_zoo.doctor.backends import Backends, find_backends
from fer_zoo.doctor.hints import Hint
from fer_zoo.doctor.hub_state import HubState, find_hub_state
from fer_zoo.doctor.label_order import check_label_order
from fer_zoo.doctor.machine import Machine, find_machine
from fer_zoo.doctor.packages import PackageStatus, find_packages, find_python, own_version
from fer_zoo.doctor.picture import PictureExamination, examine_picture
from fer_zoo.doctor.self_test import SelfTest, run_self_test
from fer_zoo.doctor.weights import WeightsStatus, check_weights
from fer_zoo.errors import FerZooError, InvalidOptionError, UnknownNameError
from fer_zoo.labels import Expression
from fer_zoo.pipelines import DEFAULT_MODEL, FaceExpressionPipeline, pipeline
from fer_zoo.registry import find_entry


@dataclass(frozen=True, slots=True)
class Examination:
    """What was found.

    Attributes:
        version: of fer-zoo.
        python: such as ``CPython 3.12.4``.
        packages: those that fer-zoo can use.
        machine: processor and accelerators.
        backends: what runs networks, and the choice among it.
        hub: whether the network may be asked, and where files are kept.
        weights: the embedded files with their checksums.
        self_test: the embedded picture.
        model_hints: remarks about the model; empty if it cannot be loaded.
        picture: the picture that was given, or ``None``.
    """

    version: str
    python: str
    packages: tuple[PackageStatus, ...]
    machine: Machine
    backends: Backends
    hub: HubState
    weights: tuple[WeightsStatus, ...]
    self_test: SelfTest
    model_hints: tuple[Hint, ...] = ()
    picture: PictureExamination | None = None

    @property
    def is_sound(self) -> bool:
        """Whether the weights are unchanged, the self-test went well, and the given picture could be read."""
        is_readable = self.picture is None or self.picture.is_sound
        return all(file.is_sound for file in self.weights) and self.self_test.is_sound and is_readable

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, ready for JSON."""
        values = {**asdict(self), "is_sound": self.is_sound}
        if self.picture is not None:
            values["picture"]["result"] = self.picture.result.to_dict()
        return values


def examine(
    image: str | PathLike[str] | None = None,
    *,
    expected: Expression | None = None,
    model: str | PathLike[str] = DEFAULT_MODEL,
    **options: Any,
) -> Examination:
    """Look at the installation, and at a picture.

    Args:
        image: path of a picture that gives strange answers.
        expected: what its surest face shows, if that is known.
        model: as for :func:`fer_zoo.pipelines.pipeline`.
        **options: further ones of :func:`fer_zoo.pipelines.pipeline`, such as ``detector``, ``device`` and ``backend``.

    Raises:
        UnknownNameError: if there is no such model, detector or backend.
        InvalidOptionError: if an option is out of its range. Whatever else is wrong is part of the answer.
    """
    entry = find_entry(model)
    pipe = _make_pipeline(model, options)
    model_hints: tuple[Hint, ...] = ()
    picture = None
    if isinstance(pipe, SelfTest):
        self_test = pipe
    else:
        self_test = run_self_test(pipe, is_published=entry is not None)
        published = None if entry is None else entry.label_set
        model_hints = (check_label_order(pipe.model.config.id2label, published),)
        picture = None if image is None else examine_picture(pipe, image, expected=expected)
    return Examination(
        version=own_version(),
        python=find_python(),
        packages=find_packages(),
        machine=find_machine(),
        backends=find_backends(),
        hub=find_hub_state(),
        weights=check_weights(),
        self_test=self_test,
        model_hints=model_hints,
        picture=picture,
    )


def _make_pipeline(model: str | PathLike[str], options: dict[str, Any]) -> FaceExpressionPipeline | SelfTest:
    """Return the pipeline, or the self-test that failed because there is none."""
    try:
        return pipeline(model=model, **options)
    except (UnknownNameError, InvalidOptionError):
        raise
    except (FerZooError, ImportError, OSError, RuntimeError, ValueError) as error:
        return SelfTest(error=str(error))


__all__ = ["Examination", "examine"]
