"""A picture in, every face's expression out."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from os import PathLike, fspath
from pathlib import Path
from typing import Any, overload

import numpy as np
import torch
from numpy.typing import NDArray
from transformers.pipelines.base import ChunkPipeline

from fer_zoo.detection import FaceDetector, create_detector
from fer_zoo.errors import FerZooError, InvalidOptionError
from fer_zoo.export import convert_for_backend
from fer_zoo.imaging.align import has_extent
from fer_zoo.imaging.read import ImageSource, describe_source
from fer_zoo.models import ExportedForImageClassification
from fer_zoo.models.evaluating import classify, evaluating
from fer_zoo.models.temperature import apply_temperature
from fer_zoo.pipelines.backend import TORCH, CompiledModel, choose_backend
from fer_zoo.pipelines.call_options import CallOptions
from fer_zoo.pipelines.detected import DetectedPicture
from fer_zoo.pipelines.inputs import Images, ImageStream, is_single, load_input, picture_of, stream_inputs
from fer_zoo.pipelines.memory import BatchSplitter
from fer_zoo.pipelines.rows import FaceRow, to_rows
from fer_zoo.ranges import check_counts
from fer_zoo.results import Face, FaceExpression, ImageResult
from fer_zoo.runtime import RuntimeOptions
from fer_zoo.runtime.devices import check_device
from fer_zoo.whole_files import whole_folder

#: How many faces run through the model together where no more pictures have to be awaited.
DEFAULT_BATCH_SIZE = 16

#: A picture of a usual shape, for the first run of detectors.
WARM_UP_SHAPE = (480, 640, 3)


class FaceExpressionPipeline(CallOptions, ChunkPipeline):
    """Find, align and classify the faces of pictures.

    ``pipe(pictures)`` gives plain Python values as pipelines of transformers do, :meth:`analyze` gives the frozen
    results that they are made from.

    Args:
        detector: ``"center_face"`` (the default), ``"scrfd"``, ``"whole_image"`` for pictures that are face crops
            already, or any object that follows :class:`fer_zoo.detection.FaceDetector`.
        top_k: how many entries ``scores`` has; all of them by default.
        threshold: faces that the detector is less sure of are left out, in [0, 1].
        calibrated: whether the probabilities are those after dividing by the model's temperature; true by default.
        min_confidence: expressions whose probability is below are marked as uncertain, in [0, 1]; 0 by default.
        on_error: what to do with a picture that cannot be read: ``"raise"`` or ``"skip"``.
        max_pixels: pictures with more pixels are refused.
        timeout: seconds to wait for a picture from a URL.
        allow_private_hosts: whether URLs may lead to hosts with loopback, private and other addresses that are not
            public; true by default. Switch it off where the URLs come from strangers.
        batch_size: how many faces run through the model together, whichever pictures they come from; by default 16, and
            1 for pictures that come one after the other from a data set or generator. Where memory is short, fewer do,
            with a :class:`~fer_zoo.errors.SmallerBatchWarning`.
        backend: what runs the classifier, and the detector where it is given by name: ``"torch"`` (the default),
            ``"onnxruntime"``, ``"openvino"``, or ``"auto"`` for what is usually fastest: torch on a GPU, else OpenVINO
            where it is installed, else torch. The first use of a model with another backend than torch converts it,
            some seconds of work; the result is kept below ``HF_HOME``.
        threads: CPU threads; for torch they count for the whole process. By default as many as the backend takes.
        precision: in which numbers OpenVINO computes: ``"fp32"`` (the default) or ``"bf16"``, about twice as fast on
            processors that have it. For torch there is ``dtype``.
        compile: whether torch compiles the model (``torch.compile``, on a GPU with CUDA graphs) for batches of 1, 2, 4,
            8 and so on, to which others are filled up; or the options of ``torch.compile`` as a dictionary. Takes
            minutes at the first use of each size.
        flip: whether the mirror image of each crop runs through the model too: the probabilities are the mean of both,
            for twice the time of the model.
        **kwargs: those of every pipeline: ``model``, ``image_processor``, ``device``, ``dtype``…

    Raises:
        InvalidOptionError: if an option is out of its range, torch does not find the device, or the image processor
            cannot cut faces out.
        UnknownNameError: if there is no detector or option of that name.
        MissingPackageError: if a package that the detector needs is not installed.
    """

    model: Any  # of the base class, which has no types
    device: Any

    _load_tokenizer = False
    _load_feature_extractor = False
    _load_processor = False
    _load_video_processor = False
    _load_image_processor = True

    def __init__(
        self,
        *args: Any,
        detector: str | FaceDetector = "center_face",
        top_k: int | None = None,
        backend: str | None = None,
        threads: int | None = None,
        precision: str | None = None,
        compile: bool | dict[str, Any] = False,
        flip: bool = False,
        **kwargs: Any,
    ) -> None:
        check_counts(top_k=top_k, batch_size=kwargs.get("batch_size"))
        if not isinstance(kwargs.get("model"), ExportedForImageClassification):  # which torch does not run
            check_device(kwargs.get("device"))
        super().__init__(*args, **kwargs)
        if not hasattr(self.image_processor, "crop_faces"):
            raise InvalidOptionError(
                "image_processor",
                type(self.image_processor).__name__,
                "a FerImageProcessor, which cuts faces out, with the size and the normalisation of the model",
            )
        self.top_k = top_k
        self.flip = flip
        self._process = os.getpid()
        self.model.eval()
        options = RuntimeOptions(threads, precision)
        self.backend = choose_backend(self.model, self.device, backend, options)
        if self.backend != TORCH:
            if not isinstance(self.model, ExportedForImageClassification):
                self.model = convert_for_backend(self.model, self.image_processor, self.backend, options)
            self.device = self.model.device  # of what goes in and comes out
        self.detector = create_detector(detector, backend=self.backend, options=options)
        self._compiled = CompiledModel(self.model, compile) if compile else None
        self._face_batches, self._picture_batches = BatchSplitter("faces"), BatchSplitter("pictures")
        if self.backend != TORCH:
            self.warm_up(with_detector=isinstance(detector, str))

    @overload
    def __call__(
        self, inputs: ImageSource | Mapping[str, Any], *, top_k: int | None = None, **options: Any
    ) -> list[FaceRow]: ...

    @overload
    def __call__(self, inputs: Images, *, top_k: int | None = None, **options: Any) -> list[list[FaceRow]]: ...

    @overload
    def __call__(self, inputs: ImageStream, *, top_k: int | None = None, **options: Any) -> Iterator[list[FaceRow]]: ...

    def __call__(
        self, inputs: Any, *, top_k: int | None = None, **options: Any
    ) -> list[FaceRow] | list[list[FaceRow]] | Iterator[list[FaceRow]]:
        """Classify the faces of one or many pictures.

        Args:
            inputs: one picture (path, URL, bytes, file, PIL, array ``(H, W, 3)`` in RGB, tensor ``(3, H, W)``, or a row
                of a data set with the key ``image``), a list or tuple of them, or a data set or generator, which is
                read as results are taken from it.
            top_k: how many entries ``scores`` has; by default as for the class.
            **options: ``threshold``, ``calibrated``, ``min_confidence``, ``on_error``, ``max_pixels``, ``timeout``,
                ``allow_private_hosts`` and ``batch_size`` as for the class, for this call only.

        Returns:
            for one picture, a list with one row for each face, empty if there is none; for a list, a list of such
            lists; for a data set or generator, an iterator over them. A row has ``label``, ``score`` in [0, 1],
            ``uncertain`` (whether the score is below ``min_confidence``), ``scores`` (best first, each with ``label``
            and ``score``), ``box`` (``xmin``, ``ymin``, ``xmax``, ``ymax`` in pixels), ``landmarks`` (five points in
            pixels or ``None``) and ``face_score`` in [0, 1]. With ``on_error="skip"`` the list of a picture that cannot
            be read has one row ``{"error": reason}``.

        Raises:
            ImageReadError: if a picture cannot be read and ``on_error`` is ``"raise"``.
            UnknownNameError: if there is no such option.
            InvalidOptionError: if an option is out of its range, or is one for making the pipeline, such as ``flip``.
        """
        check_counts(top_k=top_k)
        top_k = self.top_k if top_k is None else top_k
        results = self.analyze(inputs, **options)
        if isinstance(results, ImageResult):
            return to_rows(results, top_k)
        if isinstance(results, list):
            return [to_rows(result, top_k) for result in results]
        return (to_rows(result, top_k) for result in results)

    @overload
    def analyze(self, inputs: ImageSource | Mapping[str, Any], **options: Any) -> ImageResult: ...

    @overload
    def analyze(self, inputs: Images, **options: Any) -> list[ImageResult]: ...

    @overload
    def analyze(self, inputs: ImageStream, **options: Any) -> Iterator[ImageResult]: ...

    def analyze(self, inputs: Any, **options: Any) -> ImageResult | list[ImageResult] | Iterator[ImageResult]:
        """Classify the faces of one or many pictures, as frozen results.

        Args:
            inputs: as for calling the pipeline.
            **options: as for calling the pipeline, without ``top_k``: the results have all scores.

        Returns:
            one result, a list of results, or an iterator over them, as for calling the pipeline.
        """
        check_counts(batch_size=options.get("batch_size"))
        # Pictures that are all there can wait for each other; those of a stream may come one a second.
        if is_single(inputs) or isinstance(inputs, list | tuple):
            options.setdefault("batch_size", self._batch_size or DEFAULT_BATCH_SIZE)
        if is_single(inputs):
            single: ImageResult = super().__call__([inputs], **options)[0]
            return single
        if isinstance(inputs, list | tuple):
            several: list[ImageResult] = super().__call__(list(inputs), **options) if inputs else []
            return several
        stream: Iterator[ImageResult] = iter(super().__call__(stream_inputs(inputs), **options))
        return stream

    def find_faces(
        self, images: Sequence[NDArray[np.uint8]], *, threshold: float | None = None
    ) -> list[tuple[Face, ...]]:
        """Return the faces of each picture that the detector is sure enough of, the surest first.

        A face whose box or landmarks are a single point cannot be cut out, and is left out.

        Args:
            images: RGB, each ``(H, W, 3)``.
            threshold: as for the class; by default what it was given.
        """
        lowest = self.threshold if threshold is None else threshold
        parts = self._picture_batches.run(images, self.detector.detect)
        return [
            tuple(face for face in faces if face.score >= lowest and has_extent(face))
            for part in parts
            for faces in part
        ]

    def classify_faces(
        self,
        images: Sequence[NDArray[np.uint8]],
        faces: Sequence[Sequence[Face]],
        *,
        batch_size: int = DEFAULT_BATCH_SIZE,
        min_confidence: float | None = None,
    ) -> list[tuple[FaceExpression, ...]]:
        """Classify faces whose places are known, batched across the pictures.

        Args:
            images: RGB, each ``(H, W, 3)``.
            faces: those of each picture.
            batch_size: how many run through the model together.
            min_confidence: as for the class; by default what it was given.

        Returns:
            the expressions of each picture, in the order of its faces.

        Raises:
            InvalidOptionError: if an option is out of its range, or a face has no extent.
        """
        check_counts(batch_size=batch_size)
        crops = [crop for image, found in zip(images, faces, strict=True) for crop in self._crops(image, found)]
        logits: list[torch.Tensor] = []
        with torch.inference_mode():
            for start in range(0, len(crops), batch_size):
                pixel_values = self._pixel_values(crops[start : start + batch_size]).to(self.device)
                logits.extend(self._logits(pixel_values).cpu().split(1))
        rows = iter(logits)
        lowest = self.min_confidence if min_confidence is None else min_confidence
        return [tuple(self._expression(face, next(rows), self.calibrated, lowest) for face in found) for found in faces]

    def save_pretrained(self, save_directory: str | PathLike[str], **kwargs: Any) -> None:
        """Write the model and its image processor into a folder that every pipeline and Auto class loads.

        The base class would also copy this module there, and loading would then ask for ``trust_remote_code``.

        Args:
            save_directory: the folder; made if it does not exist.
            **kwargs: passed on to the ``save_pretrained`` of the model and the image processor.

        Raises:
            InvalidOptionError: if there is a file of that name.
        """
        if Path(save_directory).is_file():
            raise InvalidOptionError("save_directory", fspath(save_directory), "a folder, this is a file")
        if kwargs.get("push_to_hub"):
            kwargs.setdefault("repo_id", Path(save_directory).name)  # as transformers names it after the folder
        with whole_folder(save_directory) as partial:
            self.model.save_pretrained(partial, **kwargs)
            self.image_processor.save_pretrained(partial, **kwargs)

    def preprocess(
        self,
        inputs: Any,
        threshold: float = 0.0,
        on_error: str = "raise",
        **reading: Any,
    ) -> Iterator[dict[str, Any]]:
        """Yield one chunk for each face of a picture, and a blank one where there is none.

        A picture without any chunk would be lost.
        """
        if isinstance(inputs, DetectedPicture):
            detected = inputs
        else:
            source = picture_of(inputs)
            picture = load_input(source, **reading)
            detected = self.detect([(describe_source(source), picture)], threshold=threshold)[0]
        result = detected.result
        if detected.failure is not None:
            if on_error == "raise":
                raise detected.failure
            result = replace(result, error=str(detected.failure))
        if not detected.faces:
            yield self._blank_chunk(result)
            return
        pixel_values = self._pixel_values(detected.crops)
        for i, face in enumerate(detected.faces):
            yield _chunk(pixel_values[i : i + 1], face, result, is_last=i == len(detected.faces) - 1)

    def detect(
        self, pictures: Sequence[tuple[str, NDArray[np.uint8] | FerZooError]], *, threshold: float | None = None
    ) -> list[DetectedPicture]:
        """Find the faces of pictures and cut them out as the model expects them.

        This is the first half of what the pipeline does. It takes the second half from :meth:`analyze`, which accepts
        what this returns in place of pictures, in a generator.

        Args:
            pictures: each a name for results, and the picture ``(H, W, 3)`` in RGB or why there is none. The detector
                gets all of them in one call, so that it can work on those of equal size together.
            threshold: as for the class; by default what it was given.
        """
        images = [image for _, image in pictures if not isinstance(image, FerZooError)]
        found = iter(self.find_faces(images, threshold=threshold) if images else [])
        return [
            DetectedPicture(ImageResult(source), failure=image)
            if isinstance(image, FerZooError)
            else self._cut_out(ImageResult(source, image.shape[1], image.shape[0]), image, next(found))
            for source, image in pictures
        ]

    def _forward(self, model_inputs: dict[str, Any]) -> dict[str, Any]:
        """Classify the chunks that have a face."""
        has_face = model_inputs.pop("has_face")
        pixel_values = model_inputs.pop("pixel_values")
        logits = pixel_values.new_zeros(len(pixel_values), 1 + self.flip, self.model.config.num_labels)
        if has_face.any():
            logits[has_face] = self._logits(pixel_values[has_face])
        return {"logits": logits, **model_inputs}

    def postprocess(
        self, model_outputs: list[dict[str, Any]], calibrated: bool = True, min_confidence: float = 0.0
    ) -> ImageResult:
        """Put the faces of a picture together again."""
        result: ImageResult = model_outputs[0]["result"]
        faces = tuple(
            self._expression(output["face"], output["logits"], calibrated, min_confidence)
            for output in model_outputs
            if output["face"] is not None
        )
        return ImageResult(result.source, result.width, result.height, faces, result.error)

    def warm_up(self, *, with_detector: bool) -> None:
        """Run the networks once on a blank picture, so that the first real one does not wait for their preparation.

        Args:
            with_detector: whether the detector is run too.
        """
        size = self.image_processor.size
        with torch.inference_mode():
            self._logits(torch.zeros(1, 3, size["height"], size["width"]))
        if with_detector:
            self.detector.detect([np.zeros(WARM_UP_SHAPE, np.uint8)])

    @property
    def provider(self) -> str:
        """What computes the logits, such as ``cuda:0`` for torch or ``CPU (bf16)`` for OpenVINO."""
        if isinstance(self.model, ExportedForImageClassification):
            return self.model.network.provider
        return str(self.device)

    def _logits(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """Return ``(B, V, K)`` for ``(B, 3, H, W)``: V is 1, or 2 with the mirror image."""
        self._do_without_lost_threads()
        classify_view = self._compiled or partial(classify, self.model)

        def classify_views(part: torch.Tensor) -> torch.Tensor:
            views = [part, part.flip(-1)] if self.flip else [part]
            return torch.stack([classify_view(view) for view in views], dim=1)

        # whoever trains the model beside the pipeline has put it in the other mode
        with evaluating(self.model) if self.model.training else nullcontext():
            return torch.cat(self._face_batches.run(pixel_values, classify_views))

    def _do_without_lost_threads(self) -> None:
        """Compute with one thread in a forked process: the others stayed behind, and torch would wait for them."""
        if os.getpid() != self._process:
            torch.set_num_threads(1)
            self._process = os.getpid()

    def _expression(self, face: Face, logits: torch.Tensor, calibrated: bool, min_confidence: float) -> FaceExpression:
        """Turn the logits ``(1, V, K)`` of a face into its expression."""
        scores = apply_temperature(logits.float(), self.model.config, calibrated=calibrated)
        probabilities = scores.softmax(dim=-1).mean(dim=1)[0].tolist()
        id2label = self.model.config.id2label
        ranked = sorted(((id2label[i], score) for i, score in enumerate(probabilities)), key=lambda pair: -pair[1])
        return FaceExpression(face, tuple(ranked), is_uncertain=ranked[0][1] < min_confidence)

    def _cut_out(self, result: ImageResult, image: NDArray[np.uint8], faces: tuple[Face, ...]) -> DetectedPicture:
        """Return the crops of a picture's faces, or why there are none."""
        try:
            return DetectedPicture(result, faces, tuple(self._crops(image, faces)))
        except FerZooError as error:  # a box without any extent
            return DetectedPicture(result, failure=error)

    def _crops(self, image: NDArray[np.uint8], faces: Sequence[Face]) -> list[NDArray[np.uint8]]:
        """Return one crop for each face; the picture itself if it is one already."""
        if self.detector.gives_crops:
            return [image] * len(faces)
        crops: list[NDArray[np.uint8]] = self.image_processor.crop_faces(image, faces)
        return crops

    def _pixel_values(self, crops: Sequence[NDArray[np.uint8]]) -> torch.Tensor:
        """Return ``(B, 3, H, W)`` in the model's type."""
        self._do_without_lost_threads()
        features = self.image_processor(list(crops), return_tensors="pt", input_data_format="channels_last")
        pixel_values: torch.Tensor = features["pixel_values"]
        return pixel_values.to(self.dtype)

    def _blank_chunk(self, result: ImageResult) -> dict[str, Any]:
        """Return the chunk of a picture without a face."""
        size = self.image_processor.size
        return _chunk(torch.zeros(1, 3, size["height"], size["width"], dtype=self.dtype), None, result, is_last=True)


def _chunk(pixel_values: torch.Tensor, face: Face | None, result: ImageResult, *, is_last: bool) -> dict[str, Any]:
    """Return one chunk; the base class collates tensors by joining them and everything else into lists."""
    return {
        "pixel_values": pixel_values,
        "has_face": torch.tensor([face is not None]),
        "face": face,
        "result": result,
        "is_last": is_last,
    }


__all__ = ["FaceExpressionPipeline"]
