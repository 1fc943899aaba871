"""Starting HAN-PFF from a ResNet-18: its stem and its four stages fit the stem and the local branches of the blocks."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor, nn

from fer_zoo.models.partial_state import load_partial_state

#: Keys of torchvision's ResNet-18, and where they live in :class:`~fer_zoo.models.HanPffModel`. The stages count from 1
#: there and from 0 here, so their numbers are taken down by one before.
NAMES = (
    (r"conv1\.(.+)", r"stem.conv.\1"),
    (r"bn1\.(.+)", r"stem.norm.\1"),
    (r"stage(\d)\.(\d)\.conv([12])\.(.+)", r"blocks.\1.local_blocks.\2.conv\3.conv.\4"),
    (r"stage(\d)\.(\d)\.bn([12])\.(.+)", r"blocks.\1.local_blocks.\2.conv\3.norm.\4"),
    (r"stage(\d)\.(\d)\.downsample\.0\.(.+)", r"blocks.\1.local_blocks.\2.shortcut.conv.\3"),
    (r"stage(\d)\.(\d)\.downsample\.1\.(.+)", r"blocks.\1.local_blocks.\2.shortcut.norm.\3"),
)

COUNTER = "num_batches_tracked"  # takes part in no computation, and old checkpoints have none


def load_resnet18(model: nn.Module, state: Mapping[str, Tensor], *, with_stem: bool) -> tuple[str, ...]:
    """Copy the weights of a ResNet-18 into a bare HAN-PFF model.

    Args:
        model: the model.
        state: the state dict of the ResNet-18, with the names of torchvision.
        with_stem: whether the stem is copied too.

    Returns:
        The keys that were not used.

    Raises:
        CheckpointError: if keys are missing, have another shape, or are not known.
    """
    renamed = {rename(key): value for key, value in state.items()}
    prefixes = ("stem.", "blocks.") if with_stem else ("blocks.",)
    wanted = {
        name
        for name in model.state_dict()
        if name.startswith(prefixes) and (name.startswith("stem.") or ".local_blocks." in name)
        if not name.endswith(COUNTER)
    }
    expected = "a ResNet-18 with the names of torchvision"
    load_partial_state(model, renamed, wanted, ignored_prefix="fc.", expected=expected)
    return tuple(key for key in state if rename(key) not in wanted and not key.endswith(COUNTER))


def rename(key: str) -> str:
    """Return the name in HAN-PFF of a key of torchvision's ResNet-18; other keys keep their own."""
    counted = re.sub(r"^layer([1-4])\.", lambda match: f"stage{int(match[1]) - 1}.", key)
    for pattern, name in NAMES:
        match = re.fullmatch(pattern, counted)
        if match is not None:
            return match.expand(name)
    return key


__all__ = ["load_resnet18", "rename"]
