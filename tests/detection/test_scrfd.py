"""insightface's real SCRFD code on a network built here, whose single face is known by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from huggingface_hub import constants
from onnx import TensorProto, helper, numpy_helper

from fer_zoo.detection import ScrfdDetector, create_detector
from fer_zoo.errors import CheckpointError, InvalidOptionError, WeightsNotFoundError

SIZE = 64
ANCHORS = 2  # of each cell
ROW, COLUMN = 3, 4  # of the cell with the face, in the map of stride 8


def build_network(path: Path) -> None:
    """Write a network in SCRFD's format: three strides, each with scores, boxes and points for every anchor.

    It sees a face in one cell of stride 8, as surely as the picture is red, 8 pixels around the cell's corner.
    """
    nodes = [
        helper.make_node("ReduceMean", ["input.1"], ["means"], axes=[2, 3], keepdims=0),
        helper.make_node("Slice", ["means", "zero", "one", "one"], ["red"]),  # channel 0, along axis 1
        helper.make_node("ReduceMean", ["red"], ["red_value"], keepdims=0),
    ]
    constants = [
        numpy_helper.from_array(np.array([value], np.int64), name) for name, value in (("zero", 0), ("one", 1))
    ]
    outputs = []
    for kind, width in (("score", 1), ("bbox", 4), ("kps", 10)):
        for stride in (8, 16, 32):
            cells = (SIZE // stride) ** 2 * ANCHORS
            values = np.zeros((1, cells, width), np.float32)
            if stride == 8:
                values[0, (ROW * (SIZE // stride) + COLUMN) * ANCHORS] = 1.0
            name = f"{kind}_{stride}"
            constants.append(numpy_helper.from_array(values, f"{name}_values"))
            nodes.append(
                helper.make_node("Mul", [f"{name}_values", "red_value"], [name])
                if kind == "score"
                else helper.make_node("Identity", [f"{name}_values"], [name])
            )
            outputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, cells, width]))
    inputs = [helper.make_tensor_value_info("input.1", TensorProto.FLOAT, [1, 3, SIZE, SIZE])]
    graph = helper.make_graph(nodes, "scrfd", inputs, outputs, constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> ScrfdDetector:
    """Return a detector with the network of this file."""
    path = tmp_path_factory.mktemp("scrfd") / "network.onnx"
    build_network(path)
    return ScrfdDetector(path, providers=["CPUExecutionProvider"])


def coloured(red: int, green: int, blue: int, size: int = SIZE) -> np.ndarray:
    """Return a picture of one colour, RGB."""
    return np.full((size, size, 3), (red, green, blue), np.uint8)


def test_face_is_where_the_network_says(detector: ScrfdDetector) -> None:
    """Box and points are offsets from the cell's corner (32, 24) in strides of 8 pixels."""
    (faces,) = detector.detect([coloured(255, 0, 0)])

    (face,) = faces
    assert (face.box.left, face.box.top, face.box.right, face.box.bottom) == (24, 16, 40, 32)
    point = (40.0, 32.0)
    assert face.landmarks == (point, point, point, point, point)
    assert face.score == pytest.approx((255 - 127.5) / 128)


def test_pictures_are_rgb(detector: ScrfdDetector) -> None:
    """The network, which looks for red, finds nothing in a blue picture: the colours reach it in the right order."""
    assert detector.detect([coloured(0, 0, 255)]) == [()]


def test_results_are_in_pixels_of_the_original(detector: ScrfdDetector) -> None:
    """A picture twice as large is reduced to fit, and its face is twice as large."""
    (faces,) = detector.detect([coloured(255, 0, 0, size=2 * SIZE)])

    (face,) = faces
    assert (face.box.left, face.box.top, face.box.right, face.box.bottom) == (48, 32, 80, 64)


@pytest.mark.parametrize("shape", [(1, SIZE + 1, 3), (SIZE + 1, 1, 3), (1, SIZE, 3)])
def test_picture_of_a_line_has_no_face(detector: ScrfdDetector, shape: tuple[int, int, int]) -> None:
    """Fitted into the square of the network, nothing would be left of it."""
    assert detector.detect([np.zeros(shape, np.uint8)]) == [()]


def test_results_are_plain_python(detector: ScrfdDetector) -> None:
    """Boxes, scores and points hold Python floats, not numpy's."""
    face = detector.detect([coloured(255, 0, 0)])[0][0]

    assert face.landmarks is not None
    assert {type(value) for value in (face.score, face.box.left, face.landmarks[0][0])} == {float}


