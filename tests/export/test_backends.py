"""The whole pipeline on every backend, with the embedded weights."""

from __future__ import annotations

import copy
import pickle
import sys
from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from numpy.typing import NDArray
from processor import provider_of_bf16

from fer_zoo import FaceExpressionPipeline, pipeline
from fer_zoo.detection import CenterFaceDetector
from fer_zoo.errors import InvalidOptionError, MissingPackageError, UnknownNameError
from fer_zoo.export import ExportReport
from fer_zoo.labels import get_label_set
from fer_zoo.pipelines.backend import CompiledModel
from fer_zoo.pipelines.batch import describe_run
from fer_zoo.pipelines.groups import AnalysisOptions
from fer_zoo.registry import FreshModel
from fer_zoo.results import ImageResult

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def on_torch(embedded_pipeline: FaceExpressionPipeline, group: NDArray[np.uint8]) -> ImageResult:
    """Return what torch and onnxruntime's detector find in the group picture."""
    return embedded_pipeline.analyze(group)


def _compare(found: ImageResult, expected: ImageResult, *, score: float, pixels: float) -> None:
    """Check that two results agree on every face and expression, up to the given differences."""
    assert [face.label for face in found.faces] == [face.label for face in expected.faces]
    for one, other in zip(found.faces, expected.faces, strict=True):
        np.testing.assert_allclose(astuple(one.face.box), astuple(other.face.box), atol=pixels)
        for label, value in one.scores:
            assert value == pytest.approx(dict(other.scores)[label], abs=score)


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_same_faces_and_expressions(on_torch: ImageResult, group: NDArray[np.uint8], backend: str) -> None:
    """Six faces with equal probabilities; the results have the same type."""
    pipe = pipeline(backend=backend, threads=1, device="cpu")

    found = pipe.analyze(group)

    assert pipe.backend == backend
    assert len(found.faces) == 6
    _compare(found, on_torch, score=2e-3, pixels=0.01)


@pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
def test_missing_converter_is_named_with_the_extra_of_the_backend(
    backend: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Who asked for a backend is not told of an export."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HOME", str(tmp_path))
    monkeypatch.setitem(sys.modules, "onnxscript", None)

    message = rf"^The backend '{backend}' needs.*pip install 'fer-zoo\[openvino\]'$"
    with pytest.raises(MissingPackageError, match=message):
        pipeline(backend=backend, device="cpu")


def test_bfloat16_through_transformers(on_torch: ImageResult, group: NDArray[np.uint8]) -> None:
    """``transformers.pipeline`` takes the options too; half precision moves boxes and probabilities a little."""
    pipe: Any = transformers.pipeline("face-expression", backend="openvino", precision="bf16", device="cpu")

    assert pipe.provider == provider_of_bf16()
    _compare(pipe.analyze(group), on_torch, score=0.15, pixels=3.0)


def test_exported_folder_is_a_model(
    small: FreshModel,
    exported: Callable[..., ExportReport],
    astronaut: NDArray[np.uint8],
    embedded_pipeline: FaceExpressionPipeline,
) -> None:
    """A pipeline runs it with the library of its format or another, and a resumable run tells it from other models."""
    folder = exported("onnx").folder
    pipes = [pipeline(model=folder, backend=backend, device="cpu") for backend in (None, "auto", "openvino")]
    reference = pipeline(model=small.model, image_processor=small.processor, device="cpu")

    expected = reference.analyze(astronaut)
    for pipe in pipes:
        _compare(pipe.analyze(astronaut), expected, score=1e-3, pixels=0.01)
    assert [pipe.backend for pipe in pipes[::2]] == ["onnxruntime", "openvino"]
    with pytest.raises(InvalidOptionError, match="which this model was opened with"):
        pipeline(model=pipes[0].model, image_processor=small.processor, backend="openvino")
    descriptions = [describe_run(pipe, AnalysisOptions()) for pipe in (pipes[0], pipes[2], embedded_pipeline)]
    assert descriptions[0]["model_sha256"] == descriptions[1]["model_sha256"] != descriptions[2]["model_sha256"]
    assert [entry["backend"] for entry in descriptions] == ["onnxruntime", "openvino", "torch"]


def test_automatic_choice(small: FreshModel) -> None:
    """On a CPU with OpenVINO installed it is OpenVINO, and the detector uses it too."""
    pipe = pipeline(model=small.model, image_processor=small.processor, backend="auto", device="cpu")

    assert pipe.backend == "openvino"
    assert isinstance(pipe.detector, CenterFaceDetector)
    assert pipe.detector.backend == "openvino"
    assert pipe.device.type == "cpu"


