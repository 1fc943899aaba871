"""The converter for checkpoints in the format of MHAN's authors."""

from __future__ import annotations

import os
import pickle
import re
from pathlib import Path

import pytest
import torch
from mhan_checkpoints import to_authors_format, write_checkpoint

from fer_zoo.errors import CheckpointError
from fer_zoo.labels import get_label_set
from fer_zoo.models import MhanConfig, MhanForImageClassification, convert_mhan
from fer_zoo.models.mhan.convert_mhan import BLOCKS, PARTS, convert_state_dict

#: What the float32 weights that the embedded ones were made from give for a ramp of pixels; recorded on 2026-11-23.
RAMP_LOGITS = (2.3524, 0.2205, 0.3125, 2.642, 0.4933, -4.911, -5.1569, -6.2892)


@pytest.mark.slow
@pytest.mark.parametrize(("label_set", "num_heads"), [("raf_db", 2), ("affectnet_8", 1), ("fer_plus", 4)])
def test_round_trip_gives_the_same_network(tmp_path: Path, label_set: str, num_heads: int) -> None:
    """A network written in the authors' format comes back with the same weights, for any classes and heads."""
    labels = get_label_set(label_set)
    original = MhanForImageClassification(MhanConfig(num_attention_heads=num_heads, num_labels=len(labels)))
    path = tmp_path / "epoch60.pth"
    write_checkpoint(path, original)

    converted, dropped = convert_mhan(path, labels)

    assert converted.config.id2label == labels.id2label
    assert converted.config.num_attention_heads == num_heads
    assert not converted.training
    for name, value in original.state_dict().items():
        assert torch.equal(converted.state_dict()[name], value), name
    assert len(dropped) == 34 * 6 + num_heads * 6 + 4  # 34 mixed units, the heads, and the norm on the logits


def test_every_table_entry_is_needed() -> None:
    """No entry of the converter's tables is dead: each one renames some parameter."""
    state = to_authors_format(MhanForImageClassification(MhanConfig()).state_dict())
    used_blocks: set[str] = set()
    used_parts: set[str] = set()
    for key in state:
        for pattern in BLOCKS:
            if match := re.match(pattern + r"\.", key):
                used_blocks.add(pattern)
                part = key[match.end() :].rpartition(".")[0]
                used_parts.update(pattern for pattern in PARTS if re.fullmatch(pattern, part))

    assert used_blocks == set(BLOCKS)
    assert used_parts == set(PARTS)


def test_unknown_key_is_an_error() -> None:
    """A key that is neither known nor known to be dead stops the conversion."""
    with pytest.raises(CheckpointError, match=r"Unknown parameter 'features\.9\.conv\.weight'"):
        convert_state_dict({"features.9.conv.weight": torch.zeros(1)})
    with pytest.raises(CheckpointError, match=r"Unknown parameter 'features\.2\.CA\.conv9\.weight'"):
        convert_state_dict({"features.2.CA.conv9.weight": torch.zeros(1)})


def test_missing_parameter_is_an_error(tmp_path: Path) -> None:
    """A checkpoint that lacks a parameter is not filled up with random numbers."""
    path = tmp_path / "cut.pth"
    state = write_checkpoint(path, MhanForImageClassification(MhanConfig(num_labels=7)))
    del state["ela.GN.weight"]
    torch.save({"model_state_dict": state}, path)

    with pytest.raises(CheckpointError, match=r"lacks 1 parameters of MHAN, for example 'mhan\.local_attention\.norm"):
        convert_mhan(path, get_label_set("raf_db"))


def test_bias_that_is_no_row_is_an_error(tmp_path: Path) -> None:
    """A single number has no length; it counts as one class."""
    torch.save({"model_state_dict": {"fc.bias": torch.tensor(1.0)}}, tmp_path / "odd.pth")

    with pytest.raises(CheckpointError, match="has 1 classes, the label set 'fer_plus' has 8"):
        convert_mhan(tmp_path / "odd.pth", get_label_set("fer_plus"))


def test_other_number_of_classes_is_an_error(tmp_path: Path) -> None:
    """A label set of another size is refused with both sizes."""
    path = tmp_path / "seven.pth"
    write_checkpoint(path, MhanForImageClassification(MhanConfig(num_labels=7)))

    with pytest.raises(CheckpointError, match="has 7 classes, the label set 'fer_plus' has 8"):
        convert_mhan(path, get_label_set("fer_plus"))


class Payload:
    """An object that runs a command when it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[object, tuple[str]]:
        """Leave a mark when unpickled."""
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize("through_torch", [True, False])
def test_code_in_a_checkpoint_is_not_run(tmp_path: Path, through_torch: bool) -> None:
    """A pickle that would run a command is refused, and the command does not run."""
    marker, path = tmp_path / "was_run", tmp_path / "evil.pth"
    if through_torch:
        torch.save({"model_state_dict": Payload(marker)}, path)
    else:
        path.write_bytes(pickle.dumps(Payload(marker), protocol=2))

    with pytest.raises(
        CheckpointError, match=r"evil\.pth' is not a checkpoint of tensors, or holds objects that could"
    ):
        convert_mhan(path, get_label_set("raf_db"))

    assert not marker.exists()


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04 broken zip"])
def test_files_that_are_no_checkpoints_are_refused(tmp_path: Path, content: bytes) -> None:
    """Empty, foreign and broken files are named."""
    path = tmp_path / "some.pth"
    path.write_bytes(content)

    with pytest.raises(CheckpointError, match=r"some\.pth"):
        convert_mhan(path, get_label_set("raf_db"))


def test_file_without_a_state_dict_is_refused(tmp_path: Path) -> None:
    """Tensors that are no state dict are refused."""
    path = tmp_path / "tensor.pth"
    torch.save([torch.zeros(1)], path)

    with pytest.raises(CheckpointError, match="has no 'model_state_dict' of tensors"):
        convert_mhan(path, get_label_set("raf_db"))


def test_missing_file(tmp_path: Path) -> None:
    """A path without a file is the usual error."""
    with pytest.raises(FileNotFoundError):
        convert_mhan(tmp_path / "nothing.pth", get_label_set("raf_db"))


def test_embedded_weights_give_the_recorded_logits(embedded_model: MhanForImageClassification) -> None:
    """The embedded float16 weights answer a ramp of pixels as the float32 weights they were made from."""
    size = embedded_model.config.image_size
    ramp = torch.linspace(-2, 2, 3 * size * size).reshape(1, 3, size, size)

    with torch.no_grad():
        logits = embedded_model(ramp).logits[0]

    torch.testing.assert_close(logits, torch.tensor(RAMP_LOGITS), atol=0.02, rtol=0)
