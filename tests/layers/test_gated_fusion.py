"""Gated fusion of vectors, with values worked out by hand."""

import pytest
import torch
from torch import nn

from fer_zoo.errors import InvalidOptionError
from fer_zoo.layers import GatedVectorFusion
from fer_zoo.layers.gated_fusion import GateType


@pytest.fixture(autouse=True)
def fixed_seed() -> None:
    """Give every test the same random numbers."""
    torch.manual_seed(0)


def with_gates(gates: list[float], gate_type: GateType = "channel") -> GatedVectorFusion:
    """Return a fusion of vectors of 3 numbers whose gates are the same for every input."""
    module = GatedVectorFusion(len(gates), 3, gate_type=gate_type).double()
    for block, gate in zip(module.gate_blocks, gates, strict=True):
        assert isinstance(block, nn.Linear)
        nn.init.zeros_(block.weight)
        nn.init.constant_(block.bias, torch.tensor(gate, dtype=torch.float64).logit().clamp(-100, 100).item())
    return module


@pytest.mark.parametrize("gate_type", ["channel", "scalar"])
@pytest.mark.parametrize(("gate", "factor"), [(0.0, 1), (1.0, 2)])
def test_closed_gates_keep_and_open_gates_double_every_vector(gate_type: GateType, gate: float, factor: int) -> None:
    """With all gates 0 the vectors stay, and with all gates 1 each is doubled."""
    vectors = torch.randn(2, 4, 3, dtype=torch.float64)

    fused = with_gates([gate] * 4, gate_type)(vectors)

    torch.testing.assert_close(fused, factor * vectors)


def test_values_worked_out_by_hand() -> None:
    """Gates of 0.5, 0.25 and 0 and vectors of 1, 2 and 4: a useless vector receives most and sends nothing."""
    vectors = torch.tensor([1.0, 2, 4], dtype=torch.float64).view(1, 3, 1).expand(1, 3, 3)

    fused = with_gates([0.5, 0.25, 0.0])(vectors)

    first = 1.5 * 1 + 0.5 * (0.25 * 2 + 0 * 4)
    second = 1.25 * 2 + 0.75 * (0.5 * 1 + 0 * 4)
    third = 1 * 4 + 1 * (0.5 * 1 + 0.25 * 2)
    assert (first, second, third) == (1.75, 2.875, 5.0)
    torch.testing.assert_close(fused[0, :, 0], torch.tensor([first, second, third], dtype=torch.float64))


@pytest.mark.parametrize(("gate_type", "shape", "parameters"), [("channel", (2, 4, 8), 72), ("scalar", (2, 4, 1), 9)])
def test_gates(gate_type: GateType, shape: tuple[int, ...], parameters: int) -> None:
    """A gate lies between 0 and 1, is one number a channel or a vector, and each vector has a gate block of its own."""
    module = GatedVectorFusion(4, 8, gate_type=gate_type)

    gates = module.gates(torch.randn(2, 4, 8))

    assert gates.shape == shape
    assert 0 < gates.min() < gates.max() < 1
    assert sum(p.numel() for p in module.parameters()) == 4 * parameters


def test_a_gate_depends_on_its_own_vector_alone() -> None:
    """Changing the third vector changes the third gate."""
    module = GatedVectorFusion(4, 8)
    vectors = torch.randn(1, 4, 8)
    changed = vectors.clone()
    changed[:, 2] += 1

    is_equal = (module.gates(vectors) == module.gates(changed)).all(dim=2)[0]

    assert is_equal.tolist() == [True, True, False, True]


def test_refuses_bad_options() -> None:
    """The messages say what is possible."""
    with pytest.raises(InvalidOptionError, match="expected one of channel, scalar"):
        GatedVectorFusion(4, 8, gate_type="vector")  # type: ignore[arg-type]
    with pytest.raises(InvalidOptionError, match="num_vectors: expected a whole number of at least 1"):
        GatedVectorFusion(0, 8)
