"""Every mode, shape and type of pixels becomes RGB uint8, with values worked out by hand."""

from io import BytesIO
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from fer_zoo.errors import ImageReadError
from fer_zoo.imaging.read import read_image

WHITE = [255, 255, 255]


def first_pixel(image: NDArray[np.uint8]) -> list[int]:
    """Return the red, green and blue of the top left pixel."""
    return [int(value) for value in image[0, 0]]


def saved(picture: Image.Image, file_format: str, **options: object) -> bytes:
    """Return the picture as the bytes of a file."""
    buffer = BytesIO()
    picture.save(buffer, file_format, **options)
    return buffer.getvalue()


class TestPictures:
    """Pillow pictures of every mode."""

    @pytest.mark.parametrize(
        ("mode", "colour", "expected"),
        [
            ("RGB", (1, 2, 3), [1, 2, 3]),
            ("RGBX", (1, 2, 3, 4), [1, 2, 3]),
            ("L", 7, [7, 7, 7]),
            ("1", 1, WHITE),
            ("1", 0, [0, 0, 0]),
            ("CMYK", (0, 0, 0, 0), WHITE),
            ("CMYK", (255, 0, 0, 0), [0, 255, 255]),
            ("CMYK", (0, 0, 0, 255), [0, 0, 0]),
            ("YCbCr", (255, 128, 128), WHITE),
            ("YCbCr", (90, 128, 128), [90, 90, 90]),
            ("HSV", (0, 255, 255), [255, 0, 0]),
            ("HSV", (0, 0, 255), WHITE),
        ],
    )
    def test_colour_models(self, mode: str, colour: int | tuple[int, ...], expected: list[int]) -> None:
        """Every colour model of Pillow arrives as the same colour in RGB."""
        assert first_pixel(read_image(Image.new(mode, (2, 2), colour))) == expected

    @pytest.mark.parametrize(("lightness", "grey"), [(0, 0), (255, 255)])
    def test_lab(self, lightness: int, grey: int) -> None:
        """The ends of the lightness axis of LAB are black and white, up to the rounding of the colour engine."""
        image = read_image(Image.new("LAB", (1, 1), (lightness, 128, 128)))

        assert np.abs(image.astype(int) - grey).max() <= 1

    @pytest.mark.parametrize(
        ("mode", "colour", "expected"),
        [
            ("RGBA", (10, 20, 30, 0), WHITE),
            ("RGBA", (10, 20, 30, 255), [10, 20, 30]),
            ("RGBA", (0, 100, 255, 51), [204, 224, 255]),  # a fifth of the colour, four fifths of white
            ("LA", (0, 51), [204, 204, 204]),
            ("LA", (9, 0), WHITE),
            ("RGBa", (0, 0, 0, 0), WHITE),
            ("La", (51, 51), WHITE),  # premultiplied: white at a fifth
        ],
    )
    def test_alpha_is_composited_on_white(self, mode: str, colour: int | tuple[int, ...], expected: list[int]) -> None:
        """What shows through a transparent pixel is white."""
        assert first_pixel(read_image(Image.new(mode, (2, 2), colour))) == expected

    def test_palette(self) -> None:
        """A palette picture arrives in the colours of its palette."""
        picture = Image.new("P", (2, 1))
        picture.putpalette([255, 0, 0, 0, 0, 255])
        picture.putpixel((1, 0), 1)

        assert read_image(picture).tolist() == [[[255, 0, 0], [0, 0, 255]]]
        assert read_image(picture.convert("PA")).tolist() == [[[255, 0, 0], [0, 0, 255]]]

    @pytest.mark.parametrize("transparency", [1, b"\xff\x00"])
    @pytest.mark.parametrize("file_format", ["PNG", "GIF"])
    def test_transparent_palette_entry_is_white(self, file_format: str, transparency: int | bytes) -> None:
        """A palette entry that is declared transparent, by number or by a list of alphas, becomes white."""
        picture = Image.new("P", (2, 1))
        picture.putpalette([255, 0, 0, 0, 0, 255])
        picture.putpixel((1, 0), 1)

        image = read_image(saved(picture, file_format, transparency=transparency if file_format == "PNG" else 1))

        assert image.tolist() == [[[255, 0, 0], WHITE]]

    def test_palette_of_the_caller_is_left_alone(self) -> None:
        """Reading a palette picture with transparency does not write alpha into the caller's palette."""
        picture = Image.open(BytesIO(saved(Image.new("P", (2, 2)), "PNG", transparency=b"\x00")))
        picture.load()
        before = (picture.mode, picture.im.getpalettemode(), dict(picture.info), picture.tobytes())

        read_image(picture)

        assert (picture.mode, picture.im.getpalettemode(), dict(picture.info), picture.tobytes()) == before

    @pytest.mark.parametrize(("mode", "key"), [("RGB", (0, 0, 0)), ("L", 0), ("1", 0)])
    def test_colour_key_is_white(self, mode: str, key: int | tuple[int, ...]) -> None:
        """The one colour that a PNG without alpha declares transparent becomes white."""
        picture = Image.open(BytesIO(saved(Image.new(mode, (1, 1)), "PNG", transparency=key)))

        assert first_pixel(read_image(picture)) == WHITE

    @pytest.mark.parametrize("file_format", ["PNG", "TIFF"])
    def test_16_bit_grey_is_scaled(self, file_format: str) -> None:
        """16-bit grey is divided by 257: 65535 gives 255, 32768 gives 128, 256 gives 1, none is clipped."""
        picture = Image.fromarray(np.array([[0, 256, 32768, 65535]], dtype=np.uint16))

        image = read_image(saved(picture, file_format))

        assert image[0, :, 0].tolist() == [0, 1, 128, 255]
        assert (image == image[:, :, :1]).all()

    @pytest.mark.parametrize("mode", ["I;16", "I;16B", "I;16L"])
    def test_byte_order_of_16_bit_grey_does_not_matter(self, mode: str) -> None:
        """Little-endian and big-endian pictures of the same grey give the same value."""
        assert first_pixel(read_image(Image.new(mode, (1, 1), 32768))) == [128, 128, 128]

    def test_colour_key_of_16_bit_grey_is_white(self) -> None:
        """The transparent value of a 16-bit grey PNG becomes white, its neighbour does not."""
        picture = Image.fromarray(np.array([[512, 513]], dtype=np.uint16))
        picture.info["transparency"] = 512

        assert read_image(picture)[0, :, 0].tolist() == [255, 2]

    @pytest.mark.parametrize(
        ("values", "expected"),
        [([0, 100, 255], [0, 100, 255]), ([0, 32768, 65535], [0, 128, 255]), ([0, 0, 256], [0, 0, 1])],
    )
    def test_32_bit_integers_follow_their_largest_value(self, values: list[int], expected: list[int]) -> None:
        """Integers up to 255 count as 8 bits and larger ones as 16 bits."""
        picture = Image.fromarray(np.array([values], dtype=np.int32))

        assert read_image(picture)[0, :, 0].tolist() == expected

    @pytest.mark.parametrize(
        ("values", "expected"), [([0.0, 0.2, 1.0], [0, 51, 255]), ([0.0, 100.0, 255.0], [0, 100, 255])]
    )
    def test_floats_follow_their_largest_value(self, values: list[float], expected: list[int]) -> None:
        """Floats up to 1 count as fractions and larger ones as 0 to 255."""
        picture = Image.fromarray(np.array([values], dtype=np.float32))

        assert read_image(saved(picture, "TIFF"))[0, :, 0].tolist() == expected

    @pytest.mark.parametrize(
        ("values", "limits"),
        [
            (np.array([[-1]], dtype=np.int32), r"\[0, 255\] or \[0, 65535\], found \[-1, -1\]"),
            (np.array([[65536]], dtype=np.int32), r"\[0, 255\] or \[0, 65535\], found \[65536, 65536\]"),
            (np.array([[-0.5]], dtype=np.float32), r"\[0, 1\] or \[0, 255\], found \[-0.5, -0.5\]"),
            (np.array([[np.nan]], dtype=np.float32), r"found \[nan, nan\]"),
        ],
    )
    def test_32_bit_values_out_of_range_are_refused(self, values: NDArray[Any], limits: str) -> None:
        """A 32-bit picture whose scale cannot be told is an error that states both ranges."""
        with pytest.raises(ImageReadError, match=limits):
            read_image(Image.fromarray(values))

    @pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "CMYK"])
    def test_picture_is_not_changed(self, mode: str) -> None:
        """A Pillow picture is the same after it was read, and shares no memory with the result."""
        picture = Image.new(mode, (3, 2))
        before = picture.copy()

        read_image(picture)[:] = 200

        assert picture == before

    def test_closed_picture_is_an_error(self) -> None:
        """A Pillow picture that was closed before its pixels were read is one clear error."""
        picture = Image.open(BytesIO(saved(Image.new("RGB", (2, 2)), "PNG")))
        picture.close()

        with pytest.raises(ImageReadError, match=r"'PIL image \(2x2, RGB\)'.*closed"):
            read_image(picture)

    def test_picture_without_pixels_is_an_error(self) -> None:
        """A Pillow picture of width 0 cannot be read."""
        with pytest.raises(ImageReadError, match=r"'PIL image \(0x4, L\)': it has no pixels"):
            read_image(Image.new("L", (0, 4)))


