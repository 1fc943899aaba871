"""From a picture of a face to the pixel values that a model was trained on.

Everything that training fixed is stored with the checkpoint: size, normalisation, whether the pictures were grey, and
how the crops framed the face. Two backends compute the same: torchvision (the default) and Pillow.
"""
# No postponed annotations here: transformers reads the types of FerImageProcessorKwargs at run time.

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from transformers.image_processing_backends import PilBackend, TorchvisionBackend
from transformers.image_processing_utils import BatchFeature
from transformers.image_utils import IMAGENET_DEFAULT_MEAN, IMAGENET_DEFAULT_STD, PILImageResampling
from transformers.processing_utils import ImagesKwargs

from fer_zoo.errors import InvalidOptionError
from fer_zoo.imaging.align import ARCFACE_TEMPLATE, CropTemplate, crop_face
from fer_zoo.imaging.read import read_image
from fer_zoo.results import Face

MAX_SIZE = 4096  # pixels of a side of the crop; a checkpoint from anywhere says how large crops are
COLOR_MODES = ("rgb", "grey")
GREY_AXES = 2  # of an array without an axis for channels

#: Weights of red, green and blue in the brightness (ITU-R BT.601), as Pillow has them in its mode "L".
LUMA_WEIGHTS = (0.299, 0.587, 0.114)


class FerImageProcessorKwargs(ImagesKwargs, total=False):  # type: ignore[call-arg]  # a TypedDict
    """Options beyond those of every image processor of transformers.

    Attributes:
        color_mode: ``"rgb"``, or ``"grey"`` for models trained on grey pictures: three equal channels of brightness.
        crop_template: how the crop frames a face, as :meth:`fer_zoo.imaging.CropTemplate.to_dict` gives it.
    """

    color_mode: str | None
    crop_template: dict[str, Any] | None


class _FaceProcessing:
    """What both backends share: defaults, validation, and cutting out faces."""

    valid_kwargs = FerImageProcessorKwargs
    model_input_names: ClassVar[list[str]] = ["pixel_values"]
    resample = PILImageResampling.BICUBIC
    image_mean = IMAGENET_DEFAULT_MEAN
    image_std = IMAGENET_DEFAULT_STD
    size: Any = {"height": 112, "width": 112}  # noqa: RUF012  # transformers copies it for each instance
    default_to_square = True
    do_resize = True
    do_rescale = True
    do_normalize = True
    do_convert_rgb = True
    rescale_factor = 1 / 255
    color_mode: str = "rgb"
    crop_template: Any = ARCFACE_TEMPLATE.to_dict()

    def _standardize_kwargs(self, **kwargs: Any) -> dict[str, Any]:  # the options of transformers
        """Check our own options wherever they come from: the constructor, a file, or a call."""
        if kwargs.get("color_mode") not in COLOR_MODES:
            raise InvalidOptionError("color_mode", kwargs.get("color_mode"), f"one of {', '.join(COLOR_MODES)}")
        CropTemplate.from_dict(kwargs["crop_template"])
        standardized: dict[str, Any] = super()._standardize_kwargs(**kwargs)  # type: ignore[misc]  # of the backend
        _check_size("size", standardized.get("size"))
        for name in ("crop_size", "pad_size"):
            if standardized.get(name) is not None:
                _check_size(name, standardized[name])
        _check_arithmetic(standardized)
        return standardized

    def fetch_images(self, image_url_or_urls: Any) -> Any:  # whatever transformers takes for pictures
        """Read pictures as the backend does; grey arrays ``(H, W)`` get an axis for their channel.

        Arrays become contiguous, as torch takes no views with negative strides, such as ``image[..., ::-1]``.
        """
        images = super().fetch_images(image_url_or_urls)  # type: ignore[misc]  # of the backend
        if getattr(images, "ndim", None) == GREY_AXES:
            images = images[..., None]
        return np.ascontiguousarray(images) if isinstance(images, np.ndarray) else images

    def process_image(
        self, image: Any, do_convert_rgb: bool | None = None, input_data_format: Any = None, **kwargs: Any
    ) -> Any:  # an array or a tensor, as the backend has them
        """Bring a picture into the form of the backend; those of Pillow become RGB as pipelines read them.

        The backend would cut the values of deep modes off, and knows neither premultiplied modes nor EXIF data.

        Raises:
            ImageReadError: if a picture of Pillow is damaged, or holds values out of the range of its mode.
        """
        if do_convert_rgb and isinstance(image, Image.Image):
            image, input_data_format = read_image(image), "channels_last"
        processed: Any = super().process_image(  # type: ignore[misc]  # of the backend
            image, do_convert_rgb=do_convert_rgb, input_data_format=input_data_format, **kwargs
        )
        return processed

    def _preprocess(
        self, images: list[Any], color_mode: str, crop_template: dict[str, Any], **kwargs: Any
    ) -> BatchFeature:
        """Make the pictures grey if the model is, then let the backend resize and normalise them."""
        # one channel becomes three, which Pillow's backend of transformers 5.17 leaves to us
        images = [image[[0, 0, 0]] if len(image) == 1 else image for image in images]
        if color_mode == "grey":
            images = [self.to_grey(image) for image in images]  # type: ignore[attr-defined]  # of each backend
        return super()._preprocess(images, **kwargs)  # type: ignore[misc]  # of the backend

    @property
    def template(self) -> CropTemplate:
        """How the crop frames a face."""
        return CropTemplate.from_dict(self.crop_template)

    def crop_faces(
        self, image: NDArray[np.uint8], faces: Sequence[Face], *, size: int | None = None
    ) -> list[NDArray[np.uint8]]:
        """Cut faces out of a picture as the model expects them: upright, framed by the template, of the model's size.

        Args:
            image: RGB, ``(H, W, 3)``.
            faces: the faces, in pixels of the picture.
            size: side of the crops in pixels, to keep more detail than the model takes; by default the model's.

        Returns:
            one crop for each face, ``(size, size, 3)``.
        """
        template, side = self.template, self.size["height"] if size is None else size
        return [crop_face(image, face, template, side) for face in faces]


