"""From rows to batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import Subset
from training_rows import LABEL_SET, Rows, processor

from fer_zoo.datasets import ExpressionDataset, Sample, Targets
from fer_zoo.errors import ImageReadError, InvalidOptionError, TrainingDataError
from fer_zoo.models import FerImageProcessor
from fer_zoo.training.pictures import (
    PictureCollator,
    PictureReader,
    TrainingReader,
    as_labels,
    class_numbers,
)
from fer_zoo.training.pixel_preparation import PixelPreparation


@pytest.mark.parametrize("color_mode", ["rgb", "grey"])
@pytest.mark.parametrize("size", [48, 112, 160])
def test_the_device_computes_what_the_image_processor_does(color_mode: str, size: int) -> None:
    """Pixel values of a batch are those of the processor, but for the rounding of its arithmetic."""
    rows = Rows([0, 1, 2], size=size)
    image_processor = processor(color_mode=color_mode)
    preparation = PixelPreparation(image_processor)
    images = torch.stack([torch.from_numpy(np.array(picture)).permute(2, 0, 1) for picture in rows.pictures])

    values = preparation.normalize(preparation.scale(images))

    expected = image_processor(rows.pictures, return_tensors="pt")["pixel_values"]
    torch.testing.assert_close(values, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("option", "value"),
    [("do_normalize", False), ("do_rescale", False), ("rescale_factor", 1 / 127.5), ("do_pad", True)],
)
def test_processors_that_training_does_not_follow_are_refused(option: str, value: Any) -> None:
    """A model would learn other pixel values than it meets later."""
    with pytest.raises(InvalidOptionError, match=rf"processor\.{option}: expected .* training goes by"):
        PixelPreparation(processor(**{option: value}))


def test_pictures_scaled_for_another_model_are_fitted() -> None:
    """Constant colour stays constant at any size; grey is 0.299 R + 0.587 G + 0.114 B; nothing leaves [0, 1]."""
    images = torch.tensor([1.0, 0.5, 0.0]).view(1, 3, 1, 1).expand(2, 3, 48, 48)
    checkers = (torch.arange(48)[:, None] + torch.arange(48)).fmod(2).expand(2, 3, 48, 48)

    colour = PixelPreparation(processor()).fit(images)
    grey = PixelPreparation(processor(color_mode="grey")).fit(images)

    torch.testing.assert_close(colour, images[:, :, :1, :1].expand(2, 3, 112, 112))
    torch.testing.assert_close(grey, torch.full((2, 3, 112, 112), 0.299 + 0.587 / 2))
    fitted = PixelPreparation(processor()).fit(checkers)  # bicubic curves go beyond
    assert (fitted.min().item(), fitted.max().item()) == (0, 1)
    assert torch.equal(PixelPreparation(FerImageProcessor(size={"height": 48, "width": 48})).fit(images), images)


def test_a_batch_leaves_unreadable_pictures_out_and_counts_them() -> None:
    """Two of three rows make the batch."""
    reader = PictureReader(Rows([0, 1, 2], unreadable=(1,)), "skip")
    collate = PictureCollator((112, 112), PixelPreparation(processor()).interpolation)

    batch = collate([reader[0], reader[1], reader[2]])

    assert batch["labels"].tolist() == [0, 2]
    assert int(batch["num_unreadable"]) == 1
    assert batch["images"].shape == (2, 3, 24, 24)


def test_a_picture_that_another_library_cannot_decode_is_unreadable_too(tmp_path: Path) -> None:
    """Its rows decode their pictures themselves; the error is ours, or the row is skipped."""
    (tmp_path / "broken.png").write_bytes(b"broken")
    Image.new("RGB", (8, 8)).save(tmp_path / "whole.png")
    samples = [Sample(tmp_path / name, 0) for name in ("broken.png", "whole.png")]
    rows = ExpressionDataset(samples, LABEL_SET, name="faces").to_hugging_face()

    reader = PictureReader(rows, "skip")

    assert reader[0] is None
    assert reader[1] is not None
    with pytest.raises(ImageReadError, match="Cannot read image 'row 0': the data set cannot read it"):
        PictureReader(rows)[0]


@pytest.mark.parametrize(("targets", "expected"), [("labels", -100), ("votes", [0.0, 0.0, 0.0])])
def test_a_row_without_a_label_among_others_has_what_does_not_count(
    tmp_path: Path, targets: Targets, expected: object
) -> None:
    """A batch of both kinds has labels, and those of no row are learnt as the first class."""
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    samples = [Sample(tmp_path / "a.png", None, (0.0, 0.0, 0.0)), Sample(tmp_path / "a.png", 1, (0.0, 3.0, 1.0))]
    rows = ExpressionDataset(samples, LABEL_SET, name="faces", targets=targets)

    row = PictureReader(rows)[0]

    assert isinstance(row, dict)
    assert row["label"] == expected
    with pytest.raises(TrainingDataError, match="1 of 2 pictures have no label"):
        class_numbers(rows)


def test_the_first_row_may_be_one_without_a_label(tmp_path: Path) -> None:
    """As loose pictures come first in a folder: in a part of a data set, in rows of another library, and in a list."""
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    own = ExpressionDataset([Sample(tmp_path / "a.png", None), Sample(tmp_path / "a.png", 1)], LABEL_SET, name="faces")
    several = [
        Subset(own, [0, 1]),
        own.to_hugging_face(),
        [{"image": tmp_path / "a.png", "label": x} for x in (None, 1)],
    ]

    for rows in several:
        found = [PictureReader(rows)[index] for index in (0, 1)]
        assert [row["label"] for row in found if isinstance(row, dict)] == [-100, 1]


def test_rows_of_no_data_set_have_no_label() -> None:
    """Nothing stands for what no row has."""
    row = PictureReader([{"image": Image.new("RGB", (2, 2))}] * 2)[0]

    assert isinstance(row, dict)
    assert "label" not in row


def test_another_picture_stands_in_for_a_batch_of_which_none_can_be_read() -> None:
    """The same one whenever the batch comes; a batch with a picture of its own needs none."""
    reader = TrainingReader(Rows([0, 1, 2, 0], unreadable=(1, 2)), "skip")
    collate = PictureCollator((112, 112), PixelPreparation(processor()).interpolation)

    first, second, other = (collate(reader.__getitems__(indices)) for indices in ([1, 2], [1, 2], [2, 3]))

    assert (len(first["images"]), first["labels"].tolist(), int(first["num_unreadable"])) == (1, [0], 2)
    assert torch.equal(first["images"], second["images"])
    assert first["stands_in"]
    assert "stands_in" not in other


def test_a_batch_without_a_picture_is_an_error() -> None:
    """There is nothing to train on, and the error says where to look."""
    collate = PictureCollator((112, 112), PixelPreparation(processor()).interpolation)

    with pytest.raises(TrainingDataError, match=r"None of the 2 pictures can be read. To see .* data check"):
        collate([None, None])


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([2, 0], torch.tensor([2, 0])),
        ([[0, 3], [1, 1]], torch.tensor([[0.0, 3.0], [1.0, 1.0]])),
        ([torch.tensor([0, 3]), torch.tensor([1, 1])], torch.tensor([[0.0, 3.0], [1.0, 1.0]])),
        ([], torch.zeros(0, dtype=torch.int64)),
    ],
)
def test_labels_are_whole_numbers_and_votes_are_not(values: list[Any], expected: torch.Tensor) -> None:
    """Class numbers stay int64, votes become float32."""
    labels = as_labels(values)

    assert labels.dtype == expected.dtype
    assert torch.equal(labels, expected)


def test_classes_are_found_wherever_a_data_set_has_them() -> None:
    """In an attribute, in a column, or in the rows; votes count for the class with the most."""

    class Column:
        column_names = ("image", "label")

        def __getitem__(self, key: str) -> list[int]:
            return [1, 0]

    rows = [{"image": Image.new("RGB", (2, 2)), "label": [0.0, 1.0]}, {"image": None, "label": [3.0, 1.0]}]

    assert class_numbers(Rows([1, 0])).tolist() == [1, 0]
    assert class_numbers(Column()).tolist() == [1, 0]
    assert class_numbers(rows).tolist() == [1, 0]


def test_votes_without_a_majority_count_for_the_class_with_the_most() -> None:
    """A data set of votes balances by what it trains on, not by the labels that a majority gives."""
    samples = [Sample(Path("a.png"), votes=(2.0, 3.0, 3.0)), Sample(Path("b.png"), label=2, votes=(0.0, 0.0, 9.0))]

    rows = ExpressionDataset(samples, LABEL_SET, name="votes", targets="votes")

    assert class_numbers(rows).tolist() == [1, 2]


def test_the_classes_of_a_part_are_found_without_its_pictures() -> None:
    """A file that is gone has a class too; the rest of the data set need not have one."""
    samples = [Sample(Path("gone.png"), label) for label in (None, 2, 1)]

    part: Subset[Any] = Subset(ExpressionDataset(samples, LABEL_SET, name="faces"), [2, 1])

    assert class_numbers(part).tolist() == [1, 2]


def test_rows_without_a_label_cannot_be_balanced() -> None:
    """The error says how many lack one; -100 and zeros for every class are none."""
    for labels in ([None, 1], [-100, 1], [[0.0, 0.0], [0.0, 1.0]]):
        with pytest.raises(TrainingDataError, match="1 of 2 pictures have no label"):
            class_numbers([{"image": None, "label": label} for label in labels])
