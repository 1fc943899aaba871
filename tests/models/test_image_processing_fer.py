"""The image processor in both backends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import ExifTags, Image
from transformers import AutoImageProcessor

from fer_zoo.errors import ImageReadError, InvalidOptionError
from fer_zoo.imaging import ARCFACE_TEMPLATE, FER_PLUS_TEMPLATE, read_image
from fer_zoo.models import FerImageProcessor, FerImageProcessorPil, MhanConfig
from fer_zoo.results import Box, Face

MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])  # ImageNet's

Processor: TypeAlias = FerImageProcessor | FerImageProcessorPil
BOTH = pytest.mark.parametrize("processor_class", [FerImageProcessor, FerImageProcessorPil])


def one_colour(red: int, green: int, blue: int) -> NDArray[np.uint8]:
    """Return a picture of one colour, ``(20, 30, 3)``."""
    return np.full((20, 30, 3), (red, green, blue), np.uint8)


@BOTH
def test_pixels_are_scaled_and_normalised(processor_class: type[Processor]) -> None:
    """A colour becomes (value / 255 - mean) / std in each channel, in RGB order, at the model's size."""
    processor = processor_class()

    pixel_values = processor(one_colour(255, 51, 0), return_tensors="pt")["pixel_values"]

    assert pixel_values.shape == (1, 3, 112, 112)
    assert pixel_values.dtype == torch.float32
    expected = (np.array([1.0, 0.2, 0.0]) - MEAN) / STD
    np.testing.assert_allclose(pixel_values[0, :, 50, 50], expected, atol=1e-5)


@BOTH
def test_grey_is_made_from_colour(processor_class: type[Processor]) -> None:
    """In grey mode all channels hold the brightness: 0.299 x 200 + 0.587 x 100 + 0.114 x 50 = 124.2, rounded to 124."""
    processor = processor_class(color_mode="grey")

    pixel_values = processor(one_colour(200, 100, 50), return_tensors="pt")["pixel_values"]

    expected = (124 / 255 - MEAN) / STD
    np.testing.assert_allclose(pixel_values[0, :, 50, 50], expected, atol=1e-5)


@BOTH
def test_grey_pictures_are_the_same_in_both_modes(processor_class: type[Processor]) -> None:
    """A picture without colour gives the same pixel values in grey and in RGB mode."""
    picture = one_colour(90, 90, 90)

    grey = processor_class(color_mode="grey")(picture, return_tensors="pt")["pixel_values"]
    rgb = processor_class(color_mode="rgb")(picture, return_tensors="pt")["pixel_values"]

    torch.testing.assert_close(grey, rgb)


def test_grey_is_what_pillow_makes(astronaut: NDArray[np.uint8]) -> None:
    """The brightness is that of Pillow's mode "L", within one level."""
    grey = FerImageProcessor.to_grey(torch.from_numpy(astronaut).permute(2, 0, 1))

    pillow = np.asarray(Image.fromarray(astronaut).convert("L"), np.int16)
    assert grey.shape == (3, 512, 512)
    assert np.abs(grey[0].numpy() - pillow).max() <= 1


@pytest.mark.parametrize("color_mode", ["rgb", "grey"])
def test_backends_agree(astronaut: NDArray[np.uint8], color_mode: str) -> None:
    """Torchvision and Pillow give the same pixel values, within two levels of 255."""
    torchvision = FerImageProcessor(color_mode=color_mode)(astronaut, return_tensors="pt")["pixel_values"]
    pillow = FerImageProcessorPil(color_mode=color_mode)(astronaut, return_tensors="pt")["pixel_values"]

    torch.testing.assert_close(torchvision, pillow, atol=2 / 255 / 0.224, rtol=0)


