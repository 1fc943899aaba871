"""From the checkpoint format of MHAN's authors to this package's.

The authors publish ``{"iter", "model_state_dict", "optimizer_state_dict"}``. The file is read with
``weights_only=True``, so it cannot run code. Parameters that no forward pass of theirs reaches are dropped by name; any
other key that is not known is an error.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from fer_zoo.errors import CheckpointError
from fer_zoo.labels import LabelSet
from fer_zoo.models.checkpoint_errors import checkpoint_errors
from fer_zoo.models.mhan.configuration_mhan import MhanConfig
from fer_zoo.models.mhan.modeling_mhan import MhanForImageClassification

#: Keys of the authors' state dict that take part in no forward pass.
DEAD_KEYS = (
    r"features\.\d+(\.model\.\d+)?\.conv_dw\.(bn|prelu)\..+",  # after each mixed depthwise unit
    r"cat_head\d+\.SEDDAHead\.Linear\..+",  # a depthwise 7 x 7 block in each head
    r"bn\..+",  # on the logits
)

#: Where the authors keep a block, and where it lives here.
BLOCKS = {
    r"features\.([01])": r"mhan.backbone.stem.\1",
    r"features\.2": "mhan.backbone.stages.0.reduce",
    r"features\.3\.model\.(\d+)": r"mhan.backbone.stages.0.blocks.\1",
    r"features\.4": "mhan.backbone.stages.1.reduce",
    r"features\.5\.model\.(\d+)": r"mhan.backbone.stages.1.blocks.\1",
    r"features\.6": "mhan.backbone.stages.2.reduce",
    r"features\.7\.model\.(\d+)": r"mhan.backbone.stages.2.blocks.\1",
    r"features\.8": "mhan.backbone.expand",
    r"cat_head(\d+)\.SEDDAHead": r"mhan.heads.\1",
    r"ela": "mhan.local_attention",
    r"Linear": "mhan.pooler",
    r"fc": "classifier",
}

#: What the authors call a part of a block, and its name here. The direction gates are spelled out in bottlenecks
#: (``CA``) and lie open in the heads.
PARTS = {
    r"conv_dw\.mixed_depthwise_conv\.(\d+)": r"mix.convs.\1",
    r"CA\.conv1": "attention.gates.reduce",
    r"CA\.bn1": "attention.gates.norm",
    r"CA\.conv2": "attention.gates.expand_height",
    r"CA\.conv3": "attention.gates.expand_width",
    r"conv1": "gates.reduce",
    r"bn1": "gates.norm",
    r"conv2": "gates.expand_height",
    r"conv3": "gates.expand_width",
    r"Linear_h\.(conv)": r"rows.\1",
    r"Linear_h\.bn": "rows.norm",
    r"Linear_w\.(conv)": r"columns.\1",
    r"Linear_w\.bn": "columns.norm",
    r"fc\.0": "squeeze",
    r"fc\.2": "excite",
    r"con1": "conv",
    r"GN": "norm",
    r"conv\.conv": "expand.conv",
    r"conv\.bn": "expand.norm",
    r"conv\.prelu": "expand.activation",
    r"project\.conv": "project.conv",
    r"project\.bn": "project.norm",
    r"conv": "conv",
    r"bn": "norm",
    r"prelu": "activation",
}


class MhanConversion(NamedTuple):
    """A converted checkpoint.

    Attributes:
        model: the network, in evaluation mode, with the weights of the checkpoint.
        dropped_keys: names of the authors' parameters that take part in no forward pass and were left out.
    """

    model: MhanForImageClassification
    dropped_keys: tuple[str, ...]


def convert_mhan(checkpoint: str | PathLike[str], label_set: LabelSet) -> MhanConversion:
    """Read a checkpoint in the authors' format.

    Args:
        checkpoint: path of the file.
        label_set: the classes in the order that the checkpoint was trained with.

    Raises:
        FileNotFoundError: if there is no such file.
        CheckpointError: if the file is no checkpoint of MHAN, has other parameters, or has another number of classes
            than the label set.
    """
    state, dropped_keys = convert_state_dict(read_state_dict(checkpoint))
    bias = state.get("classifier.bias")
    num_labels = 0 if bias is None else bias.numel()
    if num_labels != len(label_set):
        raise CheckpointError(
            f"{fspath(checkpoint)!r} has {num_labels} classes, the label set {label_set.name!r} has {len(label_set)}. "
            "Choose the label set that the checkpoint was trained with."
        )
    with checkpoint_errors(fspath(checkpoint)):
        model = MhanForImageClassification(_config_of(state, label_set))
    own = model.state_dict()
    unlike = sorted(name for name in state if name in own and state[name].shape != own[name].shape)
    if unlike:
        found, wanted = (tuple(states[unlike[0]].shape) for states in (state, own))
        raise CheckpointError(
            f"{fspath(checkpoint)!r} has {len(unlike)} parameters of another shape than MHAN, for example "
            f"{unlike[0]!r}, {found} instead of {wanted}."
        )
    missing = model.load_state_dict(state, strict=False).missing_keys
    if missing:
        raise CheckpointError(
            f"{fspath(checkpoint)!r} lacks {len(missing)} parameters of MHAN, for example {missing[0]!r}."
        )
    return MhanConversion(model.eval(), dropped_keys)


def read_state_dict(checkpoint: str | PathLike[str]) -> dict[str, Tensor]:
    """Read the model's tensors from a file of ``torch.save``, without running any code that it may carry.

    Raises:
        FileNotFoundError: if there is no such file.
        CheckpointError: if the file holds anything but tensors and plain containers, or no state dict.
    """
    with Path(checkpoint).open("rb") as file:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # torch remarks on old forms of pickles before it reads or refuses them
                content = torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:  # torch's reader of pickles raises nearly anything for damaged bytes
            raise CheckpointError(
                f"{fspath(checkpoint)!r} is not a checkpoint of tensors, or holds objects that could run code. "
                "Only tensors are read."
            ) from error
    state = content.get("model_state_dict", content) if isinstance(content, Mapping) else None
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise CheckpointError(f"{fspath(checkpoint)!r} has no 'model_state_dict' of tensors.")
    return {str(key).removeprefix("module."): value for key, value in state.items()}


def convert_state_dict(state: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """Rename the authors' parameters.

    Returns:
        the parameters under their names here, and the authors' names of those that were dropped.

    Raises:
        CheckpointError: if a key is neither known nor known to be dead.
    """
    dropped = tuple(key for key in state if any(re.fullmatch(pattern, key) for pattern in DEAD_KEYS))
    return {_rename(key): value for key, value in state.items() if key not in set(dropped)}, dropped


def _rename(key: str) -> str:
    """Return the name here of one of the authors' parameters."""
    for pattern, block in BLOCKS.items():
        match = re.match(pattern + r"\.", key)
        if match:
            rest, dot, leaf = key[match.end() :].rpartition(".")
            return f"{match.expand(block)}.{_rename_part(rest, key)}{dot}{leaf}"
    raise CheckpointError(f"Unknown parameter {key!r}: this is not a checkpoint of MHAN.")


def _rename_part(part: str, key: str) -> str:
    """Return the name here of a part of a block; empty for a block without parts."""
    if not part:
        return part
    for pattern, name in PARTS.items():
        match = re.fullmatch(pattern, part)
        if match:
            return match.expand(name)
    raise CheckpointError(f"Unknown parameter {key!r}: this is not a checkpoint of MHAN.")


def _config_of(state: Mapping[str, Tensor], label_set: LabelSet) -> MhanConfig:
    """Read the architecture off the parameters."""
    heads = {key.split(".")[2] for key in state if key.startswith("mhan.heads.")}
    local_attention = state.get("mhan.local_attention.conv.weight")
    if not heads:
        raise CheckpointError("The checkpoint has no attention heads: this is not a checkpoint of MHAN.")
    return MhanConfig(
        num_attention_heads=len(heads),
        use_local_attention=local_attention is not None,
        local_attention_kernel_size=5 if local_attention is None else local_attention.shape[-1],
        id2label=label_set.id2label,
    )


__all__ = ["MhanConversion", "convert_mhan", "convert_state_dict", "read_state_dict"]
