"""Gated fusion of feature vectors: each vector tells the others how useful it is.

Paper: X. Li, H. Zhao, L. Han, Y. Tong, S. Tan, K. Yang, "Gated fully fusion for semantic segmentation", AAAI 2020
(arXiv 1904.01803), Section 3. HAN-PFF (Tao & Duan, Neural Networks 170 (2024) 337-348) states a gated feature fusion
block (GFFB) with one gate (GEB1 to GEB4) for each feature vector (fact); here the gates are computed and used as in Li
et al., on vectors instead of maps (choice).
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn

from fer_zoo.errors import InvalidOptionError
from fer_zoo.ranges import check_counts

GateType = Literal["channel", "scalar"]


class GatedVectorFusion(nn.Module):
    """Let useful vectors keep themselves and send to the others, and useless ones receive.

    Args:
        num_vectors: number of vectors N, at least 1.
        size: length D of each vector.
        gate_type: ``"channel"`` for a gate for every element of a vector, ``"scalar"`` for one gate a vector.

    Shape: ``(B, N, D)`` to ``(B, N, D)``.

    Raises:
        InvalidOptionError: if there is no vector, or the type of gate is not known.

    Example:
        >>> import torch
        >>> from fer_zoo.layers import GatedVectorFusion
        >>> fusion = GatedVectorFusion(4, 512, gate_type="scalar")
        >>> vectors = torch.randn(2, 4, 512)
        >>> fusion(vectors).shape, fusion.gates(vectors).shape
        (torch.Size([2, 4, 512]), torch.Size([2, 4, 1]))
    """

    def __init__(self, num_vectors: int, size: int, *, gate_type: GateType = "channel") -> None:
        super().__init__()
        check_counts(num_vectors=num_vectors)
        if gate_type not in get_args(GateType):
            raise InvalidOptionError("gate_type", gate_type, f"one of {', '.join(get_args(GateType))}")
        self.gate_blocks = nn.ModuleList(
            nn.Linear(size, size if gate_type == "channel" else 1) for _ in range(num_vectors)
        )

    def forward(self, vectors: Tensor) -> Tensor:
        """Return ``u_i = (1 + e_i) v_i + (1 - e_i) * sum over j != i of e_j v_j``."""
        gates = self.gates(vectors)
        sent = gates * vectors
        received = sent.sum(dim=1, keepdim=True) - sent  # from all others
        return (1 + gates) * vectors + (1 - gates) * received

    def gates(self, vectors: Tensor) -> Tensor:
        """Return the gates e of the vectors, ``(B, N, D)`` or ``(B, N, 1)``, values in [0, 1]."""
        scores = [block(vector) for block, vector in zip(self.gate_blocks, vectors.unbind(dim=1), strict=True)]
        return torch.stack(scores, dim=1).sigmoid()