@BOTH
def test_many_pictures_of_other_sizes_and_kinds(processor_class: type[Processor]) -> None:
    """PIL pictures, grey ones too, and arrays of other sizes make one batch in their order."""
    pictures = [
        Image.fromarray(one_colour(255, 255, 255)),
        Image.new("L", (7, 9), 0),
        Image.new("RGB", (112, 112), (255, 255, 255)),
    ]

    pixel_values = processor_class()(pictures, return_tensors="pt")["pixel_values"]

    assert pixel_values.shape == (3, 3, 112, 112)
    assert [bool(picture.mean() > 0) for picture in pixel_values] == [True, False, True]


def pictures_of_rare_modes() -> Iterator[Image.Image]:
    """Yield pictures of Pillow in modes with transparency, with more than eight bits, and of other colours."""
    values = np.random.default_rng(0).integers(0, 256, (20, 30, 4), np.uint8)
    picture = Image.fromarray(values)
    opaque = picture.convert("RGB")
    yield from (picture.convert("LA").convert("La"), picture.convert("LA"), picture, picture.convert("RGBa"))
    palette, key = opaque.convert("P"), opaque.convert("L")
    palette.info["transparency"], key.info["transparency"] = 3, key.getpixel((0, 0))
    yield from (palette, palette.convert("PA"), key)
    yield from (opaque.convert(mode) for mode in ("1", "CMYK", "HSV", "RGBX", "YCbCr"))
    yield Image.new("LAB", (30, 20), (100, 140, 120))
    words = values[..., 0].astype(np.uint16) * 257
    yield from (Image.fromarray(words), Image.fromarray(words.astype(np.int32)), Image.new("I;16B", (30, 20), 40_000))
    yield Image.fromarray(values[..., 0] / np.float32(255))
    upside_down = opaque.copy()
    upside_down.getexif()[ExifTags.Base.Orientation] = 3
    yield upside_down


@BOTH
@pytest.mark.parametrize("picture", list(pictures_of_rare_modes()), ids=lambda picture: picture.mode)
def test_pictures_of_pillow_are_read_as_pipelines_read_them(
    processor_class: type[Processor], picture: Image.Image
) -> None:
    """Whatever the mode, the pixel values are those of the array that ``read_image`` gives."""
    processor = processor_class()

    found = processor(picture, return_tensors="pt")["pixel_values"]

    assert torch.equal(found, processor(read_image(picture), return_tensors="pt")["pixel_values"])


@BOTH
def test_pictures_of_pillow_without_a_scale_are_refused(processor_class: type[Processor]) -> None:
    """The error names the mode, what was found and what to do."""
    picture = Image.new("F", (30, 20), 300.0)

    with pytest.raises(ImageReadError, match=r"\(30x20, F\)': 32-bit values must lie in .*found \[300, 300\]; scale"):
        processor_class()(picture, return_tensors="pt")


@BOTH
def test_grey_arrays_need_no_axis_for_channels(processor_class: type[Processor]) -> None:
    """``(H, W)`` is the same picture as ``(H, W, 1)``, alone and in a list; so it is for tensors."""
    grey = np.arange(64 * 48, dtype=np.uint8).reshape(64, 48)
    processor = processor_class()
    expected = processor(grey[..., None], return_tensors="pt")["pixel_values"]

    for pictures in (grey, [grey, grey], torch.from_numpy(grey)):
        found = processor(pictures, return_tensors="pt")["pixel_values"]
        assert torch.equal(found, expected.expand(len(found), -1, -1, -1))
    by_order = processor(grey, return_tensors="pt", input_data_format="channels_last")["pixel_values"]
    assert torch.equal(by_order, expected)


@BOTH
def test_arrays_may_be_views(processor_class: type[Processor], astronaut: NDArray[np.uint8]) -> None:
    """Mirrored and with exchanged channels, which are negative strides."""
    view = astronaut[:, ::-1, ::-1]

    found = processor_class()(view, return_tensors="pt")["pixel_values"]

    assert torch.equal(found, processor_class()(view.copy(), return_tensors="pt")["pixel_values"])


