"""Models as files: what is in them, whether they give the same answers, and what is refused."""

from __future__ import annotations

import copy
import importlib.util
import json
import shutil
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import openvino
import pytest
import torch
from huggingface_hub import constants
from locked import without_access
from processor import provider_of_bf16
from transformers import ViTConfig, ViTForImageClassification

from fer_zoo import pipeline
from fer_zoo.errors import CheckpointError, ExportedModelError, ExportError, InvalidOptionError, UnknownNameError
from fer_zoo.evaluation.loading import load_classifier
from fer_zoo.export import (
    FORMATS,
    ExportReport,
    cache,
    convert_for_backend,
    export_model,
    is_exported,
    load_exported,
    read_calibration_faces,
)
from fer_zoo.export.parity import check_parity
from fer_zoo.models import FerResNetForImageClassification
from fer_zoo.models.checkpoint import save_checkpoint
from fer_zoo.registry import FreshModel
from fer_zoo.runtime import RuntimeOptions

pytestmark = pytest.mark.slow

COMBINATIONS = [(name, precision) for name, kind in FORMATS.items() for precision in kind.precisions]


def _noise(number: int) -> torch.Tensor:
    """Return pictures of the small model's size."""
    return torch.randn(number, 3, 32, 32, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize(("file_format", "precision"), [pair for pair in COMBINATIONS if pair[1] != "int8"])
def test_every_format_and_precision(
    small: FreshModel, exported: Callable[..., ExportReport], file_format: str, precision: str
) -> None:
    """The folder has the network, both configurations and the record; the logits are near, for batches of any size."""
    report = exported(file_format, precision)

    names = {path.name for path in report.folder.iterdir()}
    assert {"config.json", "preprocessor_config.json", "export.json", FORMATS[file_format].file_name} <= names
    assert report.parity.tolerance is not None
    assert report.parity.max_difference <= report.parity.tolerance
    assert report.parity.agreement is None
    half = {"fp32": 1.0, "fp16": 0.5, "bf16": 0.5}[precision]
    assert report.num_bytes == pytest.approx(half * 4 * small.model.num_parameters(), rel=0.1)
    if file_format == "torch-export":
        program = torch.export.load(report.network).module()
        kind = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}[precision]
        with torch.no_grad():
            found = program(_noise(7).to(kind)).float()
    else:
        found = load_exported(report.folder)(_noise(7)).logits
    with torch.no_grad():
        expected = small.model(_noise(7)).logits
    assert (found - expected).abs().max().item() <= report.parity.tolerance * 2


def test_an_export_is_evaluated_like_its_model(small: FreshModel, exported: Callable[..., ExportReport]) -> None:
    """What measures models takes the folder of an export, with the labels and the image processor in it."""
    folder = exported("onnx").folder

    classifier = load_classifier(folder)

    assert classifier.name == str(folder)
    assert list(classifier.label_set) == list(small.model.config.id2label.values())
    assert classifier.processor.size == small.processor.size
    with torch.no_grad():
        torch.testing.assert_close(
            classifier.model(_noise(3)).logits, small.model(_noise(3)).logits, atol=1e-3, rtol=1e-3
        )


def test_a_file_says_what_it_is(exported: Callable[..., ExportReport]) -> None:
    """Labels in their order, image processor and temperature are read from the files by their own libraries."""
    as_onnx = exported("onnx").network
    as_openvino = exported("openvino").network
    as_program = exported("torch-export").network

    session = onnxruntime.InferenceSession(as_onnx, providers=["CPUExecutionProvider"])
    of_onnx = session.get_modelmeta().custom_metadata_map
    info = openvino.Core().read_model(as_openvino)
    of_program = dict.fromkeys(of_onnx, "")
    torch.export.load(as_program, extra_files=of_program)

    assert json.loads(of_onnx["labels"])[:2] == ["neutral", "happiness"]
    assert json.loads(of_onnx["image_processor"])["size"] == {"height": 32, "width": 32}
    assert of_onnx["temperature"] == "2.0"
    assert of_program == of_onnx
    for key, value in of_onnx.items():
        assert str(info.get_rt_info(["fer_zoo", key]).value) == value
    assert session.get_inputs()[0].shape[1:] == [3, 32, 32]
    assert session.get_inputs()[0].name == "pixel_values"
    assert [output.name for output in session.get_outputs()] == ["logits"]


