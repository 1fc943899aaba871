"""What the processor of this machine can do, as OpenVINO says before it compiles anything."""

from __future__ import annotations

import openvino


def provider_of_bf16() -> str:
    """Return what OpenVINO reports when bf16 is asked for: bf16 where the processor has it, fp32 where it has not."""
    has_bf16 = "BF16" in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return "CPU (bf16)" if has_bf16 else "CPU (fp32)"