def test_threads_of_torch(small: FreshModel) -> None:
    """They are set for the process."""
    before = torch.get_num_threads()
    try:
        pipe = pipeline(model=small.model, image_processor=small.processor, threads=2, device="cpu")
        assert pipe.backend == "torch"
        assert pipe.provider == "cpu"
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"backend": "tensorrt"}, UnknownNameError, "Known: auto, onnxruntime, openvino, torch"),
        ({"precision": "bf16"}, InvalidOptionError, "torch has dtype"),
        ({"backend": "onnxruntime", "precision": "bf16"}, InvalidOptionError, "fp32 for onnxruntime"),
        ({"threads": 0}, InvalidOptionError, "Invalid value 0 for threads"),
        ({"backend": "openvino", "compile": True}, InvalidOptionError, "False for another backend than torch"),
    ],
)
def test_what_cannot_be(small: FreshModel, options: dict[str, Any], error: type[Exception], message: str) -> None:
    """The message says what there is instead."""
    with pytest.raises(error, match=message):
        pipeline(model=small.model, image_processor=small.processor, detector="whole_image", device="cpu", **options)


def test_compiled_model_fills_batches_up(small: FreshModel) -> None:
    """Three faces run as four, the graphs are made for powers of two alone, and the logits are those of the model."""
    sizes: list[int] = []

    def count(graph: Any, inputs: list[Any]) -> Any:
        """Note the batch size that a graph is made for, and run it as it is."""
        sizes.append(next(value for value in inputs if isinstance(value, torch.Tensor) and value.dim() == 4).shape[0])
        return graph.forward

    torch.compiler.reset()
    compiled = CompiledModel(small.model, {"backend": count, "dynamic": False})
    faces = torch.randn(5, 3, 32, 32)
    with torch.no_grad():
        for number in (3, 4, 1, 5):
            expected = small.model(faces[:number]).logits
            torch.testing.assert_close(compiled(faces[:number]), expected, rtol=1e-3, atol=1e-4)
    torch.compiler.reset()

    assert set(sizes) == {1, 4, 8}


@pytest.mark.parametrize("options", [{}, {"compile": {"backend": "eager"}}, {"backend": "openvino"}], ids=str)
def test_model_that_gives_tuples(small: FreshModel, astronaut: NDArray[np.uint8], options: dict[str, Any]) -> None:
    """``return_dict=False`` in the configuration makes no difference to a pipeline."""
    usual: dict[str, Any] = {"image_processor": small.processor, "detector": "whole_image", "device": "cpu"}
    model = copy.deepcopy(small.model)
    model.config.return_dict = False

    found = pipeline(model=model, **usual, **options).analyze(astronaut)

    _compare(found, pipeline(model=small.model, **usual).analyze(astronaut), score=1e-3, pixels=0.01)


def test_copy_of_a_compiled_model_runs_its_own_weights(small: FreshModel) -> None:
    """A copy, and what comes back from a pickle, compile anew and do not run the network they were made from."""
    torch.compiler.reset()
    faces = torch.randn(2, 3, 32, 32)
    compiled = CompiledModel(small.model, {"backend": "eager"})
    with torch.no_grad():
        expected = compiled(faces)
        for other in (copy.deepcopy(compiled), pickle.loads(pickle.dumps(compiled))):  # noqa: S301  # our own bytes
            torch.testing.assert_close(other(faces), expected)
            other._model.classifier.weight.zero_()
            assert not torch.allclose(other(faces), expected)
        torch.testing.assert_close(compiled(faces), expected)
    torch.compiler.reset()


def test_compiled_pipeline(small: FreshModel, astronaut: NDArray[np.uint8]) -> None:
    """The pipeline compiles with the options of ``torch.compile`` it is given, and answers as it does without."""
    graphs: list[Any] = []

    def collect(graph: Any, _inputs: list[Any]) -> Any:
        """Note a graph that is to be compiled, and run it as it is."""
        graphs.append(graph)
        return graph.forward

    torch.compiler.reset()
    plain = pipeline(model=small.model, image_processor=small.processor, detector="whole_image", device="cpu")
    compiled = pipeline(
        model=small.model,
        image_processor=small.processor,
        detector="whole_image",
        device="cpu",
        compile={"backend": collect},
    )
    expected = plain.analyze(astronaut)
    assert graphs == []
    _compare(compiled.analyze(astronaut), expected, score=1e-3, pixels=0.0)
    torch.compiler.reset()

    assert len(graphs) == 1


def test_labels_of_an_export(exported: Callable[..., ExportReport]) -> None:
    """They are those of the label set, in its order."""
    folder = exported("onnx").folder
    pipe = pipeline(model=folder, device="cpu")
    labels = [pipe.model.config.id2label[number] for number in range(8)]
    assert labels == [str(expression) for expression in get_label_set("fer_plus").classes]
