"""Both backends on a small network whose answers can be worked out."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper
from processor import provider_of_bf16

from fer_zoo.doctor.backends import find_backends
from fer_zoo.errors import InvalidOptionError, MissingPackageError, UnknownNameError
from fer_zoo.packages import import_optional, is_installed
from fer_zoo.runtime import FILE_BACKENDS, RuntimeOptions, fastest_file_backend, open_network


@pytest.fixture(scope="session")
def network() -> bytes:
    """Return a network that gives the sum over all channels and positions, and the input times three."""
    shape: list[str | int | None] = ["batch", 2, 4, 4]
    nodes = [
        helper.make_node("ReduceSum", ["pixels", "axes"], ["sums"], keepdims=0),
        helper.make_node("Mul", ["pixels", "three"], ["tripled"]),
    ]
    constants = [
        helper.make_tensor("axes", TensorProto.INT64, [3], [1, 2, 3]),
        helper.make_tensor("three", TensorProto.FLOAT, [], [3.0]),
    ]
    outputs = [
        helper.make_tensor_value_info("sums", TensorProto.FLOAT, ["batch"]),
        helper.make_tensor_value_info("tripled", TensorProto.FLOAT, shape),
    ]
    inputs = [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, shape)]
    graph = helper.make_graph(nodes, "sums", inputs, outputs, constants)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString())


@pytest.fixture(params=sorted(FILE_BACKENDS))
def backend(request: pytest.FixtureRequest) -> str:
    """Return each backend in turn."""
    name: str = request.param
    return name


def _pixels(number: int, value: float = 1.0) -> NDArray[np.float32]:
    """Return pictures of 32 equal numbers each."""
    return np.full((number, 2, 4, 4), value, np.float32)


def test_outputs_in_their_order(network: bytes, backend: str, tmp_path: Path) -> None:
    """A network in memory and one in a file give the same for batches of any size."""
    path = tmp_path / "sums.onnx"
    path.write_bytes(network)
    for source in (network, path, str(path)):
        opened = open_network(source, backend, RuntimeOptions(threads=1))
        for number in (1, 3):
            sums, tripled = opened.run(_pixels(number, 0.5))
            assert sums.tolist() == [16.0] * number
            assert np.array_equal(tripled, _pixels(number, 1.5))
        assert opened.backend == backend


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_large_batches_keep_their_order(network: bytes, backend: str, threads: int) -> None:
    """A batch that is divided among threads comes back whole, picture by picture, whatever its size."""
    opened = open_network(network, backend, RuntimeOptions(threads=threads))
    for number in (7, 8, 9, 31, 64):
        values = np.arange(number, dtype=np.float32)
        sums, tripled = opened.run(np.broadcast_to(values[:, None, None, None], (number, 2, 4, 4)).copy())
        assert sums.tolist() == (32 * values).tolist()
        assert tripled[:, 1, 2, 3].tolist() == (3 * values).tolist()


def test_a_batch_may_be_smaller_than_the_number_of_threads(network: bytes) -> None:
    """As on a machine with many cores; every picture is a part of its own then."""
    opened: Any = open_network(network, "openvino", RuntimeOptions(threads=2))
    opened._num_threads = 16  # OpenVINO takes no more threads than there are cores, which are few here
    for number in (8, 12, 16, 24):
        values = np.arange(number, dtype=np.float32)
        sums, _ = opened.run(np.broadcast_to(values[:, None, None, None], (number, 2, 4, 4)).copy())
        assert sums.tolist() == (32 * values).tolist()


def test_answers_outlive_the_next_run(network: bytes, backend: str) -> None:
    """A later run does not write into the arrays of an earlier one."""
    opened = open_network(network, backend)
    first = opened.run(_pixels(1, 1.0))
    opened.run(_pixels(1, 2.0))
    assert first[0].tolist() == [32.0]


def test_eight_threads_get_their_own_answers(network: bytes, backend: str) -> None:
    """No answer is lost or mixed up when one network is used from eight threads at once."""
    opened = open_network(network, backend, RuntimeOptions(threads=2))
    with ThreadPoolExecutor(8) as pool:
        sums = list(pool.map(lambda value: opened.run(_pixels(1 + value % 9, value))[0][-1].item(), range(200)))
    assert sums == [32.0 * value for value in range(200)]


def test_provider_is_reported(network: bytes) -> None:
    """Each backend says what computes, OpenVINO with the precision that the processor really uses."""
    assert open_network(network, "onnxruntime").provider in {"CPUExecutionProvider", "CUDAExecutionProvider"}
    explicit = RuntimeOptions(providers=("CPUExecutionProvider",))
    assert open_network(network, "onnxruntime", explicit).provider == "CPUExecutionProvider"
    assert open_network(network, "openvino").provider == "CPU (fp32)"
    assert open_network(network, "openvino", RuntimeOptions(precision="bf16")).provider == provider_of_bf16()


def test_auto_is_one_of_them(network: bytes) -> None:
    """With both installed and no CUDA, it is OpenVINO."""
    expected = fastest_file_backend()
    assert open_network(network).backend == expected
    if open_network(network, "onnxruntime").provider == "CPUExecutionProvider":
        assert expected == "openvino"


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("onnxruntime", {"precision": "bf16"}, "Invalid value 'bf16' for precision: expected fp32 for onnxruntime"),
        ("onnxruntime", {"providers": ("Abacus",)}, "Invalid value 'Abacus' for providers: expected one of "),
        ("openvino", {"providers": ("Abacus",)}, "expected none for openvino, which has device instead"),
        ("openvino", {"device": "ABACUS"}, "Invalid value 'ABACUS' for device: expected one of .*CPU"),
    ],
)
def test_options_that_a_backend_does_not_have(network: bytes, name: str, options: dict[str, Any], message: str) -> None:
    """The message names the option and says what there is."""
    with pytest.raises(InvalidOptionError, match=message):
        open_network(network, name, RuntimeOptions(**options))


@pytest.mark.parametrize(
    ("available", "taken", "refused"),
    [
        (["CPU", "GPU"], ["CPU", "GPU", "GPU.0"], ["GPU.1", "NPU"]),
        (["CPU", "GPU.0", "GPU.1"], ["CPU", "GPU", "GPU.0", "GPU.1"], ["GPU.2", "NPU"]),
    ],
)
def test_devices_by_all_their_names(
    available: list[str], taken: list[str], refused: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """OpenVINO lists one GPU and several by other names; a stand-in for it has the GPUs, which this machine has not."""
    core = MagicMock(available_devices=available)
    core.compile_model.return_value.get_property.return_value = MagicMock(__int__=lambda _: 1)
    monkeypatch.setattr("fer_zoo.runtime.openvino.shared_core", lambda purpose: core)

    for device in taken:
        assert open_network(b"", "openvino", RuntimeOptions(device=device)).provider.startswith(f"{device} (")
        assert core.compile_model.call_args.args[1] == device
    for device in refused:
        with pytest.raises(InvalidOptionError, match=f"'{device}' for device: expected one of {', '.join(available)}"):
            open_network(b"", "openvino", RuntimeOptions(device=device))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threads": 0}, "Invalid value 0 for threads: expected a whole number of at least 1"),
        ({"precision": "int8"}, "expected fp32, bf16 or fp16; for int8, export the model with that precision first"),
    ],
)
def test_options_that_no_backend_has(options: dict[str, Any], message: str) -> None:
    """They are refused where they are written."""
    with pytest.raises(InvalidOptionError, match=message):
        RuntimeOptions(**options)


def test_backend_that_cannot_be_imported_is_not_chosen(
    network: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An onnxruntime that is there and broken, for lack of a CUDA library say, leaves the choice to the other."""
    (tmp_path / "onnxruntime").mkdir()
    (tmp_path / "onnxruntime" / "__init__.py").write_text("raise ImportError('libcudart.so.12: cannot open it')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "onnxruntime", raising=False)

    assert fastest_file_backend() == "openvino"
    backends = find_backends()
    (status,) = (status for status in backends.backends if status.name == "onnxruntime")
    assert status.error == "libcudart.so.12: cannot open it"
    assert backends.fastest == "openvino"


def test_unknown_backend(network: bytes) -> None:
    """The message lists what there is."""
    with pytest.raises(UnknownNameError, match="Unknown backend 'openvina'"):
        open_network(network, "openvina")


def test_missing_package(monkeypatch: pytest.MonkeyPatch, network: bytes) -> None:
    """The message has the command; an error inside a package that is there is not hidden."""
    assert is_installed("openvino")
    monkeypatch.setitem(__import__("sys").modules, "openvino", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'fer-zoo\[openvino\]'"):
        open_network(network, "openvino")
    with pytest.raises(MissingPackageError, match="pip install no_such_package"):
        import_optional("no_such_package", "A test")
