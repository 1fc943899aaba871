"""How a kernel goes over a feature map: its order in memory, and the blocks that one program takes.

All sizes of a map but the batch are constants of the compiled kernel, and the batch is none of its arguments: another
batch size needs no new kernel. Offsets within one sample are 32 bits wide, those of samples 64.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from fer_zoo.layers.kernels.fallback import padded

ELEMENTS = 2048  # of the tile of a program: 16 for each thread of four warps
MAX_PLANE = 4096  # elements of a map that is taken at once, after which it is taken row by row
CHANNELS_LAST_BLOCK = 32  # channels: 64 bytes or more in one piece
SMALL_TILE = 4096  # elements that four warps hold without running out of registers


class MapLayout(NamedTuple):
    """Sizes of one sample of a feature map, and how far apart its values are.

    Attributes:
        channels: C.
        height: H.
        width: W.
        is_channels_last: whether the channels of a position lie beside each other.
    """

    channels: int
    height: int
    width: int
    is_channels_last: bool

    @property
    def memory_format(self) -> torch.memory_format:
        """Return the name that PyTorch has for the order."""
        return torch.channels_last if self.is_channels_last else torch.contiguous_format

    @property
    def constants(self) -> dict[str, int]:
        """Return what every kernel is told of a map."""
        positions = self.height * self.width
        return {
            "C": self.channels,
            "H": self.height,
            "W": self.width,
            "STRIDE_C": 1 if self.is_channels_last else positions,
            "STRIDE_P": self.channels if self.is_channels_last else 1,
        }


def lay_out(x: Tensor) -> tuple[Tensor, MapLayout]:
    """Return a map in an order that the kernels know, copied only if it is in neither, and its layout."""
    is_contiguous = x.is_contiguous()
    is_channels_last = not is_contiguous and x.is_contiguous(memory_format=torch.channels_last)
    if not is_contiguous and not is_channels_last:
        x = x.contiguous()
    channels, height, width = (int(size) for size in x.shape[1:])
    return x, MapLayout(channels, height, width, is_channels_last)


def lay_out_alike(x: Tensor, *others: Tensor) -> tuple[list[Tensor], MapLayout]:
    """Return maps of one shape in one order, that of the first where the kernels know it, and their layout."""
    x, layout = lay_out(x)
    return [x, *(other.contiguous(memory_format=layout.memory_format) for other in others)], layout


def block_sizes(layout: MapLayout, elements: int = ELEMENTS, *, keeps_map_whole: bool = False) -> dict[str, int]:
    """Return the channels, rows and columns of one program's tile, each a power of two.

    Args:
        layout: of the map.
        elements: what the tile should have.
        keeps_map_whole: whether the tile must have all rows.
    """
    rows, columns = padded(layout.height), padded(layout.width)
    most_channels = padded(layout.channels)
    if keeps_map_whole or (not layout.is_channels_last and rows * columns <= MAX_PLANE):
        channels = min(most_channels, max(1, elements // (rows * columns)))
        return {"BLOCK_C": channels, "BLOCK_H": rows, "BLOCK_W": columns}
    channels = min(most_channels, CHANNELS_LAST_BLOCK) if layout.is_channels_last else 1
    rows = min(rows, max(1, elements // (channels * columns)))
    return {"BLOCK_C": channels, "BLOCK_H": rows, "BLOCK_W": columns}


def count_blocks(size: int, block: int) -> int:
    """Return how many blocks cover a size."""
    return -(-size // block)


def count_tiles(batch: int, layout: MapLayout, blocks: Mapping[str, int]) -> int:
    """Return how many tiles of such sides cover a batch of maps that they are as wide as."""
    return batch * count_blocks(layout.channels, blocks["BLOCK_C"]) * count_blocks(layout.height, blocks["BLOCK_H"])


def count_warps(blocks: Mapping[str, int]) -> int:
    """Return the warps of a program for the sides of its tile."""
    return 4 if math.prod(blocks.values()) <= SMALL_TILE else 8