class TestArrays:
    """Numpy arrays, channels last."""

    def test_rgb_is_taken_as_it_is(self) -> None:
        """An RGB array arrives unchanged, in memory of its own."""
        array = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)

        image = read_image(array)

        assert image.tolist() == array.tolist()
        assert not np.shares_memory(image, array)

    def test_views_become_contiguous(self) -> None:
        """A mirrored and strided view is read as it looks."""
        array = np.arange(96, dtype=np.uint8).reshape(4, 8, 3)[::2, ::-1]

        image = read_image(array)

        assert image.flags.c_contiguous
        assert image.tolist() == array.tolist()

    @pytest.mark.parametrize("shape", [(2, 3), (2, 3, 1)])
    def test_grey_is_repeated(self, shape: tuple[int, ...]) -> None:
        """Grey with or without a channel axis has the same value in red, green and blue."""
        array = np.arange(6, dtype=np.uint8).reshape(shape)

        image = read_image(array)

        assert image.shape == (2, 3, 3)
        assert image[1, 2].tolist() == [5, 5, 5]

    def test_alpha_is_composited_on_white(self) -> None:
        """The fourth channel is alpha: at 0 white, at 51 of 255 a fifth of the colour."""
        array = np.array([[[10, 20, 30, 0], [0, 100, 255, 51], [10, 20, 30, 255]]], dtype=np.uint8)

        assert read_image(array).tolist() == [[WHITE, [204, 224, 255], [10, 20, 30]]]

    @pytest.mark.parametrize("alpha", range(0, 256, 5))
    def test_compositing_rounds_to_the_nearest(self, alpha: int) -> None:
        """For every colour the blend is the exact one, rounded."""
        array = np.full((1, 256, 4), alpha, dtype=np.uint8)
        array[0, :, :3] = np.arange(256)[:, np.newaxis]

        image = read_image(array)

        exact = (np.arange(256) * alpha + 255 * (255 - alpha)) / 255
        assert image[0, :, 1].tolist() == np.floor(exact + 0.5).astype(int).tolist()

    @pytest.mark.parametrize("dtype", ["<u2", ">u2"])
    def test_uint16_is_scaled(self, dtype: str) -> None:
        """16-bit values of either byte order are divided by 257 and rounded."""
        array = np.array([[0, 128, 129, 32768, 65535]], dtype=dtype)

        assert read_image(array)[0, :, 0].tolist() == [0, 0, 1, 128, 255]

    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
    def test_fractions_are_scaled(self, dtype: type[np.floating[Any]]) -> None:
        """Floats in [0, 1] are multiplied by 255 and rounded."""
        array = np.array([[0.0, 0.2, 0.5, 1.0]], dtype=dtype)

        assert read_image(array)[0, :, 0].tolist() == [0, 51, 128, 255]

    def test_bool_is_black_and_white(self) -> None:
        """True is white and False is black."""
        assert read_image(np.array([[True, False]])).tolist() == [[WHITE, [0, 0, 0]]]

    @pytest.mark.parametrize("value", [1.001, -0.001, 255.0, np.inf])
    def test_floats_outside_the_unit_range_are_refused(self, value: float) -> None:
        """A float above 1 or below 0 is an error that says what to do."""
        with pytest.raises(ImageReadError, match=r"must lie in \[0, 1\], found .*divide values in \[0, 255\] by 255"):
            read_image(np.array([[0.5, value]]))

    def test_nan_is_refused(self) -> None:
        """NaN is no colour."""
        with pytest.raises(ImageReadError, match="it holds NaN"):
            read_image(np.array([[0.5, np.nan]]))

    @pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint32, np.complex64, object, "U1", "datetime64[s]"])
    def test_types_without_a_range_are_refused(self, dtype: type | str) -> None:
        """A type that does not tell its range is an error that lists those that do."""
        with pytest.raises(ImageReadError, match="no agreed range; convert them to uint8"):
            read_image(np.zeros((2, 2, 3), dtype=dtype))

    @pytest.mark.parametrize("shape", [(5,), (), (2, 2, 2), (2, 2, 5), (1, 2, 2, 2, 3)])
    def test_other_shapes_are_refused(self, shape: tuple[int, ...]) -> None:
        """A shape that is no picture is an error that states the shapes that are."""
        with pytest.raises(ImageReadError, match=r"an array has shape \(H, W\), or \(H, W, C\) with C 1, 3 or 4"):
            read_image(np.zeros(shape, dtype=np.uint8))

    @pytest.mark.parametrize("channels", [1, 3, 4])
    def test_channels_first_is_refused_with_the_fix(self, channels: int) -> None:
        """An array with the channels first is an error that names the transposition."""
        with pytest.raises(ImageReadError, match=r"for \(C, H, W\) call array.transpose\(1, 2, 0\)"):
            read_image(np.zeros((channels, 8, 9), dtype=np.uint8))

    def test_ambiguous_shape_has_its_channels_last(self) -> None:
        """A (3, H, 3) array is three rows of RGB."""
        array = np.zeros((3, 5, 3), dtype=np.uint8)
        array[0, 0] = (1, 2, 3)

        assert first_pixel(read_image(array)) == [1, 2, 3]

    def test_batch_is_refused_with_the_fix(self) -> None:
        """Four axes are a batch, and the error says how to pass its pictures."""
        with pytest.raises(
            ImageReadError, match=r"it is a batch; pass its pictures one by one, for example list\(batch\)"
        ):
            read_image(np.zeros((2, 4, 4, 3), dtype=np.uint8))

    @pytest.mark.parametrize("shape", [(0, 4, 3), (4, 0), (4, 4, 0)])
    def test_empty_array_is_refused(self, shape: tuple[int, ...]) -> None:
        """An array without values has no pixels."""
        with pytest.raises(ImageReadError, match="it has no pixels"):
            read_image(np.zeros(shape, dtype=np.uint8))


