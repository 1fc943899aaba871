"""insightface's real SCRFD code on a network built here, whose single face is known by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from fer_zoo.detection import ScrfdDetector
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


@pytest.mark.parametrize("option", ["score_threshold", "iou_threshold"])
def test_thresholds_out_of_range_are_refused(option: str) -> None:
    """A threshold above 1 is refused with its name."""
    with pytest.raises(InvalidOptionError, match=f"Invalid value 2.0 for {option}: expected a number from 0 to 1"):
        ScrfdDetector("buffalo_s", **{option: 2.0})  # type: ignore[arg-type]
