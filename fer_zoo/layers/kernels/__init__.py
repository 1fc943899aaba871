"""Triton kernels for the attention, fusion and gradient layers: the same arithmetic in fewer passes over memory.

Layers use them where their ``implementation`` is ``"fused"`` and :func:`fallback_reason` has nothing to say; the eager
arithmetic of the layers stays the reference. Triton is imported with the first kernel that is used, never before.

Inputs may be float32, float16 or bfloat16, and every kernel computes in float32 and rounds once at its end. Maps are
taken as they lie in memory, channels first or channels last; any other order is copied to channels first.
"""

from fer_zoo.layers.kernels.fallback import fallback_reason

__all__ = ["fallback_reason"]
