"""Kernels of MS-CAM's fusion and of local context attention against the eager ones."""

from __future__ import annotations

import pytest
import torch
from kernel_checks import DTYPES, ORDERS, SHAPES, check_function, draw
from torch import Tensor, nn

from fer_zoo.layers import (
    AttentionalFusion,
    IterativeAttentionalFusion,
    LocalContextAttention,
    ProgressiveFusion,
    set_implementation,
)


def eager_fusion(x: Tensor, y: Tensor, local_scores: Tensor, global_scores: Tensor) -> tuple[Tensor, Tensor]:
    """Return twice the blend, and its weight."""
    weight = (local_scores + global_scores).sigmoid()
    return 2 * (weight * x + (1 - weight) * y), weight


def eager_excitation(x: Tensor, scores: Tensor) -> Tensor:
    """Return what local context attention does with its scores."""
    return x + x * scores.sigmoid()


def draw_inputs(shape: tuple[int, ...], dtype: torch.dtype, device: str, order: str) -> list[Tensor]:
    """Return two maps, local scores and global scores."""
    maps = [ORDERS[order](draw(*shape, dtype=dtype, device=device, seed=seed)) for seed in range(3)]
    return [*maps, draw(*shape[:2], 1, 1, dtype=dtype, device=device, seed=3)]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_fusion_with_its_weights_is_that_of_torch(dtype: torch.dtype, order: str, device: str) -> None:
    """Both outputs agree, and so do the gradients of both maps and both scores from both outputs."""
    from fer_zoo.layers.kernels.score_fusion import fuse_by_scores

    inputs = draw_inputs((2, 6, 7, 7), dtype, device, order)

    check_function(lambda *inputs: fuse_by_scores(*inputs, scale=2.0), eager_fusion, inputs)


@pytest.mark.parametrize("shape", SHAPES)
def test_fusion_without_its_weights_is_that_of_torch(shape: tuple[int, ...], device: str) -> None:
    """The weights need not be written, for any size."""
    from fer_zoo.layers.kernels.score_fusion import fuse_by_scores

    inputs = draw_inputs(shape, torch.float32, device, "contiguous")

    check_function(
        lambda *inputs: fuse_by_scores(*inputs, scale=2.0, needs_weights=False)[0],
        lambda *inputs: eager_fusion(*inputs)[0],
        inputs,
    )


def test_large_maps_are_fused_in_blocks(device: str) -> None:
    """The gradient of the global score sums over several blocks of positions, and the last block is not full."""
    from fer_zoo.layers.kernels.score_fusion import fuse_by_scores

    inputs = draw_inputs((1, 1, 50, 50), torch.float32, device, "contiguous")

    check_function(lambda *inputs: fuse_by_scores(*inputs, scale=2.0), eager_fusion, inputs)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("dtype", DTYPES)
def test_excitation_is_that_of_torch(dtype: torch.dtype, order: str, device: str) -> None:
    """Values and both gradients agree."""
    from fer_zoo.layers.kernels.score_fusion import excite

    inputs = draw_inputs((2, 6, 7, 7), dtype, device, order)[:2]

    check_function(excite, eager_excitation, inputs)


def test_maps_in_different_orders_are_fused(device: str) -> None:
    """The order of the first map is that of all, whatever they came in."""
    from fer_zoo.layers.kernels.score_fusion import excite

    x, scores = draw_inputs((2, 6, 7, 7), torch.float32, device, "contiguous")[:2]

    check_function(excite, eager_excitation, [x, ORDERS["channels_last"](scores)])


@pytest.mark.parametrize("kind", [AttentionalFusion, IterativeAttentionalFusion, LocalContextAttention])
def test_fused_layers_are_the_eager_ones(kind: type[nn.Module], device: str) -> None:
    """Whole layers agree, and so do the gradients of all parameters.

    In eval mode: a batch norm of three values blows the rounding up, and takes the gradient of the bias before it away.
    """
    torch.manual_seed(0)
    layer = kind(12).to(device).eval()
    maps = draw_inputs((3, 12, 7, 5), torch.float32, device, "contiguous")[: 1 if kind is LocalContextAttention else 2]
    maps = [value.requires_grad_() for value in maps]
    tensors = [*maps, *layer.parameters()]

    def run() -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        outputs = layer(*maps)
        outputs = (outputs,) if isinstance(outputs, Tensor) else outputs
        return outputs, torch.autograd.grad(torch.stack([output.square().sum() for output in outputs]).sum(), tensors)

    expected, references = run()
    set_implementation(layer, "fused")
    found, gradients = run()

    assert type(found[0].grad_fn).__name__ != type(expected[0].grad_fn).__name__
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(gradients, references, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("implementation", ["eager", "fused"])
def test_progressive_fusion_leaves_out_attention_that_is_not_wanted(implementation: str, device: str) -> None:
    """The fused maps are the same, and there is no attention."""
    torch.manual_seed(0)
    layer = ProgressiveFusion([4, 8]).to(device).eval()
    levels = [
        draw(2, 4, 6, 6, dtype=torch.float32, device=device),
        draw(2, 8, 3, 3, dtype=torch.float32, device=device),
    ]

    with torch.no_grad():
        expected, attention = layer(levels)
        set_implementation(layer, "fused" if implementation == "fused" else "eager")
        found, nothing = layer(levels, needs_attention=False)

    assert (len(attention), nothing) == (1, ())
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


def test_a_loss_on_the_weights_alone_reaches_the_scores(device: str) -> None:
    """The maps have no part in the weights, so their gradients are zero."""
    from fer_zoo.layers.kernels.score_fusion import fuse_by_scores

    ours = [value.requires_grad_() for value in draw_inputs((2, 6, 7, 7), torch.float32, device, "contiguous")]
    theirs = [value.detach().clone().requires_grad_() for value in ours]

    fuse_by_scores(*ours, scale=2.0)[1].square().sum().backward()
    eager_fusion(*theirs)[1].square().sum().backward()

    for value in ours[:2]:
        assert value.grad is not None
        assert not value.grad.any()
    for value, reference in zip(ours[2:], theirs[2:], strict=True):
        torch.testing.assert_close(value.grad, reference.grad)


@pytest.mark.parametrize("kind", [AttentionalFusion, IterativeAttentionalFusion])
@pytest.mark.parametrize("shape", [(1, 8, 5, 5), (2, 8, 1, 1)])
def test_a_second_map_of_another_shape_is_stretched_as_without_kernels(
    kind: type[AttentionalFusion | IterativeAttentionalFusion], shape: tuple[int, ...], device: str
) -> None:
    """The kernels would read beyond its end."""
    layer = kind(8).to(device).eval()
    x, y = (
        draw(*size, dtype=torch.float32, device=device, seed=seed) for seed, size in enumerate([(2, 8, 5, 5), shape])
    )
    expected, _ = layer(x, y)

    set_implementation(layer, "fused")

    torch.testing.assert_close(layer(x, y)[0], expected)