def test_the_inference_form_is_exported(small: FreshModel, exported: Callable[..., ExportReport]) -> None:
    """No batch norm is in the file, and the model that was exported still has its own."""
    network = onnx.load(str(exported("onnx").network))

    assert "BatchNormalization" not in {node.op_type for node in network.graph.node}
    assert not small.model.is_fused
    assert small.model.resnet.backbone.bn1.weight.requires_grad


@pytest.mark.parametrize("file_format", ["onnx", "openvino"])
def test_int8(small: FreshModel, crops: Path, tmp_path: Path, file_format: str) -> None:
    """With faces it is written, is about a quarter as large, and agrees on the faces."""
    faces = read_calibration_faces(crops, small.processor)

    report = export_model(*small, tmp_path / "out", file_format=file_format, precision="int8", calibration=faces)

    if file_format == "onnx":
        onnx.checker.check_model(onnx.load(report.folder / "model.onnx"))
    assert report.num_bytes < 1.4 * small.model.num_parameters()
    assert report.parity.tolerance is None
    assert report.parity.agreement is not None
    assert report.parity.agreement >= 0.9
    assert "of 24 faces" in str(report.parity)
    assert load_exported(report.folder)(torch.from_numpy(faces)).logits.shape == (24, 8)


def test_int8_without_faces(small: FreshModel, tmp_path: Path) -> None:
    """It is refused, and nothing is left behind."""
    with pytest.raises(InvalidOptionError, match="calibration: expected face crops"):
        export_model(*small, tmp_path / "out", precision="int8")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"file_format": "onyx"}, UnknownNameError, "Unknown format 'onyx'. Did you mean 'onnx'?"),
        ({"precision": "bf16"}, InvalidOptionError, "expected one of fp32, fp16, int8 for the format onnx"),
    ],
)
def test_what_there_is_not(
    small: FreshModel, tmp_path: Path, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    """Unknown formats, and precisions that a format does not have, are refused with what there is."""
    with pytest.raises(error, match=message):
        export_model(*small, tmp_path / "out", **options)


@pytest.fixture
def vit() -> ViTForImageClassification:
    """Return a small network of transformers."""
    return ViTForImageClassification(
        ViTConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=8, image_size=32)
    )


def test_models_of_transformers_are_refused(small: FreshModel, vit: ViTForImageClassification, tmp_path: Path) -> None:
    """They have no inference form: for a file, and for another backend."""
    model: Any = vit
    with pytest.raises(InvalidOptionError, match="'ViTForImageClassification' for model: expected a classifier that"):
        export_model(model, small.processor, tmp_path / "out")
    with pytest.raises(InvalidOptionError, match="the backend 'torch' runs others"):
        convert_for_backend(model, small.processor, "openvino")
    assert list(tmp_path.iterdir()) == []


def test_folders_with_something_in_them_stay(small: FreshModel, tmp_path: Path) -> None:
    """A folder with a file, and a file, are refused and left as they are."""
    (tmp_path / "note.txt").write_text("mine")
    for target in (tmp_path, tmp_path / "note.txt"):
        with pytest.raises(InvalidOptionError, match="a new or empty folder"):
            export_model(*small, target)
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


def test_another_network_is_not_the_model(small: FreshModel) -> None:
    """Logits that are off by a hundredth fail at fp32, and answers that differ fail at int8."""

    def run(pixels: np.ndarray[Any, np.dtype[np.float32]]) -> np.ndarray[Any, np.dtype[np.float32]]:
        """Return slightly other logits."""
        with torch.no_grad():
            logits: np.ndarray[Any, np.dtype[np.float32]] = small.model(torch.from_numpy(pixels)).logits.numpy()
        return logits + np.float32(0.01)

    with pytest.raises(ExportError, match=r"largest difference of logits 0.01 \(0.000\d+ allowed\)"):
        check_parity(small.model, run, "fp32")
    assert check_parity(small.model, run, "fp16").max_difference == pytest.approx(0.01, rel=0.01)
    faces = _noise(20).numpy()
    with pytest.raises(ExportError, match=r"the same answer for \d+.00 % of 20 faces"):
        check_parity(small.model, lambda pixels: -run(pixels), "int8", faces)


