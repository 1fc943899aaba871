"""The mixed feature network and its bottleneck, with values and counts worked out by hand."""

import copy
import functools

import pytest
import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from fer_zoo.errors import InvalidOptionError
from fer_zoo.layers import MixedBottleneck, MixedDepthwiseConv2d, MixedFeatureNetwork


@pytest.fixture(autouse=True)
def fixed_seed() -> None:
    """Give every test the same random numbers."""
    torch.manual_seed(0)


def bottleneck(*, residual: bool = False) -> MixedBottleneck:
    """Return a small bottleneck with the same random weights in every call."""
    torch.manual_seed(0)
    return MixedBottleneck(4, 4, (4, 2), (3, 5), residual=residual)


def gradients(module: nn.Module, x: Tensor) -> dict[str, Tensor]:
    """Return the gradient of every parameter for one pass forwards and backwards."""
    module(x).square().sum().backward()
    return {name: p.grad for name, p in module.named_parameters() if p.grad is not None}


def size_of_bottleneck(
    in_channels: int, out_channels: int, splits: tuple[int, ...], kernel_sizes: tuple[int, ...]
) -> int:
    """Count the parameters of a bottleneck by its description."""
    inner = sum(splits)
    reduced = max(8, inner // 32)
    expand = in_channels * inner + 3 * inner  # scale, shift and slope
    mix = sum(channels * size**2 for channels, size in zip(splits, kernel_sizes, strict=True))
    attention = (inner * reduced + reduced) + 2 * reduced + 2 * (reduced * inner + inner)
    project = inner * out_channels + 2 * out_channels
    return expand + mix + attention + project


class TestMixedBottleneck:
    """The block that the network is made of."""

    def test_is_its_four_parts_one_after_the_other(self) -> None:
        """Expansion, mixed convolution, attention and projection follow each other."""
        module = bottleneck().eval()
        x = torch.randn(2, 4, 5, 6)

        torch.testing.assert_close(module(x), module.project(module.attention(module.mix(module.expand(x)))))

    def test_quarters_its_input_if_all_else_is_the_identity(self) -> None:
        """With identity convolutions a positive input keeps only the two attention gates of one half each."""
        module = MixedBottleneck(4, 4, (2, 2), (3, 5)).double().eval()
        for convolution in (part for part in module.modules() if isinstance(part, nn.Conv2d)):
            nn.init.dirac_(convolution.weight, convolution.groups)
        for norm in (module.expand.norm, module.project.norm):
            nn.init.constant_(norm.weight, (1 + 1e-5) ** 0.5)
        for expand in (module.attention.gates.expand_height, module.attention.gates.expand_width):
            for parameter in expand.parameters():
                nn.init.zeros_(parameter)
        x = torch.rand(2, 4, 5, 6, dtype=torch.float64)

        torch.testing.assert_close(module(x), x / 4, rtol=0, atol=1e-12)

    def test_residual_adds_the_input(self) -> None:
        """With the same weights the residual block gives the plain block's output plus its input."""
        plain, residual = bottleneck().eval(), bottleneck(residual=True).eval()
        x = torch.randn(2, 4, 5, 6)

        assert torch.equal(residual(x), plain(x) + x)

    def test_residual_block_with_a_silent_projection_is_the_identity(self) -> None:
        """If the last norm gives zero, the input is all that is left."""
        module = bottleneck(residual=True).eval()
        nn.init.zeros_(module.project.norm.weight)
        x = torch.randn(2, 4, 5, 6)

        assert torch.equal(module(x), x)

    def test_the_projection_is_not_activated(self) -> None:
        """Negative values come out of the block unchanged: its output is the shift of the last norm, here -3."""
        module = bottleneck().eval()
        nn.init.zeros_(module.project.norm.weight)
        nn.init.constant_(module.project.norm.bias, -3.0)

        assert (module(torch.randn(2, 4, 5, 6)) == -3).all()

    @pytest.mark.parametrize(("stride", "size"), [(1, (7, 6)), (2, (4, 3))])
    def test_shape(self, stride: int, size: tuple[int, int]) -> None:
        """The size is divided by the stride and rounded up, and the projection sets the channels."""
        module = MixedBottleneck(4, 10, (3, 2, 1), (3, 5, 7), stride=stride).eval()

        assert module(torch.zeros(2, 4, 7, 6)).shape == (2, 10, *size)

    def test_parameters_of_the_widest_reduction(self) -> None:
        """The block from 128 to 256 channels has an inner width of 1024 in four parts of 256."""
        module = MixedBottleneck(128, 256, (256,) * 4, (3, 5, 7, 9), stride=2)

        expand = 128 * 1024 + 3 * 1024
        mix = 256 * (9 + 25 + 49 + 81)
        attention = (1024 * 32 + 32) + 2 * 32 + 2 * (32 * 1024 + 1024)
        project = 1024 * 256 + 2 * 256
        assert sum(p.numel() for p in module.parameters()) == expand + mix + attention + project == 539_232

    def test_every_parameter_receives_a_gradient(self) -> None:
        """No parameter is left out of the forward pass."""
        module = bottleneck(residual=True).eval()

        found = gradients(module, torch.randn(2, 4, 6, 6))

        assert {name for name, gradient in found.items() if gradient.abs().sum() > 0} == set(
            dict(module.named_parameters())
        )

    @pytest.mark.parametrize("residual", [False, True])
    def test_gradient_checkpointing_gives_the_same_gradients(self, residual: bool) -> None:
        """Computing the block a second time on the way back changes neither its output nor any gradient."""
        plain = bottleneck(residual=residual).train()
        checkpointed = copy.deepcopy(plain)
        calls = []
        checkpointed.mix.register_forward_hook(lambda *_: calls.append("mix"))
        checkpointed.gradient_checkpointing = True
        checkpointed._gradient_checkpointing_func = functools.partial(checkpoint, use_reentrant=False)
        x = torch.randn(3, 4, 6, 6)
        inputs = x.clone().requires_grad_(), x.clone().requires_grad_()

        expected, found = gradients(plain, inputs[0]), gradients(checkpointed, inputs[1])

        assert calls == ["mix", "mix"]
        assert found.keys() == dict(plain.named_parameters()).keys()
        torch.testing.assert_close(found, expected)
        assert inputs[0].grad is not None
        torch.testing.assert_close(inputs[1].grad, inputs[0].grad)


class TestMixedFeatureNetwork:
    """The backbone."""

    @pytest.mark.parametrize(("size", "expected"), [(112, 7), (224, 14)])
    def test_a_picture_becomes_a_map_of_a_sixteenth_of_its_size(self, size: int, expected: int) -> None:
        """A face of 112 x 112 becomes 512 channels of 7 x 7, and one of 224 x 224 of 14 x 14."""
        network = MixedFeatureNetwork().eval()

        with torch.inference_mode():
            output = network(torch.zeros(1, 3, size, size))

        assert output.shape == (1, 512, expected, expected)
        assert (network.out_channels, size // network.stride) == (512, expected)

    def test_shapes_along_the_way(self) -> None:
        """The stem and each stage halve the map as in the table of the paper; the last convolution widens it."""
        network = MixedFeatureNetwork().eval()
        shapes = []

        with torch.inference_mode():
            x = network.stem(torch.zeros(1, 3, 112, 112))
            shapes.append(tuple(x.shape[1:]))
            for stage in network.stages:
                x = stage(x)
                shapes.append(tuple(x.shape[1:]))
            shapes.append(tuple(network.expand(x).shape[1:]))

        assert shapes == [(64, 56, 56), (64, 28, 28), (128, 14, 14), (256, 7, 7), (512, 7, 7)]

    def test_blocks_along_the_way(self) -> None:
        """A reducing block starts each stage; 9, 16 and 6 residual ones follow, with the kernels of the table."""
        blocks = [block for block in MixedFeatureNetwork().modules() if isinstance(block, MixedBottleneck)]

        found = [(block.residual, tuple(channels_by_kernel(block.mix).items())) for block in blocks]

        assert found == [
            (False, ((3, 64), (5, 32), (7, 32))),
            *[(True, ((3, 96), (5, 32)))] * 9,
            (False, ((3, 128), (5, 64), (7, 64))),
            *[(True, ((3, 192), (5, 64)))] * 16,
            (False, ((3, 256), (5, 256), (7, 256), (9, 256))),
            *[(True, ((3, 172), (5, 170), (7, 170)))] * 6,
        ]

    def test_parameters(self) -> None:
        """The count is that of the table, and that of the authors' network without all that is not the backbone."""
        count = sum(p.numel() for p in MixedFeatureNetwork().parameters())

        stem = (3 * 9 * 64 + 3 * 64) + (9 * 64 + 3 * 64)
        third = size_of_bottleneck(64, 64, (64, 32, 32), (3, 5, 7)) + 9 * size_of_bottleneck(64, 64, (96, 32), (3, 5))
        fourth = size_of_bottleneck(64, 128, (128, 64, 64), (3, 5, 7))
        fourth += 16 * size_of_bottleneck(128, 128, (192, 64), (3, 5))
        fifth = size_of_bottleneck(128, 256, (256,) * 4, (3, 5, 7, 9))
        fifth += 6 * size_of_bottleneck(256, 256, (172, 170, 170), (3, 5, 7))
        last = 256 * 512 + 3 * 512
        assert count == stem + third + fourth + fifth + last

        local_attention, heads = 512 * 5 + 2 * 512, 2 * 67_632
        classifier = (512 * 49 + 2 * 512) + (512 * 7 + 7)
        assert count == (4_256_541 - 81_422) - local_attention - heads - classifier  # measured; less what is never used

    def test_reads_pictures_of_one_channel(self) -> None:
        """With one channel only the first convolution is smaller, by two of its three kernels a channel."""
        grey, colour = MixedFeatureNetwork(num_channels=1).eval(), MixedFeatureNetwork()

        with torch.inference_mode():
            assert grey(torch.zeros(1, 1, 32, 32)).shape == (1, 512, 2, 2)

        counts = [sum(p.numel() for p in network.parameters()) for network in (grey, colour)]
        assert counts[1] - counts[0] == 2 * 9 * 64

    def test_every_parameter_receives_a_gradient(self) -> None:
        """No parameter is left out of the forward pass."""
        network = MixedFeatureNetwork().eval()

        found = gradients(network, torch.randn(1, 3, 48, 48))

        missing = [name for name, p in network.named_parameters() if name not in found or not found[name].any()]
        assert missing == []

    def test_gradient_checkpointing_gives_the_same_gradients(self) -> None:
        """Checkpointing the residual blocks of a stage changes no gradient."""
        plain = MixedFeatureNetwork().stages[0].train()
        checkpointed = copy.deepcopy(plain)
        for block in checkpointed.modules():
            if isinstance(block, MixedBottleneck):
                block.gradient_checkpointing = True
                block._gradient_checkpointing_func = functools.partial(checkpoint, use_reentrant=False)
        x = torch.randn(2, 64, 8, 8)

        expected, found = gradients(plain, x), gradients(checkpointed, x)

        assert found.keys() == dict(plain.named_parameters()).keys()
        torch.testing.assert_close(found, expected)


def channels_by_kernel(mix: MixedDepthwiseConv2d) -> dict[int, int]:
    """Return the number of channels that each size of kernel reads."""
    convolutions = [conv for conv in mix.convs if isinstance(conv, nn.Conv2d)]
    return {conv.kernel_size[0]: conv.in_channels for conv in convolutions}


def test_residual_of_another_shape_is_refused() -> None:
    """An input that cannot be added to the output is refused when the block is made."""
    with pytest.raises(InvalidOptionError, match="residual: expected equal channels in and out, and stride 1"):
        MixedBottleneck(64, 32, (64,), (3,), residual=True)