class TestTensors:
    """Torch tensors, channels first."""

    def test_channels_move_to_the_end(self) -> None:
        """A (C, H, W) tensor becomes (H, W, C)."""
        tensor = torch.zeros(3, 2, 4, dtype=torch.uint8)
        tensor[:, 1, 2] = torch.tensor([10, 20, 30])

        image = read_image(tensor)

        assert image.shape == (2, 4, 3)
        assert image[1, 2].tolist() == [10, 20, 30]
        assert image.flags.c_contiguous

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
    def test_fractions_are_scaled(self, dtype: torch.dtype) -> None:
        """Floats in [0, 1] of every precision are multiplied by 255 and rounded, also from a graph."""
        tensor = torch.tensor([[0.0, 0.25, 1.0]], dtype=dtype, requires_grad=True)

        assert read_image(tensor)[0, :, 0].tolist() == [0, 64, 255]

    @pytest.mark.parametrize("shape", [(2, 3), (1, 2, 3)])
    def test_grey_is_repeated(self, shape: tuple[int, ...]) -> None:
        """Grey with or without a channel axis has the same value in red, green and blue."""
        tensor = torch.arange(6, dtype=torch.uint8).reshape(shape)

        assert read_image(tensor)[1, 2].tolist() == [5, 5, 5]

    def test_alpha_is_composited_on_white(self) -> None:
        """The fourth channel is alpha."""
        tensor = torch.tensor([10, 20, 30, 0], dtype=torch.uint8).reshape(4, 1, 1)

        assert first_pixel(read_image(tensor)) == WHITE

    def test_tensor_is_not_changed(self) -> None:
        """Writing to the result leaves the tensor as it was."""
        tensor = torch.zeros(3, 2, 2, dtype=torch.uint8)

        read_image(tensor)[:] = 9

        assert not tensor.any()

    def test_channels_last_is_refused_with_the_fix(self) -> None:
        """A tensor with the channels last is an error that names the permutation."""
        with pytest.raises(ImageReadError, match=r"for \(H, W, C\) call tensor.permute\(2, 0, 1\)"):
            read_image(torch.zeros(8, 9, 3))

    def test_batch_is_refused_with_the_fix(self) -> None:
        """Four axes are a batch, and the error says how to pass its pictures."""
        with pytest.raises(ImageReadError, match=r"'tensor of shape \(2, 3, 4, 4\)': it is a batch.*list\(batch\)"):
            read_image(torch.zeros(2, 3, 4, 4))

    @pytest.mark.parametrize("shape", [(3, 0, 4), (0, 4), (5,), (2, 2, 2)])
    def test_other_shapes_are_refused(self, shape: tuple[int, ...]) -> None:
        """A tensor that is no picture is refused."""
        with pytest.raises(ImageReadError, match=r"no pixels|has shape"):
            read_image(torch.zeros(shape))

    def test_normalised_tensor_is_refused(self) -> None:
        """Values after a normalisation by mean and deviation are refused."""
        with pytest.raises(ImageReadError, match=r"found \[-2, 2\].*undo a normalisation"):
            read_image(torch.tensor([[-2.0, 2.0]]))

    def test_meta_tensor_is_refused(self) -> None:
        """A tensor without values is one clear error."""
        with pytest.raises(ImageReadError, match="cannot be copied to the CPU"):
            read_image(torch.zeros(3, 2, 2, device="meta"))