@pytest.mark.parametrize("change", [lambda model: model.half(), lambda model: model.train()], ids=["half", "training"])
def test_model_of_any_type_and_mode(small: FreshModel, tmp_path: Path, change: Callable[[Any], Any]) -> None:
    """Its weights are exported as float32 and compared as such, and it stays as it is, its statistics too."""
    model = change(copy.deepcopy(small.model))
    before = copy.deepcopy(model.state_dict())

    report = export_model(model, small.processor, tmp_path / "out")

    assert report.parity.max_difference < 1e-3
    assert model.training is (model.dtype == torch.float32)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_model_that_gives_tuples(small: FreshModel, tmp_path: Path) -> None:
    """``return_dict=False`` in the configuration makes no difference to its file."""
    model = copy.deepcopy(small.model)
    model.config.return_dict = False

    report = export_model(model, small.processor, tmp_path / "out")

    assert report.parity.max_difference < 1e-3


def test_checkpoint_that_was_saved_over_an_export_counts(
    small: FreshModel, exported: Callable[..., ExportReport], tmp_path: Path
) -> None:
    """The weights that were saved last answer, and not the network that lies beside them."""
    folder = Path(shutil.copytree(exported("onnx").folder, tmp_path / "out"))
    assert is_exported(folder)

    save_checkpoint(small.model, small.processor, folder)

    assert not is_exported(folder)


def test_export_without_its_configuration(exported: Callable[..., ExportReport], tmp_path: Path) -> None:
    """The error names the folder."""
    folder = Path(shutil.copytree(exported("onnx").folder, tmp_path / "out"))
    (folder / "config.json").write_text("{}")

    with pytest.raises(CheckpointError, match=r"The checkpoint '.*out' does not load"):
        load_exported(folder)


@pytest.fixture(scope="module")
def folder(exported: Callable[..., ExportReport]) -> Path:
    """Return an export in the format of ONNX."""
    return exported("onnx").folder


