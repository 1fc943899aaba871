"""Data sets that are read once and kept."""

from __future__ import annotations

import gc
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.transforms import v2
from training_rows import Rows, processor

from fer_zoo.errors import ImageReadError
from fer_zoo.models import FerImageProcessor
from fer_zoo.training.pixel_preparation import PixelPreparation
from fer_zoo.training.stored_pictures import READ_BATCH, StoredPictures


def test_stored_grey_pictures_give_the_values_of_the_image_processor() -> None:
    """One channel of a grey data set is enough, and is all that is stored."""
    grey = Rows([0, 1, 2], size=48)
    grey.pictures = [picture.convert("L") for picture in grey.pictures]
    image_processor = processor(color_mode="grey")
    preparation = PixelPreparation(image_processor)

    stored = StoredPictures.read(grey, preparation)

    values = preparation.normalize(preparation.scale(stored.images))
    expected = image_processor([picture.convert("RGB") for picture in grey.pictures], return_tensors="pt")
    assert stored.images.shape == (3, 1, 48, 48)
    torch.testing.assert_close(values, expected["pixel_values"], atol=1e-5, rtol=0)


def test_stored_pictures_keep_their_size_and_come_in_batches() -> None:
    """A loader asks for a batch at once, and gets the bytes of the rows."""
    rows = Rows([2, 0, 1, 1], size=24)
    stored = StoredPictures.read(rows, PixelPreparation(processor()))

    batch = stored.__getitems__([3, 0])

    assert batch["labels"].tolist() == [1, 2]
    assert torch.equal(batch["images"][1], torch.from_numpy(np.array(rows.pictures[0])).permute(2, 0, 1))
    assert stored.labels == [2, 0, 1, 1]


def test_pictures_of_several_sizes_are_stored_in_that_of_the_model() -> None:
    """Each as if it had been resized alone, one that has the size already too."""
    rows, preparation = Rows([0, 1, 2, 0], size=[24, 24, 112, 30]), PixelPreparation(processor())

    stored = StoredPictures.read(rows, preparation)

    expected = [
        v2.functional.resize(
            torch.from_numpy(np.array(picture)).permute(2, 0, 1), [112, 112], preparation.interpolation
        )
        for picture in rows.pictures
    ]
    assert torch.equal(stored.images, torch.stack(expected))


class Large:
    """Pictures of two sizes, which are made when they are asked for; the last one counts what is held."""

    held = 0

    def __len__(self) -> int:
        """Return the number of pictures."""
        return 4 * READ_BATCH

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return a picture."""
        if index == len(self) - 1:
            tensors = (item for item in gc.get_objects() if type(item) is torch.Tensor)
            self.held = sum(item.shape[-1:] == (100,) for item in tensors)
        return {"image": Image.new("RGB", (100, 100 + index % 2)), "label": 0}


def test_large_pictures_of_several_sizes_are_not_held_in_full() -> None:
    """Of 256 pictures, no more than those that are handed over together are there in their own size at once."""
    rows = Large()

    StoredPictures.read(rows, PixelPreparation(FerImageProcessor(size={"height": 8, "width": 8})))

    assert READ_BATCH - 1 <= rows.held <= 2 * READ_BATCH


def test_reading_draws_no_random_number() -> None:
    """What training draws afterwards does not depend on when the pictures were read."""
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)

    StoredPictures.read(Rows([0, 1]), PixelPreparation(processor()))

    assert torch.equal(torch.rand(1), expected)


def test_an_unreadable_picture_is_an_error_or_left_out() -> None:
    """The error is that of reading; left out, it is counted, and its label goes with it."""
    rows = Rows([0, 1, 2], unreadable=(1,))
    preparation = PixelPreparation(processor())

    stored = StoredPictures.read(rows, preparation, unreadable="skip")

    assert stored.labels == [0, 2]
    assert stored.num_unreadable == 1
    with pytest.raises(ImageReadError, match="Cannot read image"):
        StoredPictures.read(rows, preparation)
