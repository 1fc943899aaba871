"""From pictures to expressions: the task ``face-expression``; from any number of files to one table; and to crops."""

from __future__ import annotations

from contextlib import ExitStack
from os import PathLike
from pathlib import Path
from typing import Any

import transformers
from huggingface_hub.errors import StrictDataclassError
from safetensors import SafetensorError
from transformers import AutoConfig, PreTrainedModel
from transformers.pipelines import PIPELINE_REGISTRY

from fer_zoo.detection import FaceDetector
from fer_zoo.errors import ArgumentTypeError, InvalidOptionError, UnknownNameError
from fer_zoo.export import is_exported, load_exported
from fer_zoo.hub.failures import loading_errors
from fer_zoo.models.auto import AutoModelWithMissingKeys
from fer_zoo.models.checkpoint_errors import check_filled, checkpoint_errors
from fer_zoo.models.loading_options import check_loading_options
from fer_zoo.pipelines.batch import analyze_files
from fer_zoo.pipelines.crop_report import CroppedFace, CropRow, CropSummary, read_crop_report
from fer_zoo.pipelines.crops import crop_folder
from fer_zoo.pipelines.detected import DetectedPicture
from fer_zoo.pipelines.face_cropper import FaceChoice, FaceCropper
from fer_zoo.pipelines.face_expression import FaceExpressionPipeline
from fer_zoo.pipelines.groups import AnalysisOptions
from fer_zoo.pipelines.ray_data import RayResources, analyze_files_with_ray
from fer_zoo.pipelines.result_store import BatchSummary
from fer_zoo.pipelines.rows import to_rows
from fer_zoo.registry import get_entry, load_image_processor, resolve_model
from fer_zoo.runtime import RuntimeOptions
from fer_zoo.runtime.devices import check_device

TASK = "face-expression"
DEFAULT_MODEL = "mhan"

#: What the files of a folder can be blamed for; the options of the caller bring about other errors.
OF_FOLDERS = (StrictDataclassError, SafetensorError, ValueError, LookupError, AttributeError)


def register_pipelines() -> None:
    """Make the task known to ``transformers.pipeline``; doing it again changes nothing."""
    if TASK not in PIPELINE_REGISTRY.supported_tasks:
        PIPELINE_REGISTRY.register_pipeline(
            TASK,
            pipeline_class=FaceExpressionPipeline,
            pt_model=AutoModelWithMissingKeys,
            default={"model": (str(get_entry(DEFAULT_MODEL).folder), "main")},
            type="image",
        )


def pipeline(
    task: str = TASK,
    model: str | PathLike[str] | PreTrainedModel = DEFAULT_MODEL,
    *,
    detector: str | FaceDetector = "center_face",
    revision: str | None = None,
    backend: str | None = None,
    threads: int | None = None,
    precision: str | None = None,
    **options: Any,
) -> FaceExpressionPipeline:
    """Make a pipeline that finds, aligns and classifies the faces of pictures.

    Published models come out of this package and need no network: ``"mhan"`` and ``"fer_zoo/mhan"`` are the same. Other
    names, and any name with a ``revision``, are fetched from the Hub; a folder is read as it is.

    Args:
        task: ``"face-expression"``.
        model: a published name, a folder with a checkpoint or an export, a repository on the Hub, or a model (then pass
            ``image_processor`` too).
        detector: ``"center_face"``, ``"scrfd"``, ``"whole_image"`` for pictures that are face crops already, or a
            detector.
        revision: branch, tag or commit on the Hub.
        backend: ``"torch"``, ``"onnxruntime"``, ``"openvino"`` or ``"auto"``, as in
            :class:`~fer_zoo.pipelines.FaceExpressionPipeline`; by default torch, and for an export the library of its
            format.
        threads: CPU threads, by default as many as the backend takes.
        precision: in which numbers OpenVINO computes, ``"fp32"`` (the default) or ``"bf16"``.
        **options: those of ``transformers.pipeline`` (``device``, ``dtype``, ``batch_size``…) and of
            :class:`~fer_zoo.pipelines.FaceExpressionPipeline` (``top_k``, ``threshold``, ``min_confidence``…).

    Raises:
        UnknownNameError: if the task, the model, the detector or an option is not known.
        ArgumentTypeError: if the task, the model or the detector is no such object; a class is no detector.
        InvalidOptionError: if an option is out of its range, a model comes without its image processor, an image
            processor cannot cut faces out, torch does not find the device, or an export cannot run on it.
        WeightsNotFoundError: if the model is an architecture without weights.
        WeightsIntegrityError: if embedded weights are damaged.
        CheckpointError: if a folder holds no model, its files are damaged or do not fit together, or the weights do not
            fill the model.
        HubError: if the model is no folder, and the Hub does not give it; a subclass says why.
        OSError: if files of a folder are missing.

    Example:
        >>> from fer_zoo import pipeline
        >>> pipe = pipeline("face-expression", model="fer_zoo/mhan", device="cpu")
        >>> [face["label"] for face in pipe("examples/images/astronaut.png")]
        ['happiness']
    """
    ArgumentTypeError.check("task", task, str, f"{TASK!r}; a model is given by name: pipeline(model=...)")
    if task != TASK:
        raise UnknownNameError("task", task, [TASK], remark=f"For a model: pipeline(model={task!r}).")
    ArgumentTypeError.check("model", model, (str, PathLike, PreTrainedModel), "a name, a folder or a loaded model")
    loaded: Any = model
    if is_exported(model):
        device = options.get("device")
        device = None if isinstance(device, int) else device  # a number counts what torch has, or stands for its CPU
        loaded = load_exported(model, backend, RuntimeOptions(threads, precision), device=device)
        options.setdefault("image_processor", load_image_processor(model))
    elif not isinstance(model, PreTrainedModel):
        loaded = resolve_model(model, revision=revision)
    elif options.get("image_processor") is None:
        raise InvalidOptionError("image_processor", None, "that of the model, which a model itself does not know")
    if not is_exported(model):
        check_device(options.get("device"))
    check_loading_options({**(options.get("model_kwargs") or {}), **options})
    with ExitStack() as errors:
        if isinstance(loaded, str) and Path(loaded).is_dir():
            with checkpoint_errors(str(model)), loading_errors(loaded):
                AutoConfig.from_pretrained(loaded)  # before any option of the caller could be at fault
            errors.enter_context(checkpoint_errors(str(model), OF_FOLDERS))
        elif isinstance(loaded, str):
            errors.enter_context(loading_errors(loaded))
        pipe: FaceExpressionPipeline = transformers.pipeline(
            TASK,
            model=loaded,
            revision=revision,
            detector=detector,
            backend=backend,
            threads=threads,
            precision=precision,
            **options,
        )
        if isinstance(loaded, str):
            check_filled(str(model), getattr(pipe.model, "missing_keys", ()))
    return pipe


__all__ = [
    "AnalysisOptions",
    "BatchSummary",
    "CropRow",
    "CropSummary",
    "CroppedFace",
    "DetectedPicture",
    "FaceChoice",
    "FaceCropper",
    "FaceExpressionPipeline",
    "RayResources",
    "analyze_files",
    "analyze_files_with_ray",
    "crop_folder",
    "pipeline",
    "read_crop_report",
    "register_pipelines",
    "to_rows",
]
