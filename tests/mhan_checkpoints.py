"""Checkpoints in the format of MHAN's authors, made from networks of this package."""

from __future__ import annotations

import re
from pathlib import Path

import torch
from torch import Tensor

from fer_zoo.models import MhanForImageClassification

BATCH_NORM = ("bn.weight", "bn.bias", "bn.running_mean", "bn.running_var", "bn.num_batches_tracked")


def to_authors_format(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename our parameters to the authors' names, and add the dead ones that their network has."""
    authors: dict[str, Tensor] = {}
    for key, value in state.items():
        block, part, leaf = split(key)
        authors[".".join(filter(None, (block, part, leaf)))] = value
    for block in [name for name in authors if name.endswith(".conv_dw.mixed_depthwise_conv.0.weight")]:
        stem = block.removesuffix("mixed_depthwise_conv.0.weight")
        for dead in (*BATCH_NORM, "prelu.weight"):
            authors[stem + dead] = torch.zeros(1)
    for head in {match.group() for match in map(re.compile(r"cat_head\d+").match, authors) if match}:
        for dead in (*BATCH_NORM, "conv.weight"):
            authors[f"{head}.SEDDAHead.Linear.{dead}"] = torch.zeros(1)
    return authors | {f"bn.{name}": torch.zeros(1) for name in ("weight", "bias", "running_mean", "running_var")}


#: The inverse of the converter's tables, written out.
OUR_BLOCKS = (
    (r"mhan\.backbone\.stem\.(\d)", r"features.\1"),
    (r"mhan\.backbone\.stages\.0\.reduce", "features.2"),
    (r"mhan\.backbone\.stages\.0\.blocks\.(\d+)", r"features.3.model.\1"),
    (r"mhan\.backbone\.stages\.1\.reduce", "features.4"),
    (r"mhan\.backbone\.stages\.1\.blocks\.(\d+)", r"features.5.model.\1"),
    (r"mhan\.backbone\.stages\.2\.reduce", "features.6"),
    (r"mhan\.backbone\.stages\.2\.blocks\.(\d+)", r"features.7.model.\1"),
    (r"mhan\.backbone\.expand", "features.8"),
    (r"mhan\.heads\.(\d+)", r"cat_head\1.SEDDAHead"),
    (r"mhan\.local_attention", "ela"),
    (r"mhan\.pooler", "Linear"),
    (r"classifier", "fc"),
)
OUR_PARTS = {
    "bottleneck": {
        "expand.conv": "conv.conv",
        "expand.norm": "conv.bn",
        "expand.activation": "conv.prelu",
        "attention.gates.reduce": "CA.conv1",
        "attention.gates.norm": "CA.bn1",
        "attention.gates.expand_height": "CA.conv2",
        "attention.gates.expand_width": "CA.conv3",
        "project.conv": "project.conv",
        "project.norm": "project.bn",
    },
    "head": {
        "rows.conv": "Linear_h.conv",
        "rows.norm": "Linear_h.bn",
        "columns.conv": "Linear_w.conv",
        "columns.norm": "Linear_w.bn",
        "gates.reduce": "conv1",
        "gates.norm": "bn1",
        "gates.expand_height": "conv2",
        "gates.expand_width": "conv3",
        "squeeze": "fc.0",
        "excite": "fc.2",
    },
    "ela": {"conv": "con1", "norm": "GN"},
    "plain": {"conv": "conv", "norm": "bn", "activation": "prelu", "": ""},
}


def split(key: str) -> tuple[str, str, str]:
    """Return block, part and leaf of one of our parameters under the authors' names."""
    for pattern, authors_block in OUR_BLOCKS:
        match = re.match(pattern + r"\.", key)
        if match:
            block = match.expand(authors_block)
            part, _, leaf = key[match.end() :].rpartition(".")
            if mixed := re.fullmatch(r"mix\.convs\.(\d+)", part):
                return block, f"conv_dw.mixed_depthwise_conv.{mixed.group(1)}", leaf
            in_bottleneck = re.fullmatch(r"features\.([246]|[357]\.model\.\d+)", block)
            kind = "bottleneck" if in_bottleneck else "head" if "SEDDAHead" in block else "plain"
            return block, OUR_PARTS["ela" if block == "ela" else kind][part], leaf
    raise AssertionError(key)


def write_checkpoint(path: Path, model: MhanForImageClassification) -> dict[str, Tensor]:
    """Write a network as the authors would, and return the state under their names."""
    state = to_authors_format(model.state_dict())
    torch.save({"iter": 3, "model_state_dict": state, "optimizer_state_dict": {"step": 1}}, path)
    return state
