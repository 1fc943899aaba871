"""Damage to videos that the tests made."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import av


def damage_frames(path: Path, numbers: Collection[int]) -> Path:
    """Overwrite these frames of a video, counted from 0, so that they cannot be decoded."""
    with av.open(str(path)) as container:
        places = [(packet.pos or 0, packet.size) for packet in container.demux(video=0) if packet.size]
    content = bytearray(path.read_bytes())
    for number in numbers:
        begin, size = places[number]
        content[begin : begin + size] = b"\xff" * size
    path.write_bytes(content)
    return path


__all__ = ["damage_frames"]