def test_missing_file_is_named(tmp_path: Path) -> None:
    """A path without a file behind it is named."""
    missing = str(tmp_path / "nothing.onnx")

    with pytest.raises(WeightsNotFoundError, match=r"There are no weights .*nothing\.onnx.*Give the path of a SCRFD"):
        ScrfdDetector(missing)


def test_other_network_is_refused(tmp_path: Path) -> None:
    """An ONNX file that is no face detector is refused."""
    path = tmp_path / "identity.onnx"
    value = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, 8, 8]) for name in ("x", "y")]
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "identity", value[:1], value[1:])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)

    with pytest.raises(CheckpointError, match=r"identity\.onnx' is not a face detector"):
        ScrfdDetector(path)


def test_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    """What onnxruntime raises for it has a class of its own."""
    (tmp_path / "text.onnx").write_text("no network at all", encoding="utf-8")

    with pytest.raises(CheckpointError, match=r"text\.onnx' is not a face detector of the SCRFD family \(.*Protobuf"):
        ScrfdDetector(tmp_path / "text.onnx")


def test_detector_of_another_family_is_refused(tmp_path: Path) -> None:
    """To insightface a network with twelve outputs, as YuNet has, is one until its first picture."""
    path = tmp_path / "twelve.onnx"
    names = [f"output_{number}" for number in range(12)]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, SIZE, SIZE])]
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, SIZE, SIZE]) for name in names]
    nodes = [helper.make_node("Identity", ["x"], [name]) for name in names]
    graph = helper.make_graph(nodes, "twelve", inputs, outputs)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)

    with pytest.raises(CheckpointError, match=r"twelve\.onnx' is not a face detector of the SCRFD family \("):
        ScrfdDetector(path)


def test_path_of_a_network_is_the_name_of_a_detector(tmp_path: Path) -> None:
    """So it can be given where only text can, as at the command line."""
    build_network(tmp_path / "network.onnx")

    detector = create_detector(str(tmp_path / "network.onnx"))

    assert isinstance(detector, ScrfdDetector)
    assert len(detector.detect([coloured(255, 0, 0)])[0]) == 1


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home folder with nothing in it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    return tmp_path


def test_pack_is_not_fetched_where_the_network_is_forbidden(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says where to put it; one that is there is used."""
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr("insightface.utils.storage.download_file", lambda *_, **__: pytest.fail("asked the network"))

    with pytest.raises(WeightsNotFoundError, match=r"HF_HUB_OFFLINE is set.*Put its ONNX files into ~/\.insightface"):
        ScrfdDetector("mine")

    pack = home / ".insightface" / "models" / "mine"
    pack.mkdir(parents=True)
    build_network(pack / "detector.onnx")
    assert len(ScrfdDetector("mine").detect([coloured(255, 0, 0)])[0]) == 1


def test_what_insightface_prints_goes_to_stderr(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It says where a pack is fetched to, which would spoil an answer in JSON; a failed download has its reason."""

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("no such pack")

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr("insightface.utils.storage.download_file", refuse)

    with pytest.raises(
        WeightsNotFoundError, match=r"could not provide this model pack \(no such pack\)\. Put its ONNX"
    ):
        ScrfdDetector("mine")

    printed = capsys.readouterr()
    assert printed.out == ""
    assert "download_path:" in printed.err


@pytest.mark.parametrize(
    ("size", "expected"), [(0, "a whole number of at least 1"), (-32, "a whole number"), (100, "a multiple of 32")]
)
def test_size_that_is_no_multiple_of_a_cell_is_refused(size: int, expected: str) -> None:
    """The maps of the network would not fit the picture."""
    with pytest.raises(InvalidOptionError, match=f"Invalid value {size} for input_size: expected {expected}"):
        ScrfdDetector("buffalo_s", input_size=size)


@pytest.mark.parametrize("option", ["score_threshold", "iou_threshold"])
def test_thresholds_out_of_range_are_refused(option: str) -> None:
    """A threshold above 1 is refused with its name."""
    with pytest.raises(InvalidOptionError, match=f"Invalid value 2.0 for {option}: expected a number from 0 to 1"):
        ScrfdDetector("buffalo_s", **{option: 2.0})  # type: ignore[arg-type]
