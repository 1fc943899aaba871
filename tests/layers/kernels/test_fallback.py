"""When the kernels are not used, and what the user hears of it."""

from __future__ import annotations

import subprocess
import sys
import warnings
from types import SimpleNamespace

import pytest
import torch
from kernel_checks import draw

from fer_zoo.errors import FallbackWarning, InvalidOptionError
from fer_zoo.layers import CoordinateAttention, EfficientLocalAttention, set_implementation
from fer_zoo.layers.kernels import fallback, fallback_reason

FEATURES = torch.zeros(2, 3, 7, 7)

BLOCKED_TRITON = """
import sys
sys.modules["triton"] = None  # as if it were not installed
import torch
import fer_zoo
from fer_zoo.layers import CoordinateAttention, set_implementation
from fer_zoo.layers.kernels import fallback_reason
layer = CoordinateAttention(8)
x = torch.ones(1, 8, 3, 3)
expected = layer(x)
set_implementation(layer, "fused")
kernels = [name for name in sys.modules if name.startswith("fer_zoo.layers.kernels.")]
print(fallback_reason(x), torch.equal(layer(x), expected), kernels)
"""


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every test hear its warnings as if it were the first, on a machine that does not interpret kernels."""
    monkeypatch.setattr(fallback, "_told", set())
    monkeypatch.setattr(fallback, "IS_INTERPRETED", False)


def test_a_map_on_the_cpu_falls_back() -> None:
    """The reason names the device."""
    assert fallback_reason(FEATURES) == "it is on the device 'cpu', and the kernels run on CUDA devices"


def test_an_interpreted_map_on_the_cpu_does_not_fall_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Triton's interpreter takes tensors on the CPU."""
    monkeypatch.setattr(fallback, "IS_INTERPRETED", True)

    assert fallback_reason(FEATURES) is None


def test_a_missing_package_falls_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason names the package."""
    monkeypatch.setattr(fallback, "HAS_TRITON", False)

    assert fallback_reason(FEATURES) == "the package 'triton' is not installed"


def test_a_dtype_that_the_kernels_lack_falls_back() -> None:
    """The reason names the dtype and those that would do."""
    assert fallback_reason(FEATURES.double()) == (
        "it has the dtype torch.float64, and the kernels take float32, float16 and bfloat16"
    )


def test_a_network_that_is_traced_falls_back() -> None:
    """What TorchScript records is for any machine; the function says so while it is recorded, and not afterwards."""
    seen = []

    def double(x: torch.Tensor) -> torch.Tensor:
        seen.append(fallback.is_exporting())
        return 2 * x

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated, and people use it still
        torch.jit.trace(double, FEATURES, check_trace=False)  # type: ignore[no-untyped-call, unused-ignore]

    assert seen == [True]
    assert not fallback.is_exporting()


@pytest.mark.parametrize("shape", [(3, 7, 7), (0, 3, 7, 7)])
def test_a_shape_that_is_no_batch_of_maps_falls_back(shape: tuple[int, ...]) -> None:
    """A map without a batch, and an empty batch, are named by their shape."""
    assert fallback_reason(torch.zeros(shape)) == (
        f"it has the shape {shape}, and the kernels take (B, C, H, W) with at least one value"
    )


def test_a_large_map_falls_back() -> None:
    """A row that no program can hold, or a map where one has to hold all of it, is too large."""
    assert fallback_reason(torch.zeros(1, 1, 1, 1025)) == "its maps of 1 x 1025 are too large for the kernel"
    assert fallback_reason(torch.zeros(1, 1, 3, 33), max_positions=255) == (
        "its maps of 3 x 33 are too large for the kernel"  # takes up 4 x 64
    )


@pytest.mark.parametrize(
    ("dtype", "capability", "reason"),
    [
        (torch.float32, 6, "its device has the compute capability 6, and torch.float32 needs 7"),
        (torch.bfloat16, 7, "its device has the compute capability 7, and torch.bfloat16 needs 8"),
        (torch.float16, 7, None),
        (torch.bfloat16, 8, None),
    ],
)
def test_old_gpus_fall_back(
    dtype: torch.dtype, capability: int, reason: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Triton cannot compile for is not tried."""
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: SimpleNamespace(major=capability))
    x = SimpleNamespace(is_cuda=True, device="cuda:0", dtype=dtype)

    assert fallback.reason_of_environment(x) == reason  # type: ignore[arg-type]


def test_the_reason_is_told_once_and_the_answer_is_the_eager_one() -> None:
    """Two layers and three calls give one warning, and every value is the same bit by bit."""
    torch.manual_seed(0)
    layers = (CoordinateAttention(8), EfficientLocalAttention(32))
    maps = (torch.randn(1, 8, 5, 5), torch.randn(1, 32, 5, 5))
    expected = [layer(x) for layer, x in zip(layers, maps, strict=True)]

    for layer in layers:
        set_implementation(layer, "fused")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = [layer(x) for layer, x in zip(layers, maps, strict=True)]
        layers[0](maps[0])

    assert all(torch.equal(ours, theirs) for ours, theirs in zip(found, expected, strict=True))
    assert [type(warning.message) for warning in caught] == [FallbackWarning]
    message = caught[0].message
    assert isinstance(message, FallbackWarning)
    assert message.reason == fallback_reason(maps[0])


def test_another_reason_is_told_too() -> None:
    """A second reason is news."""
    layer = CoordinateAttention(8)
    set_implementation(layer, "fused")

    with pytest.warns(FallbackWarning, match="it is on the device 'cpu'"):
        layer(torch.zeros(1, 8, 2, 2))
    with pytest.warns(FallbackWarning, match=r"it has the dtype torch\.float64"):
        layer.double()(torch.zeros(1, 8, 2, 2, dtype=torch.float64))


@pytest.mark.skipif(not hasattr(torch.compiler, "is_exporting"), reason="torch 2.6 cannot tell that it exports")
def test_exported_layers_hold_no_kernel(monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    """An exported graph runs where no Triton is: it holds the eager arithmetic alone."""
    monkeypatch.setattr(fallback, "IS_INTERPRETED", True)
    layer = CoordinateAttention(8).to(device).eval()
    set_implementation(layer, "fused")

    exported = torch.export.export(layer, (draw(2, 8, 5, 5, dtype=torch.float32, device=device),))

    assert "fer_zoo" not in exported.graph_module.code


@pytest.mark.slow
def test_layers_work_without_triton() -> None:
    """Where Triton is not installed everything imports, no kernel is touched, and fused layers are eager."""
    command = [sys.executable, "-W", "ignore", "-c", BLOCKED_TRITON]

    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert done.stdout == "the package 'triton' is not installed True ['fer_zoo.layers.kernels.fallback']\n"


def test_an_unknown_implementation_is_refused() -> None:
    """The message lists what there is."""
    with pytest.raises(InvalidOptionError, match="expected one of eager, fused"):
        set_implementation(CoordinateAttention(8), "flash")  # type: ignore[arg-type]
