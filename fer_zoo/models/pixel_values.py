"""What every model asks of its input."""

from __future__ import annotations

from torch import Tensor

from fer_zoo.errors import InvalidOptionError


def check_pixel_values(pixel_values: Tensor, *, num_channels: int, image_size: int) -> None:
    """Refuse pictures of another shape with a message that says what was expected.

    Args:
        pixel_values: ``(B, num_channels, image_size, image_size)``.
        num_channels: channels that the model was built for.
        image_size: height and width that the model was built for.

    Raises:
        InvalidOptionError: if the shape is another.
    """
    expected = (num_channels, image_size, image_size)
    if tuple(pixel_values.shape[1:]) != expected:
        raise InvalidOptionError(
            "the shape of pixel_values",
            tuple(pixel_values.shape),
            f"(batch, {', '.join(map(str, expected))}), as FerImageProcessor makes them",
        )


__all__ = ["check_pixel_values"]