@BOTH
def test_everything_is_saved_and_loaded(tmp_path: Path, processor_class: type[Processor]) -> None:
    """Size, colour mode, template and statistics come back through the Auto class, in either backend."""
    processor = processor_class(
        color_mode="grey",
        crop_template=FER_PLUS_TEMPLATE.to_dict(),
        size={"height": 224, "width": 224},
        image_mean=[0.5, 0.5, 0.5],
    )
    processor.save_pretrained(tmp_path)
    MhanConfig().save_pretrained(tmp_path)

    backend = "pil" if processor_class is FerImageProcessorPil else "torchvision"
    loaded = AutoImageProcessor.from_pretrained(tmp_path, backend=backend)

    assert type(loaded) is processor_class
    assert loaded.color_mode == "grey"
    assert loaded.template == FER_PLUS_TEMPLATE
    assert dict(loaded.size) == {"height": 224, "width": 224}
    assert list(loaded.image_mean) == [0.5, 0.5, 0.5]


def test_default_template_is_arcface() -> None:
    """Without a template of its own a processor frames faces as ArcFace does."""
    assert FerImageProcessor().template == ARCFACE_TEMPLATE


@BOTH
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"color_mode": "bgr"}, "Invalid value 'bgr' for color_mode: expected one of rgb, grey."),
        ({"crop_size": {"height": 9000, "width": 9000}}, "for crop_size: expected height and width, from 1 to"),
        ({"pad_size": {"height": 9000, "width": 9000}}, "for pad_size: expected height and width, from 1 to"),
        ({"image_std": [0.0, 0.0, 0.0]}, "(0.0, 0.0, 0.0) for image_std: expected finite numbers above 0."),
        ({"image_mean": [0.0, float("nan"), 0.0]}, "for image_mean: expected finite numbers."),
        ({"rescale_factor": 0.0}, "Invalid value 0.0 for rescale_factor: expected finite numbers above 0."),
        ({"resample": 99}, "Invalid value 99 for resample: expected one of PIL.Image.Resampling."),
        ({"crop_template": {"landmarks": [[0, 0]]}}, "expected 'landmarks', five points, and 'box_margin', a number."),
    ],
)
def test_wrong_options_are_refused(processor_class: type[Processor], options: dict[str, object], message: str) -> None:
    """A wrong colour mode or template is refused by the constructor and by a call."""
    with pytest.raises(InvalidOptionError) as from_constructor:
        processor_class(**options)
    with pytest.raises(InvalidOptionError) as from_call:
        processor_class()(one_colour(0, 0, 0), **options)

    assert message in str(from_constructor.value)
    assert message in str(from_call.value)


def test_crop_puts_the_landmarks_onto_the_template(astronaut: NDArray[np.uint8]) -> None:
    """Faces are cut out at the model's size; a white dot on the left eye lands on the template's left eye."""
    eye = (203, 101)
    picture = np.zeros_like(astronaut)
    picture[eye[1] - 1 : eye[1] + 2, eye[0] - 1 : eye[0] + 2] = 255
    (left, top), scale = FER_PLUS_TEMPLATE.landmarks[0], 160
    corner = eye[0] + 0.5 - left * scale, eye[1] + 0.5 - top * scale
    first, second, third, fourth, fifth = (
        (corner[0] + x * scale, corner[1] + y * scale) for x, y in FER_PLUS_TEMPLATE.landmarks
    )
    face = Face(Box(150, 50, 270, 180), 1.0, (first, second, third, fourth, fifth))
    processor = FerImageProcessor(crop_template=FER_PLUS_TEMPLATE.to_dict())

    (crop,) = processor.crop_faces(picture, [face])

    assert crop.shape == (112, 112, 3)
    row, column = np.unravel_index(crop[..., 0].argmax(), (112, 112))
    assert (column + 0.5, row + 0.5) == pytest.approx((left * 112, top * 112), abs=1)


def test_crops_of_no_faces_are_none() -> None:
    """No faces give no crops."""
    assert FerImageProcessor().crop_faces(one_colour(0, 0, 0), []) == []
