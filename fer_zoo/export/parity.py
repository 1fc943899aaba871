"""Whether an exported network still gives the answers of the model."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from fer_zoo.errors import ExportError
from fer_zoo.export.onnx_network import example_input
from fer_zoo.models import FerPreTrainedModel

Run: TypeAlias = Callable[[NDArray[np.float32]], NDArray[np.float32]]

#: How far logits may move, as a share of the largest one (at least 1), by precision; int8 is judged by its answers.
TOLERANCES = {"fp32": 1e-4, "fp16": 2e-2, "bf16": 1e-1}

MIN_AGREEMENT = 0.9  # of int8, on the faces that it was calibrated with
BATCH_SIZES = (1, 5)  # of the noise: a single picture, and one that the export did not see
SEED = 0


@dataclass(frozen=True, slots=True)
class Parity:
    """How far an exported network is from its model.

    Attributes:
        max_difference: the largest difference of two logits.
        tolerance: the largest that is allowed; ``None`` for int8.
        agreement: share of the faces with the same answer, in [0, 1]; ``None`` without faces.
        num_faces: number of faces.
    """

    max_difference: float
    tolerance: float | None
    agreement: float | None
    num_faces: int

    def __str__(self) -> str:
        """Return it in one line."""
        allowed = "" if self.tolerance is None else f" ({self.tolerance:.2g} allowed)"
        answers = ""
        if self.agreement is not None:
            answers = f"; the same answer for {100 * self.agreement:.2f} % of {self.num_faces:,} faces"
        return f"largest difference of logits {self.max_difference:.2g}{allowed}{answers}"


def check_parity(
    model: FerPreTrainedModel, run: Run, precision: str, faces: NDArray[np.float32] | None = None
) -> Parity:
    """Compare an exported network with its model, on noise and on faces.

    Args:
        model: the model, of any type; what is compared is its copy in float32 and in evaluation mode.
        run: gives the logits ``(B, K)`` of the network for ``(B, 3, H, W)``.
        precision: of the network.
        faces: ``(N, 3, H, W)``, normalised.

    Raises:
        ExportError: if the network is further from the model than its precision explains.
    """
    generator = torch.Generator().manual_seed(SEED)
    shape = example_input(model).shape[1:]
    noise = [torch.randn(size, *shape, generator=generator).numpy() for size in BATCH_SIZES]
    expected, found = _logits(model, run, noise)
    agreement = None
    if faces is not None and len(faces):
        of_model, of_network = _logits(model, run, np.array_split(faces, -(-len(faces) // 32)))
        agreement = float((of_model.argmax(axis=1) == of_network.argmax(axis=1)).mean())
        expected, found = np.concatenate([expected, of_model]), np.concatenate([found, of_network])
    tolerance = None
    if precision in TOLERANCES:
        tolerance = TOLERANCES[precision] * max(1.0, float(np.abs(expected).max()))
    parity = Parity(float(np.abs(found - expected).max()), tolerance, agreement, 0 if faces is None else len(faces))
    is_near = tolerance is None or parity.max_difference <= tolerance
    if not is_near or (tolerance is None and agreement is not None and agreement < MIN_AGREEMENT):
        raise ExportError(str(parity))
    return parity


def _logits(
    model: FerPreTrainedModel, run: Run, batches: Sequence[NDArray[np.float32]]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the logits of the model and of the network."""
    exact = copy.deepcopy(model).float().eval()
    with torch.inference_mode():
        expected = [
            exact(torch.from_numpy(batch).to(exact.device), return_dict=True).logits.cpu().numpy() for batch in batches
        ]
    return np.concatenate(expected), np.concatenate([run(batch) for batch in batches])


__all__ = ["Parity", "check_parity"]
