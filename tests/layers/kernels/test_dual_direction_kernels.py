"""Kernels of the dual-direction heads against the eager ones."""

from __future__ import annotations

import pytest
import torch
from kernel_checks import DTYPES, ORDERS, check_function, draw
from torch import Tensor

from fer_zoo.layers import DualDirectionHead, DualDirectionHeads, set_implementation


def eager_maps(rows: Tensor, columns: Tensor, channels: Tensor) -> Tensor:
    """Return the map of every head, ``(B, N, C, H, W)``."""
    return rows.unsqueeze(4) * columns.unsqueeze(3) * channels[..., None, None]


def eager_attend(features: Tensor, rows: Tensor, columns: Tensor, channels: Tensor) -> tuple[Tensor, Tensor]:
    """Return the map scaled by the strongest head, and the maps of all."""
    maps = eager_maps(rows, columns, channels)
    return features * maps.amax(dim=1), maps


def draw_gates(shape: tuple[int, ...], heads: int, dtype: torch.dtype, device: str) -> list[Tensor]:
    """Return gates of rows, columns and channels in [0, 1]."""
    batch, channels, height, width = shape
    sizes = ((batch, heads, channels, height), (batch, heads, channels, width), (batch, heads, channels))
    return [draw(*size, dtype=dtype, device=device, seed=3 + i).sigmoid() for i, size in enumerate(sizes)]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_attended_maps_and_head_maps_are_those_of_torch(dtype: torch.dtype, order: str, device: str) -> None:
    """Values agree, and so do the gradients of features and gates from both outputs."""
    from fer_zoo.layers.kernels.dual_direction import attend_strongest

    features = ORDERS[order](draw(2, 6, 7, 7, dtype=dtype, device=device))
    gates = draw_gates((2, 6, 7, 7), 3, dtype, device)

    check_function(lambda *inputs: attend_strongest(*inputs, needs_maps=True), eager_attend, [features, *gates])


@pytest.mark.parametrize("shape", [(1, 5, 14, 14), (2, 3, 1, 1), (1, 3, 28, 28), (1, 4, 5, 9)])
@pytest.mark.parametrize("heads", [1, 2])
def test_attended_maps_without_head_maps_are_those_of_torch(
    shape: tuple[int, int, int, int], heads: int, device: str
) -> None:
    """The maps need not be written, for any size and for a single head too."""
    from fer_zoo.layers.kernels.dual_direction import attend_strongest

    features = draw(*shape, dtype=torch.float32, device=device)
    gates = draw_gates(shape, heads, torch.float32, device)

    check_function(
        lambda *inputs: attend_strongest(*inputs)[0], lambda *inputs: eager_attend(*inputs)[0], [features, *gates]
    )


def test_heads_that_tie_share_the_gradient_evenly(device: str) -> None:
    """Of three heads with 0.5 = 1 * 0.5 * 1 in two of them, each of the two gets half, as torch.amax does it."""
    from fer_zoo.layers.kernels.dual_direction import attend_strongest

    features = torch.full((1, 1, 1, 1), 8.0, device=device)
    rows = torch.ones(1, 3, 1, 1, device=device)
    columns = torch.tensor([0.5, 0.5, 0.25], device=device).view(1, 3, 1, 1)
    channels = torch.ones(1, 3, 1, device=device, requires_grad=True)

    attended, maps = attend_strongest(features, rows, columns, channels)
    attended.sum().backward()

    assert attended.item() == 4.0
    assert maps.numel() == 0
    assert channels.grad is not None
    assert channels.grad.flatten().tolist() == [2.0, 2.0, 0.0]  # 8 * 0.5 / 2


@pytest.mark.parametrize("needs_maps", [True, False])
def test_fused_heads_are_the_eager_ones(needs_maps: bool, device: str) -> None:
    """Whole heads agree, with batch norms in training mode, and the gradients of all parameters too."""
    torch.manual_seed(0)
    heads = DualDirectionHeads(DualDirectionHead(12, 7) for _ in range(2)).to(device)
    x = draw(3, 12, 7, 7, dtype=torch.float32, device=device).requires_grad_()
    tensors = [x, *heads.parameters()]

    def run() -> tuple[Tensor, list[Tensor], tuple[Tensor, ...]]:
        attended, maps = heads(x, needs_maps=needs_maps)
        loss = attended.square().sum() + sum(number * m.square().sum() for number, m in enumerate(maps or ()))
        return attended, list(maps or ()), torch.autograd.grad(loss, tensors)

    expected, expected_maps, references = run()
    set_implementation(heads, "fused")
    found, found_maps, gradients = run()

    assert "attend" in type(found.grad_fn).__name__
    assert len(found_maps) == (2 if needs_maps else 0)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(found_maps, expected_maps, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(gradients, references, rtol=1e-4, atol=1e-5)


def test_the_product_of_the_gates_is_the_map_of_the_head(device: str) -> None:
    """The mean over all positions, which weighs the channels, is taken from the gates alone and is the same."""
    torch.manual_seed(0)
    head = DualDirectionHead(12, 5).to(device).eval()
    x = draw(2, 12, 5, 5, dtype=torch.float32, device=device)

    with torch.no_grad():
        gates = [gate.unsqueeze(1) for gate in head.direction_gates(x)]

        torch.testing.assert_close(eager_maps(gates[0], gates[1], gates[2])[:, 0], head(x), rtol=1e-5, atol=1e-6)


def test_a_loss_on_the_head_maps_alone_reaches_the_gates(device: str) -> None:
    """The features have no part in the maps, so their gradient is zero."""
    from fer_zoo.layers.kernels.dual_direction import attend_strongest

    features = draw(2, 6, 7, 7, dtype=torch.float32, device=device).requires_grad_()
    ours = [gates.requires_grad_() for gates in draw_gates((2, 6, 7, 7), 3, torch.float32, device)]
    theirs = [gates.detach().clone().requires_grad_() for gates in ours]

    attend_strongest(features, *ours, needs_maps=True)[1].square().sum().backward()
    eager_maps(*theirs).square().sum().backward()

    assert features.grad is not None
    assert not features.grad.any()
    for gates, reference in zip(ours, theirs, strict=True):
        torch.testing.assert_close(gates.grad, reference.grad)
