"""Damaged settings of training runs and configurations of models are refused by the errors that are documented."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from fuzzing import cases, damaged_tables, damaged_text, nasty_values
from huggingface_hub.errors import StrictDataclassError
from hypothesis import given
from hypothesis import strategies as st
from transformers import PreTrainedConfig

from fer_zoo.errors import FerZooError
from fer_zoo.imaging import CropTemplate
from fer_zoo.models import FerImageProcessor, FerResNetConfig, HanPffConfig, MfnConfig, MhanConfig
from fer_zoo.training import RunSettings, parse_assignment, read_settings

RUN = """recipe: fine-tune
data: {kind: image_folder, path: faces, eval_share: 0.2}
model: {name: mhan, fine_tune: true}
training:
  learning_rate: 0.001
  num_train_epochs: 2
augmentation: {rotation: 10}
"""
NESTED = {
    "recipe": "fine-tune",
    "data": {"kind": "table", "path": "a.csv", "options": {"label_set": "raf_db"}},
    "model": {"name": "mhan", "num_attention_heads": 3},
    "training": {"learning_rate": 0.1, "num_train_epochs": 1, "seed": 3},
    "processor": {"color_mode": "grey"},
    "calibrate": True,
}


def test_damaged_settings_file_is_read_or_refused(tmp_path: Path, count: Callable[[], None]) -> None:
    """A file in YAML that is damaged."""
    path = tmp_path / "run.yaml"

    @cases(0.5)
    @given(damaged_text([RUN]))
    def check(content: bytes) -> None:
        count()
        path.write_bytes(content)
        try:
            RunSettings.from_layers(read_settings(path)).to_dict()
        except FerZooError as error:
            assert str(error)

    check()


def test_settings_of_any_value_are_taken_or_refused(count: Callable[[], None]) -> None:
    """Settings with values of any type."""

    @cases(0.5)
    @given(damaged_tables([NESTED]))
    def check(values: dict[str, object]) -> None:
        count()
        try:
            RunSettings.from_layers(values).to_dict()
        except FerZooError as error:
            assert str(error)

    check()


def test_any_assignment_is_taken_or_refused(count: Callable[[], None]) -> None:
    """What ``--set`` takes."""

    @cases()
    @given(st.one_of(st.text(max_size=30), st.text(max_size=20).map("training.learning_rate={}".format)))
    def check(text: str) -> None:
        count()
        try:
            layer = parse_assignment(text)
        except FerZooError as error:
            assert str(error)
        else:
            assert len(layer) == 1

    check()


@pytest.mark.parametrize("kind", [FerResNetConfig, HanPffConfig, MfnConfig, MhanConfig])
def test_damaged_configuration_is_taken_or_refused(kind: type[PreTrainedConfig], count: Callable[[], None]) -> None:
    """A dictionary from ``config.json`` gives a configuration, or one of the errors that transformers documents."""
    seed = kind().to_dict()
    fields = ["num_labels", *(name for name in seed if not name.startswith("_"))]

    @cases(0.5)
    @given(st.one_of(damaged_tables([seed]), st.dictionaries(st.sampled_from(fields), nasty_values(), max_size=3)))
    def check(values: dict[str, object]) -> None:
        count()
        try:
            config = kind.from_dict(values)
        except (FerZooError, StrictDataclassError) as error:
            assert str(error)
        else:
            assert 0 <= config.num_labels <= 10_000

    check()


def test_damaged_crop_template_is_taken_or_refused(count: Callable[[], None]) -> None:
    """What a configuration says about how crops are framed."""
    seed = FerImageProcessor().crop_template

    @cases()
    @given(damaged_tables([seed]))
    def check(values: dict[str, object]) -> None:
        count()
        try:
            CropTemplate.from_dict(values)
        except FerZooError as error:
            assert str(error)

    check()
