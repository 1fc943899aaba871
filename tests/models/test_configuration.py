"""The classes that a configuration names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub.errors import (
    StrictDataclassClassValidationError,
    StrictDataclassError,
    StrictDataclassFieldValidationError,
)
from small_models import save_small_model
from transformers import AutoConfig

from fer_zoo import pipeline
from fer_zoo.errors import CheckpointError
from fer_zoo.labels import LABEL_SETS, get_label_set
from fer_zoo.models import MhanConfig

KEYS, NAMES = "id2label must have the keys 0 to 1", "id2label must have different texts as names"

BAD_CLASSES = pytest.mark.parametrize(
    ("id2label", "message"),
    [
        ({"0": "a", "2": "b"}, KEYS),
        ({"-1": "a", "0": "b"}, KEYS),
        ({"1": "a", "2": "b"}, KEYS),
        ({"0": "a", "1": "a"}, NAMES),
        ({"0": "a", "1": 1}, "id2label"),
        ({"0": "a", "1": None}, "id2label"),
        ({"0": "a", "1": ["b"]}, "id2label"),
    ],
)


def test_wrong_field_raises_the_documented_classes() -> None:
    """A rule and a type have a class each, whose last line says what is wrong; neither is a ``ValueError``."""
    with pytest.raises(StrictDataclassClassValidationError) as of_rule:
        MhanConfig(image_size=100)
    with pytest.raises(StrictDataclassFieldValidationError) as of_type:
        MhanConfig(image_size="large")

    for caught, line in (
        (of_rule, "ValueError: image_size must be a positive multiple of 16, got 100."),
        (of_type, "TypeError: Field 'image_size' expected int, got str (value: 'large')"),
    ):
        assert isinstance(caught.value, StrictDataclassError)
        assert not isinstance(caught.value, ValueError)
        assert str(caught.value).splitlines()[-1].strip() == line


@BAD_CLASSES
def test_classes_with_gaps_and_repeated_names_are_refused(id2label: dict[str, Any], message: str) -> None:
    """The error says what the keys or names must be."""
    with pytest.raises(StrictDataclassError, match=message):
        MhanConfig.from_dict({"id2label": id2label})


@BAD_CLASSES
def test_checkpoint_with_such_classes_does_not_load(id2label: dict[str, Any], message: str, tmp_path: Path) -> None:
    """It is refused before the first face, and the checkpoint is named."""
    folder = save_small_model(tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "id2label": id2label, "label2id": None}))

    with pytest.raises(CheckpointError, match=f"The checkpoint '{folder}' does not load: "):
        pipeline(model=str(folder), detector="whole_image", device="cpu")


@pytest.mark.parametrize("name", LABEL_SETS)
def test_label_sets_pass(name: str, tmp_path: Path) -> None:
    """Every label set is taken, and comes back from the file."""
    labels = get_label_set(name)
    MhanConfig(id2label=labels.id2label, label2id=labels.label2id).save_pretrained(tmp_path)

    assert AutoConfig.from_pretrained(tmp_path).id2label == labels.id2label


def test_label2id_follows_the_classes(tmp_path: Path) -> None:
    """It is that of ``id2label`` where it is missing, and where other classes are given to a checkpoint or assigned."""
    fer_plus, raf_db, affect_net = map(get_label_set, ("fer_plus", "raf_db", "affectnet_8"))
    config = MhanConfig(id2label=fer_plus.id2label)
    config.save_pretrained(tmp_path)

    changed = AutoConfig.from_pretrained(tmp_path, id2label=raf_db.id2label)

    assert config.label2id == AutoConfig.from_pretrained(tmp_path).label2id == fer_plus.label2id
    assert changed.label2id == raf_db.label2id
    config.id2label = affect_net.id2label
    assert config.label2id == affect_net.label2id


def test_label2id_of_other_classes_in_a_file_does_not_count(tmp_path: Path) -> None:
    """An old one stays in the file where transformers is given ``id2label`` alone."""
    raf_db, fer_plus = get_label_set("raf_db"), get_label_set("fer_plus")
    values = {"model_type": "mhan", "id2label": raf_db.id2label, "label2id": fer_plus.label2id}
    (tmp_path / "config.json").write_text(json.dumps(values))

    assert AutoConfig.from_pretrained(tmp_path).label2id == raf_db.label2id


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"temperature": -1.0}, "temperature must be above 0 and finite, got -1.0"),
        ({"label_smoothing": 3.0}, r"label_smoothing must be in \[0, 1\], got 3.0"),
        ({"image_size": 50}, "image_size must be a positive multiple of 16, got 50"),
        ({"id2label": {1: "a", 2: "b"}}, KEYS),
    ],
)
def test_options_for_a_checkpoint_keep_to_the_rules(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    """What differs from the file is looked at like the file, also where the rest is of other use."""
    MhanConfig().save_pretrained(tmp_path)

    with pytest.raises(StrictDataclassError, match=message):
        AutoConfig.from_pretrained(tmp_path, **options)
    with pytest.raises(StrictDataclassError, match=message):
        AutoConfig.from_pretrained(tmp_path, return_unused_kwargs=True, **options)
    kept, unused = AutoConfig.from_pretrained(tmp_path, return_unused_kwargs=True, temperature=2.0, unknown=1)
    assert (kept.temperature, unused) == (2.0, {"unknown": 1})


def test_label2id_alone_changes_nothing(tmp_path: Path) -> None:
    """Not for a checkpoint either: it is that of its classes."""
    MhanConfig(num_labels=3).save_pretrained(tmp_path)

    config = AutoConfig.from_pretrained(tmp_path, label2id={"a": 0, "b": 1})

    assert config.label2id == {"LABEL_0": 0, "LABEL_1": 1, "LABEL_2": 2}


def test_numbers_of_labels_pass() -> None:
    """A number alone names the classes by their numbers, and the default is that of transformers."""
    assert MhanConfig(num_labels=3).id2label == {0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"}
    assert MhanConfig(num_labels=3).label2id == {"LABEL_0": 0, "LABEL_1": 1, "LABEL_2": 2}
    assert MhanConfig().num_labels == 2


def test_order_of_the_keys_does_not_matter() -> None:
    """JSON keeps no order that counts."""
    assert MhanConfig(id2label={"1": "b", "0": "a"}).id2label == {1: "b", 0: "a"}


def test_long_lists_are_shortened() -> None:
    """An error does not repeat ten thousand names."""
    with pytest.raises(StrictDataclassError, match=r"must have different texts as names, got \['a'(, 'a'){19}, …\]"):
        MhanConfig(id2label=dict.fromkeys(range(100), "a"))