def _check_size(name: str, size: Any) -> None:  # anything, until it is checked
    """Refuse a size of crops that is none, or would fill the memory.

    Raises:
        InvalidOptionError: if it is not height and width in pixels.
    """
    sides = [getattr(size, side, None) for side in ("height", "width")]
    if not all(isinstance(side, int) and 0 < side <= MAX_SIZE for side in sides):
        raise InvalidOptionError(name, size, f"height and width, from 1 to {MAX_SIZE} pixels")


def _check_arithmetic(options: dict[str, Any]) -> None:
    """Refuse numbers that make no numbers of pixels.

    Raises:
        InvalidOptionError: if the factor, the mean or the standard deviation is not finite, one that is divided by is
            not above 0, or there is no such way to resize.
    """
    for name, is_divisor in (("rescale_factor", True), ("image_mean", False), ("image_std", True)):
        value = options.get(name)
        try:
            numbers = np.asarray(value if value is not None else 1.0, np.float64)
        except (TypeError, ValueError):
            numbers = np.array(np.nan)
        if not np.isfinite(numbers).all() or (is_divisor and not (numbers > 0).all()):
            raise InvalidOptionError(name, value, "finite numbers above 0" if is_divisor else "finite numbers")
    resample = options.get("resample")
    if isinstance(resample, int) and resample not in set(PILImageResampling):
        raise InvalidOptionError("resample", resample, "one of PIL.Image.Resampling")


class FerImageProcessor(_FaceProcessing, TorchvisionBackend):
    """Make pixel values from pictures of faces, with torchvision.

    Calling it with one or many pictures gives ``pixel_values`` of shape ``(B, 3, height, width)``, normalised by mean
    and standard deviation after scaling to [0, 1].

    Args:
        size: of the pixel values, ``{"height": 112, "width": 112}`` by default.
        resample: how pictures are resized; bicubic by default.
        image_mean: of each channel, in [0, 1]; ImageNet's by default.
        image_std: of each channel, in [0, 1]; ImageNet's by default.
        color_mode: ``"rgb"``, or ``"grey"`` for models trained on grey pictures; colour pictures are then made grey
            here.
        crop_template: how ``crop_faces`` frames a face, as :meth:`fer_zoo.imaging.CropTemplate.to_dict` gives it.

    Raises:
        InvalidOptionError: if the colour mode or the template is not valid.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    @staticmethod
    def to_grey(image: torch.Tensor) -> torch.Tensor:
        """Turn ``(3, H, W)`` into three equal channels of brightness, of the same type."""
        weights = torch.tensor(LUMA_WEIGHTS, device=image.device).view(3, 1, 1)
        grey = (image.to(torch.float32) * weights).sum(dim=0, keepdim=True)
        if not image.is_floating_point():
            grey = grey.round()
        return grey.to(image.dtype).expand(3, -1, -1)


class FerImageProcessorPil(_FaceProcessing, PilBackend):
    """Make pixel values from pictures of faces, with Pillow: options and results of :class:`FerImageProcessor`."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)

    @staticmethod
    def to_grey(image: NDArray[Any]) -> NDArray[Any]:
        """Turn ``(3, H, W)`` into three equal channels of brightness, of the same type."""
        grey = np.tensordot(np.array(LUMA_WEIGHTS, np.float32), image.astype(np.float32), axes=1)
        if not np.issubdtype(image.dtype, np.floating):
            grey = grey.round()
        return np.repeat(grey.astype(image.dtype)[None], 3, axis=0)


__all__ = ["FerImageProcessor", "FerImageProcessorKwargs", "FerImageProcessorPil"]
