"""The temperature of a calibrated classifier.

Paper: C. Guo et al., "On calibration of modern neural networks", ICML 2017 (arXiv 1706.04599), Section 4.2.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor


def apply_temperature(logits: Tensor, config: Any, *, calibrated: bool = True) -> Tensor:
    """Divide logits by the temperature of a configuration, so that their softmax is calibrated.

    The order of the classes stays, and so does the answer.

    Args:
        logits: ``(..., K)``, unnormalised scores.
        config: of the model; one without a ``temperature`` counts as 1.
        calibrated: whether to do it at all; else the logits are returned as they are.
    """
    return logits / getattr(config, "temperature", 1.0) if calibrated else logits


__all__ = ["apply_temperature"]
