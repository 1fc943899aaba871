"""The models and detectors that the page offers, loaded once and used by one visitor at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from os import PathLike, fspath
from pathlib import Path
from threading import Lock
from typing import cast

import numpy as np
from numpy.typing import NDArray

from fer_zoo.detection import create_detector
from fer_zoo.errors import ImageReadError, ImageTooLargeError, InvalidOptionError, UnknownNameError
from fer_zoo.explain import METHODS, Method, explain_face, overlay
from fer_zoo.imaging import read_image
from fer_zoo.imaging.read import DEFAULT_MAX_PIXELS
from fer_zoo.pipelines import FaceExpressionPipeline, pipeline
from fer_zoo.registry import ENTRIES, ORGANIZATION
from fer_zoo.results import ImageResult

#: The detectors that come with the package.
EMBEDDED_DETECTORS = ("center_face", "whole_image")


@dataclass(frozen=True, slots=True, eq=False)
class PictureAnalysis:
    """A picture and what was found in it.

    Attributes:
        result: the faces, or the reason why the picture could not be read.
        picture: RGB, ``(H, W, 3)``; ``None`` if it could not be read.
    """

    result: ImageResult
    picture: NDArray[np.uint8] | None = None


class FaceAnalyzer:
    """Every combination of some models and detectors, ready to run.

    Args:
        models: published names or folders; a folder is shown by its own name.
        detectors: names of detectors, or ONNX files, which are shown by their own names; each must be able to run, so
            that no choice of the page fails.
        device: such as ``"cpu"`` or ``"cuda:1"``; by default the fastest that is there.
        max_pixels: largest accepted picture, in pixels.

    Raises:
        UnknownNameError: if there is no such model or detector.
        InvalidOptionError: if there is none at all, or two have the same name.
        MissingPackageError: if a package that a detector needs is not installed.
        WeightsNotFoundError: if a model or detector has no weights.
        CheckpointError: if a file is not a detector of the SCRFD family.
    """

    def __init__(
        self,
        models: Sequence[str | PathLike[str]] = ("mhan",),
        detectors: Sequence[str] = EMBEDDED_DETECTORS,
        *,
        device: str | None = None,
        max_pixels: int = DEFAULT_MAX_PIXELS,
    ) -> None:
        self.models = _unique("models", [shown_name(model) for model in models])
        self.detectors = _unique("detectors", [_detector_name(detector) for detector in detectors])
        self.max_pixels = max_pixels
        self._lock = Lock()  # transformers' pipelines and the hooks of Grad-CAM are not made for several threads
        self._pipelines: dict[tuple[str, str], FaceExpressionPipeline] = {}
        finders = {name: create_detector(detector) for name, detector in zip(self.detectors, detectors, strict=True)}
        for name, model in zip(self.models, models, strict=True):
            first = pipeline(model=model, detector=finders[self.detectors[0]], device=device)
            for detector, finder in finders.items():
                self._pipelines[name, detector] = pipeline(
                    model=first.model, image_processor=first.image_processor, detector=finder, device=first.device
                )

    def analyze(self, path: str | PathLike[str], name: str, model: str, detector: str) -> PictureAnalysis:
        """Find and classify the faces of a picture.

        Args:
            path: the file.
            name: what results and messages call it; the path, which belongs to the server, is not shown.
            model: one of those that the analyzer was made with.
            detector: one of those that the analyzer was made with.

        Raises:
            UnknownNameError: if there is no such model or detector.
        """
        self._choose(model, detector)
        try:
            picture = read_image(Path(path), max_pixels=self.max_pixels)
        except ImageTooLargeError as error:
            fact = error.reason.partition(";")[0]  # what follows is advice for whoever calls read_image
            shown = ImageTooLargeError(name, f"{fact}; make it smaller")
            return PictureAnalysis(ImageResult(name, error=str(shown)))
        except ImageReadError as error:
            return PictureAnalysis(ImageResult(name, error=str(ImageReadError(name, error.reason))))
        with self.use(model, detector) as pipe:
            result = pipe.analyze(picture)
        return PictureAnalysis(replace(result, source=name), picture)

    def explain(self, analysis: PictureAnalysis, model: str, detector: str, method: str) -> NDArray[np.uint8] | None:
        """Draw where the model looks on every face of an analysed picture.

        Args:
            analysis: from :meth:`analyze`.
            model: one of those that the analyzer was made with.
            detector: one of those that the analyzer was made with.
            method: ``"grad_cam"`` or ``"attention"``.

        Returns:
            The picture, RGB, ``(H, W, 3)``, with colours on the faces; ``None`` if there is no face.

        Raises:
            UnknownNameError: if there is no such model, detector or method.
            InvalidOptionError: if the model does not give what the method needs.
        """
        pipe = self._choose(model, detector)
        if method not in METHODS:
            raise UnknownNameError("method", method, METHODS)
        if analysis.picture is None or not analysis.result.faces:
            return None
        with self._lock:
            explanations = [
                explain_face(
                    pipe.model,
                    pipe.image_processor,
                    analysis.picture,
                    found.face,
                    method=cast(Method, method),
                    is_crop=pipe.detector.gives_crops,
                )
                for found in analysis.result.faces
            ]
        return overlay(analysis.picture, explanations)

    @contextmanager
    def use(self, model: str, detector: str) -> Iterator[FaceExpressionPipeline]:
        """Give a pipeline to one visitor alone.

        Args:
            model: one of those that the analyzer was made with.
            detector: one of those that the analyzer was made with.

        Raises:
            UnknownNameError: if there is no such model or detector.
        """
        pipe = self._choose(model, detector)
        with self._lock:
            yield pipe

    def _choose(self, model: str, detector: str) -> FaceExpressionPipeline:
        """Return the pipeline of a model and a detector.

        Raises:
            UnknownNameError: if the page does not offer one of them.
        """
        if model not in self.models:
            raise UnknownNameError("model", str(model), self.models)
        if detector not in self.detectors:
            raise UnknownNameError("detector", str(detector), self.detectors)
        return self._pipelines[model, detector]


def _detector_name(detector: str) -> str:
    """Return what the page calls a detector: of a file its own name, and not where it lies."""
    return Path(detector).name if detector.endswith(".onnx") else detector


def shown_name(model: str | PathLike[str]) -> str:
    """Return the name under which the page offers a model: of a folder its own name, not the path to it.

    Args:
        model: a published name, a folder, or a repository on the Hub.
    """
    name = fspath(model).removeprefix(f"{ORGANIZATION}/")
    return Path(name).resolve().name if name not in ENTRIES and Path(name).is_dir() else name


def _unique(option: str, names: list[str]) -> tuple[str, ...]:
    """Return the names.

    Raises:
        InvalidOptionError: if there is none, or one twice.
    """
    if not names or len(set(names)) < len(names):
        raise InvalidOptionError(option, names, "at least one, each with a name of its own")
    return tuple(names)


__all__ = ["EMBEDDED_DETECTORS", "FaceAnalyzer", "PictureAnalysis", "shown_name"]
