"""When the kernels cannot be used, and how the user hears of it."""

from __future__ import annotations

import os
import warnings
from importlib.util import find_spec

import torch
from torch import Tensor

from fer_zoo.errors import FallbackWarning
from fer_zoo.layers.implementation import Implementation

#: Whether Triton was told to interpret its kernels, which then run on a CPU, slowly; for tests.
IS_INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
HAS_TRITON = find_spec("triton") is not None

DTYPES = (torch.float32, torch.float16, torch.bfloat16)
MAX_WIDTH = 1024  # of a map: a kernel holds at least one row of it
MIN_CAPABILITY = 7  # Volta, the first that Triton compiles for
MIN_CAPABILITY_BFLOAT16 = 8  # Ampere

_told: set[str] = set()


def fallback_reason(x: Tensor, *, max_positions: int | None = None) -> str | None:
    """Say why the fused kernels cannot take a feature map, so that a layer with ``"fused"`` computes as ``"eager"``.

    Args:
        x: the feature map, ``(B, C, H, W)``.
        max_positions: most positions H * W, each side rounded up to a power of two; for kernels that hold whole maps.

    Returns:
        The reason as a clause about the input, or None if the kernels can take it.

    Example:
        >>> import torch
        >>> from fer_zoo.layers.kernels import fallback_reason
        >>> fallback_reason(torch.zeros(1, 64, 7, 7, dtype=torch.float64))
        'it has the dtype torch.float64, and the kernels take float32, float16 and bfloat16'
    """
    if x.dtype not in DTYPES:
        return f"it has the dtype {x.dtype}, and the kernels take float32, float16 and bfloat16"
    if x.ndim != 4 or x.numel() == 0:  # noqa: PLR2004 - B, C, H, W
        return f"it has the shape {tuple(x.shape)}, and the kernels take (B, C, H, W) with at least one value"
    height, width = int(x.shape[2]), int(x.shape[3])
    if width > MAX_WIDTH or (max_positions is not None and padded(height) * padded(width) > max_positions):
        return f"its maps of {height} x {width} are too large for the kernel"
    return reason_of_environment(x)


def reason_of_environment(x: Tensor) -> str | None:
    """Say why no kernel could run here whatever the shape: the device, the packages, or an export."""
    if not HAS_TRITON:
        return "the package 'triton' is not installed"
    if is_exporting():
        return "the model is being exported, and the kernels are for this machine alone"
    if not x.is_cuda:
        return None if IS_INTERPRETED else f"it is on the device '{x.device}', and the kernels run on CUDA devices"
    capability = torch.cuda.get_device_properties(x.device).major
    needed = MIN_CAPABILITY_BFLOAT16 if x.dtype == torch.bfloat16 else MIN_CAPABILITY
    if capability < needed:
        return f"its device has the compute capability {capability}, and {x.dtype} needs {needed}"
    return None


def is_exporting() -> bool:
    """Return whether a graph is made for elsewhere: by TorchScript, or by torch.export, which torch 2.6 cannot tell."""
    if torch.jit.is_tracing():  # type: ignore[attr-defined, no-untyped-call, unused-ignore]
        return True
    return hasattr(torch.compiler, "is_exporting") and torch.compiler.is_exporting()


def can_fuse(implementation: Implementation, x: Tensor, *, max_positions: int | None = None) -> bool:
    """Return whether a layer is to use its kernels, and warn once for each reason if it should but cannot.

    Args:
        implementation: of the layer.
        x: its input, ``(B, C, H, W)``.
        max_positions: as in :func:`fallback_reason`.
    """
    if implementation != "fused":
        return False
    reason = fallback_reason(x, max_positions=max_positions)
    if reason is not None and not torch.compiler.is_compiling():
        warn_once(reason)
    return reason is None


def warn_once(reason: str) -> None:
    """Tell the user of a fallback, unless that was done before in this process."""
    if reason not in _told:
        _told.add(reason)
        warnings.warn(FallbackWarning(reason), stacklevel=4)


def padded(size: int) -> int:
    """Return the power of two that a block of the given size takes up."""
    return 1 << (size - 1).bit_length()
