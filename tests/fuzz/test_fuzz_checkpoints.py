"""Damaged checkpoints are refused by an error of this package."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
import torch
from fuzzing import cases, damaged, damaged_tables, nasty_values
from hypothesis import given
from hypothesis import strategies as st
from mhan_checkpoints import write_checkpoint
from safetensors.torch import save

from fer_zoo.errors import CheckpointError, FerZooError
from fer_zoo.labels import get_label_set
from fer_zoo.models import FerImageProcessor, HanPffConfig, HanPffForImageClassification, MhanConfig
from fer_zoo.models.mhan.convert_mhan import convert_mhan, read_state_dict
from fer_zoo.models.mhan.modeling_mhan import MhanForImageClassification
from fer_zoo.pipelines import pipeline


@pytest.mark.parametrize("is_zip", [True, False])
def test_damaged_file_of_torch_is_read_or_refused(is_zip: bool, tmp_path: Path, count: Callable[[], None]) -> None:
    """Both forms that ``torch.save`` has had."""
    path, file = tmp_path / "weights.pth", BytesIO()
    state = {"features.0.conv.weight": torch.ones(2, 3), "fc.bias": torch.zeros(7)}
    torch.save({"iter": 1, "model_state_dict": state}, file, _use_new_zipfile_serialization=is_zip)

    @cases()
    @given(damaged([file.getvalue()]))
    def check(content: bytes) -> None:
        count()
        path.write_bytes(content)
        try:
            read_state_dict(path)
        except CheckpointError as error:
            assert str(error)

    check()


def test_changed_tensors_are_converted_or_refused(tmp_path: Path, count: Callable[[], None]) -> None:
    """A checkpoint of MHAN's authors in which tensors are missing, of another shape, or called something else."""
    path, labels = tmp_path / "weights.pth", get_label_set("raf_db")
    state = write_checkpoint(path, MhanForImageClassification(MhanConfig(num_labels=7)))
    names = sorted(state)
    shapes = st.lists(st.integers(0, 4), max_size=4)

    @cases(0.02)
    @given(st.sampled_from(names), st.one_of(st.none(), shapes, st.sampled_from(["fc.bias", "ela.con1.weight", "x"])))
    def check(name: str, change: object) -> None:
        count()
        changed = dict(state)
        value = changed.pop(name)
        if isinstance(change, list):
            changed[name] = torch.zeros(change)
        elif isinstance(change, str):
            changed[change] = value
        torch.save(changed, path)
        try:
            convert_mhan(path, labels)
        except CheckpointError as error:
            assert str(error)

    check()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a small checkpoint."""
    config = HanPffConfig(image_size=112, hidden_sizes=[16, 16, 16, 16], vector_size=8, num_labels=7)
    HanPffForImageClassification(config).save_pretrained(tmp_path)
    FerImageProcessor().save_pretrained(tmp_path)
    return tmp_path


def open_folder(folder: Path) -> None:
    """Make a pipeline; an error of this package is an answer too."""
    try:
        pipeline(model=str(folder), detector="whole_image", device="cpu")
    except (FerZooError, OSError) as error:  # OSError: a file that is no JSON, as transformers says it
        assert str(error)


def test_damaged_safetensors_are_read_or_refused(folder: Path, count: Callable[[], None]) -> None:
    """Weights whose header lies: about its length, about names, types, shapes and places."""
    path = folder / "model.safetensors"
    whole = path.read_bytes()
    (length,) = struct.unpack("<Q", whole[:8])
    header, body = json.loads(whole[8 : 8 + length]), whole[8 + length :]
    first = dict(list(header.items())[:3])

    def encode(values: dict[str, object]) -> bytes:
        text = json.dumps({**header, **values}).encode("utf-8", "surrogatepass")
        return struct.pack("<Q", len(text)) + text + body

    @cases(0.04)
    @given(st.one_of(damaged([whole]), damaged_tables([first]).map(encode), damaged([save({"a": torch.ones(1)})])))
    def check(content: bytes) -> None:
        count()
        path.write_bytes(content)
        open_folder(folder)

    check()


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json"])
def test_damaged_configuration_of_a_checkpoint_is_read_or_refused(
    name: str, folder: Path, count: Callable[[], None]
) -> None:
    """The files beside the weights; sizes that would fill the memory are refused."""
    path = folder / name
    whole = path.read_bytes()
    seed = json.loads(whole)
    fields = [*seed, "num_labels", "id2label", "label2id", "size", "dtype", "auto_map", "quantization_config"]
    changes = st.dictionaries(st.sampled_from(fields), nasty_values(), min_size=1, max_size=2)

    def encode(values: dict[str, object]) -> bytes:
        return json.dumps({**seed, **values}).encode()

    @cases(0.04)
    @given(st.one_of(damaged([whole]), damaged_tables([seed]).map(encode), changes.map(encode)))
    def check(content: bytes) -> None:
        count()
        path.write_bytes(content)
        open_folder(folder)

    check()