class TestLoading:
    """From the folder back to a classifier."""

    def test_is_a_model_of_transformers_for_logits(self, small: FreshModel, folder: Path) -> None:
        """Labels, temperature and logits are the model's, with both backends; it is on the CPU in float32."""
        with torch.no_grad():
            expected = small.model(_noise(2)).logits
        for backend in ("onnxruntime", "openvino", None, "auto"):
            model = load_exported(folder, backend, RuntimeOptions(threads=1))
            outputs = model(_noise(2))
            torch.testing.assert_close(outputs.logits, expected, rtol=0, atol=1e-3)
            torch.testing.assert_close(model(_noise(2), calibrated=True).logits, outputs.logits / 2)
            assert model(_noise(2), return_dict=False)[0].shape == (2, 8)
            assert model.config.id2label == small.model.config.id2label
            assert (model.device.type, model.dtype) == ("cpu", torch.float32)
        assert load_exported(folder).network.backend == "onnxruntime"

    @pytest.mark.parametrize("backend", ["onnxruntime", "openvino"])
    def test_empty_batch(self, folder: Path, backend: str) -> None:
        """It gives no logits of eight classes, as a model of torch does."""
        assert load_exported(folder, backend)(torch.zeros(0, 3, 32, 32)).logits.shape == (0, 8)

    def test_gives_nothing_but_logits(self, small: FreshModel, folder: Path, tmp_path: Path) -> None:
        """Training, attention maps, saving and exporting are refused with what to do, and so are other sizes."""
        model = load_exported(folder)
        with pytest.raises(ExportedModelError, match="cannot be trained: it only gives logits"):
            model(_noise(2), labels=torch.tensor([0, 1]))
        with pytest.raises(ExportedModelError, match="attention maps"):
            model(_noise(2), output_attentions=True)
        with pytest.raises(ExportedModelError, match="cannot be saved"):
            model.save_pretrained(tmp_path)
        with pytest.raises(ExportedModelError, match="cannot be exported again"):
            export_model(model, small.processor, tmp_path / "out")
        with pytest.raises(InvalidOptionError, match="pixel_values"):
            model(torch.zeros(1, 3, 16, 16))
        assert model.fuse() is model

    def test_what_is_no_export(
        self,
        small: FreshModel,
        exported: Callable[..., ExportReport],
        folder: Path,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """A checkpoint is not taken for one; a damaged record, and a file for torch, are refused with the reason."""
        small.model.save_pretrained(tmp_path / "checkpoint")
        assert is_exported(folder)
        assert is_exported(str(folder))
        assert not is_exported(tmp_path / "checkpoint")
        assert not is_exported(small.model)
        monkeypatch.chdir(tmp_path)
        shutil.copytree(folder, "mhan")
        assert not is_exported("mhan")
        assert is_exported("./mhan")
        with pytest.raises(CheckpointError, match="is not the folder of an export"):
            load_exported(tmp_path / "checkpoint")
        (tmp_path / "checkpoint" / "export.json").write_text("[1]")
        with pytest.raises(CheckpointError, match="is not the folder of an export"):
            load_exported(tmp_path / "checkpoint")
        for_torch = exported("torch-export").folder
        with pytest.raises(CheckpointError, match="holds a program for torch"):
            load_exported(for_torch)

    def test_a_record_cannot_lead_elsewhere(self, folder: Path, tmp_path: Path) -> None:
        """A path in the record is a name in the folder, wherever it points."""
        record = {"format": "onnx", "file": str(folder / "model.onnx"), "precision": "fp32"}
        (tmp_path / "export.json").write_text(json.dumps(record))
        with pytest.raises(CheckpointError, match=r"lacks the network 'model\.onnx'"):
            load_exported(tmp_path)

    @pytest.mark.parametrize("backend", [None, "openvino", "auto"])
    def test_device(self, folder: Path, backend: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
        """A backend computes where it is told to, or says where it can."""
        both = ["CUDAExecutionProvider", "CPUExecutionProvider"]
        for device in ("cpu", torch.device("cpu:0")):
            assert load_exported(folder, backend, device=device).network.provider.startswith("CPU")
        for device in ("meta", "cpu:1"):
            with pytest.raises(InvalidOptionError, match=f"'{device}' for device: expected .*cpu, where .* runs"):
                load_exported(folder, backend, device=device)

        monkeypatch.setattr("fer_zoo.export.loading.choose_providers", lambda: both)

        assert load_exported(folder, device="cpu").network.provider == "CPUExecutionProvider"
        with pytest.raises(InvalidOptionError, match="'cuda:1' for device: expected cuda or cpu, where onnxruntime"):
            load_exported(folder, device="cuda:1")

    @pytest.mark.parametrize("load", [load_classifier, partial(pipeline, "face-expression", detector="whole_image")])
    def test_device_of_whatever_takes_an_export(self, load: Callable[..., Any], folder: Path) -> None:
        """A device where it does not run is refused and not passed over."""
        assert load(folder, device="cpu").model.network.provider == "CPUExecutionProvider"
        with pytest.raises(InvalidOptionError, match=r"'meta' for device: expected .*cpu, where onnxruntime runs"):
            load(folder, device="meta")

    def test_own_format_of_openvino(self, exported: Callable[..., ExportReport]) -> None:
        """Only OpenVINO runs it, in the precision that it was exported with unless told otherwise."""
        folder = exported("openvino", "bf16").folder

        assert load_exported(folder).network.provider == provider_of_bf16()
        chosen = load_exported(folder, options=RuntimeOptions(precision="fp32"))
        assert chosen.network.provider == "CPU (fp32)"
        assert chosen.checksum == load_exported(folder, "auto").checksum
        with pytest.raises(InvalidOptionError, match="which is in its own format"):
            load_exported(folder, "onnxruntime")


class TestConversion:
    """Models of torch on other backends."""

    @pytest.fixture(autouse=True)
    def own_cache(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
        """Return a cache of the test's own."""
        monkeypatch.setattr(constants, "HF_HOME", str(tmp_path / "home"))
        return tmp_path / "home" / "fer_zoo" / "onnx"

    def test_is_done_once(self, small: FreshModel, own_cache: Path) -> None:
        """The second call takes the file of the first, for another backend too; other weights get another file."""
        first = convert_for_backend(*small, "onnxruntime")
        (file,) = own_cache.iterdir()
        written = file.stat().st_mtime_ns
        second = convert_for_backend(*small, "openvino")

        assert file.stat().st_mtime_ns == written
        assert first.checksum == second.checksum == file.stem
        with torch.no_grad():
            expected = small.model(_noise(2)).logits
        for model in (first, second):
            torch.testing.assert_close(model(_noise(2)).logits, expected, rtol=0, atol=1e-3)
        other = FreshModel(type(small.model)(small.model.config).eval(), small.processor)
        assert convert_for_backend(*other, "onnxruntime").checksum != first.checksum
        assert len(list(own_cache.iterdir())) == 2

    def test_damaged_file_is_made_anew(self, small: FreshModel, own_cache: Path) -> None:
        """A file that was cut short does not stand in the way for ever."""
        convert_for_backend(*small, "onnxruntime")
        (file,) = own_cache.iterdir()
        whole = file.read_bytes()
        file.write_bytes(whole[:50])

        model = convert_for_backend(*small, "onnxruntime")

        assert len(file.read_bytes()) == len(whole)
        with torch.no_grad():
            torch.testing.assert_close(model(_noise(1)).logits, small.model(_noise(1)).logits, rtol=0, atol=1e-3)

    def test_code_of_other_packages_counts(self, small: FreshModel, own_cache: Path, tmp_path: Path) -> None:
        """An architecture from elsewhere that computes something else now gets a network of its own."""
        answers = []
        for number, factor in enumerate((1, 2)):
            (tmp_path / f"other_{factor}.py").write_text(
                "from fer_zoo.models import FerResNetForImageClassification\n\n\n"
                "class Other(FerResNetForImageClassification):\n"
                "    def forward(self, pixel_values, **kwargs):\n"
                "        output = super().forward(pixel_values, **kwargs)\n"
                f"        output.logits = {factor} * output.logits\n"
                "        return output\n"
            )
            spec = importlib.util.spec_from_file_location("other_architecture", tmp_path / f"other_{factor}.py")
            assert spec is not None
            assert spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            sys.modules["other_architecture"] = module
            spec.loader.exec_module(module)
            model = module.Other(small.model.config).eval()
            model.load_state_dict(small.model.state_dict())
            answers.append(convert_for_backend(model, small.processor, "onnxruntime")(_noise(1)).logits)
            assert len(list(own_cache.iterdir())) == number + 1
        del sys.modules["other_architecture"]
        torch.testing.assert_close(answers[1], 2 * answers[0], rtol=0, atol=1e-3)

    def test_code_of_their_layers_counts(
        self, small: FreshModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A layer from elsewhere that computes something else now makes another network, in whatever model it is."""
        monkeypatch.setattr(cache, "_converted", lambda *args: b"network")
        monkeypatch.setattr(cache, "open_network", lambda source, backend, options: source)
        checksums = []
        for factor in (1, 2):
            path = tmp_path / f"layers_{factor}.py"
            path.write_text(
                "from torch import nn\n\n\n"
                "class Scale(nn.Module):\n"
                "    def forward(self, x):\n"
                f"        return {factor} * x\n"
            )
            spec = importlib.util.spec_from_file_location("other_layers", path)
            assert spec is not None
            assert spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            monkeypatch.setitem(sys.modules, "other_layers", module)
            spec.loader.exec_module(module)
            model = copy.deepcopy(small.model)
            model.classifier = torch.nn.Sequential(model.classifier, module.Scale())
            checksums += [convert_for_backend(model, small.processor, "onnxruntime").checksum for _ in range(2)]

        assert checksums[0] == checksums[1] != checksums[2] == checksums[3]

    def test_what_no_logit_depends_on_does_not_count(self, small: FreshModel, monkeypatch: pytest.MonkeyPatch) -> None:
        """A calibrated copy with other names and another loss runs the network that is there, with its own answers."""
        first = convert_for_backend(*small, "onnxruntime")
        monkeypatch.setattr(cache, "to_onnx", lambda model, processor: pytest.fail("converted again"))
        model = copy.deepcopy(small.model)
        model.config.id2label = {number: f"class {number}" for number in range(8)}
        model.config.temperature, model.config.label_smoothing = 4.0, 0.3

        second = convert_for_backend(model, small.processor, "onnxruntime")

        assert second.checksum == first.checksum
        assert second.config.id2label[3] == "class 3"
        torch.testing.assert_close(second(_noise(2), calibrated=True).logits, first(_noise(2)).logits / 4)

    def test_every_field_of_a_classifier_from_elsewhere_counts(
        self, small: FreshModel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its logits may depend on the temperature, for example."""
        monkeypatch.setattr(cache, "_converted", lambda *args: b"network")
        monkeypatch.setattr(cache, "open_network", lambda source, backend, options: source)
        model = copy.deepcopy(small.model)
        model.__class__ = type("Other", (FerResNetForImageClassification,), {"__module__": __name__})

        cold = convert_for_backend(model, small.processor, "onnxruntime").checksum
        model.config.temperature = 4.0

        assert convert_for_backend(model, small.processor, "onnxruntime").checksum != cold

    def test_where_nothing_can_be_written(self, small: FreshModel, own_cache: Path) -> None:
        """The network is used from memory."""
        own_cache.parent.mkdir(parents=True)
        own_cache.write_text("a file where the folder should be")

        model = convert_for_backend(*small, "openvino")

        with torch.no_grad():
            torch.testing.assert_close(model(_noise(1)).logits, small.model(_noise(1)).logits, rtol=0, atol=1e-3)

    def test_where_nothing_may_be_looked_for(
        self, small: FreshModel, own_cache: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Below a folder that this user may not enter there is nothing, and the network is used from memory."""
        own_cache.mkdir(parents=True)
        importlib.import_module("onnxscript")  # which the other user may not be able to import
        monkeypatch.setattr(cache, "_fingerprint", lambda model: "name")
        monkeypatch.setattr(cache, "to_onnx", lambda model, processor: b"network")
        monkeypatch.setattr(cache, "open_network", lambda source, backend, options: source)

        with without_access(own_cache.parent):
            model = convert_for_backend(*small, "openvino")

        network: Any = model.network
        assert network == b"network"


class TestCalibrationFaces:
    """Reading the faces."""

    def test_spread_over_the_folder(self, small: FreshModel, crops: Path) -> None:
        """All that can be read come as the model takes them; a limit takes every n-th by name."""
        every = read_calibration_faces(crops, small.processor)
        some = read_calibration_faces(crops, small.processor, max_faces=5)

        assert every.shape == (24, 3, 32, 32)
        assert every.dtype == np.float32
        # Of 25 files in the order of their names, every fifth; the broken one, at place 12, is none of them.
        assert np.array_equal(some, every[[0, 5, 10, 14, 19]])
        assert len(np.unique(every, axis=0)) == 24

    def test_nothing_to_read(self, small: FreshModel, tmp_path: Path) -> None:
        """A missing folder and one without pictures are refused by name."""
        with pytest.raises(InvalidOptionError, match="a folder of face crops"):
            read_calibration_faces(tmp_path / "none", small.processor)
        (tmp_path / "broken.png").write_bytes(b"no picture")
        with pytest.raises(InvalidOptionError, match="pictures of faces that can be read"):
            read_calibration_faces(tmp_path, small.processor)
