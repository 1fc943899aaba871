"""Augmentation of batches, with results known beforehand."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
import torch
from torch import Tensor
from torchvision.transforms import v2

from fer_zoo.errors import InvalidOptionError, UnknownNameError
from fer_zoo.training import Augmentation
from fer_zoo.training.augmentation import augment, blur, coarsen, mix, rectangles


@pytest.fixture(autouse=True)
def seed() -> None:
    """Draw the same numbers in every run."""
    torch.manual_seed(0)


@pytest.fixture
def images() -> Tensor:
    """Return eight pictures of noise, ``(8, 3, 32, 32)``."""
    return torch.rand(8, 3, 32, 32)


def changed(before: Tensor, after: Tensor) -> Tensor:
    """Return which pictures differ, ``(B,)``."""
    return (before != after).flatten(1).any(dim=1)


def test_the_defaults_change_nothing(images: Tensor) -> None:
    """Without a choice the pictures stay as they are, bit by bit."""
    assert torch.equal(augment(images, Augmentation()), images)


def test_flip_mirrors_left_and_right(images: Tensor) -> None:
    """A share of 1 mirrors every picture."""
    assert torch.equal(augment(images, Augmentation(flip=1.0)), images.flip(-1))


def test_flip_mirrors_the_share_of_the_pictures() -> None:
    """About a quarter of many pictures is mirrored, and each is either mirrored or left alone."""
    images = torch.rand(400, 3, 4, 4)

    flipped = augment(images, Augmentation(flip=0.25))

    is_mirrored = (flipped == images.flip(-1)).flatten(1).all(dim=1)
    assert torch.equal(changed(images, flipped), is_mirrored)
    assert 70 <= int(is_mirrored.sum()) <= 130  # 100 expected, with a standard deviation of 8.7


def test_flip_works_beside_geometry(images: Tensor) -> None:
    """The mirroring that is part of the sampling gives the picture that mirroring alone gives."""
    flipped = augment(images, Augmentation(flip=1.0, geometry=1.0))

    torch.testing.assert_close(flipped, images.flip(-1), atol=1e-5, rtol=0)


def test_scale_shows_the_middle_larger(images: Tensor) -> None:
    """At twice the size the middle quarter fills the picture: its mean is that of the middle."""
    smooth = torch.linspace(0, 1, 32).expand(1, 3, 32, 32)

    scaled = augment(smooth, Augmentation(geometry=1.0, scale=(2.0, 2.0)))

    expected = torch.linspace(0, 1, 32)[7:25]
    assert float(scaled[0, 0, 16, 0]) == pytest.approx(float(expected[0] + expected[1]) / 2, abs=0.02)
    assert float(scaled[0, 0, 16, -1]) == pytest.approx(float(expected[-1] + expected[-2]) / 2, abs=0.02)


def test_rotation_turns_around_the_middle() -> None:
    """The mean distance of a bright spot from the middle stays, and its angle stays within the limit."""
    images = torch.zeros(200, 3, 65, 65)
    images[:, :, 32, 52] = 1.0  # 20 pixels right of the middle

    turned = augment(images, Augmentation(geometry=1.0, rotation=30.0)).mean(dim=1)

    mass = turned / turned.sum(dim=(1, 2), keepdim=True)
    position = torch.arange(65.0) - 32
    x, y = (mass.sum(dim=1) * position).sum(dim=1), (mass.sum(dim=2) * position).sum(dim=1)
    angle = torch.rad2deg(torch.atan2(y, x))
    torch.testing.assert_close((x**2 + y**2).sqrt(), torch.full((200,), 20.0), atol=0.6, rtol=0)
    assert 25 < float(angle.max()) < 31
    assert -31 < float(angle.min()) < -25


def test_translation_moves_by_at_most_the_share() -> None:
    """The middle of a disc moves by up to a quarter of the size, in both directions."""
    images = torch.zeros(200, 3, 64, 64)
    images[:, :, 30:34, 30:34] = 1.0

    moved = augment(images, Augmentation(geometry=1.0, translation=0.25)).mean(dim=1)

    mass = moved / moved.sum(dim=(1, 2), keepdim=True)
    x = (mass.sum(dim=1) * (torch.arange(64.0) - 31.5)).sum(dim=1)
    assert 14 < float(x.max()) <= 16.01
    assert -16.01 <= float(x.min()) < -14


def test_translation_is_that_of_the_result() -> None:
    """Smaller content does not move less far: at half the size the middle goes up to a quarter of the picture."""
    images = torch.zeros(200, 3, 64, 64)
    images[:, :, 28:36, 28:36] = 1.0

    moved = augment(images, Augmentation(geometry=1.0, translation=0.25, scale=(0.5, 0.5))).mean(dim=1)

    mass = moved / moved.sum(dim=(1, 2), keepdim=True)
    y = (mass.sum(dim=2) * (torch.arange(64.0) - 31.5)).sum(dim=1)
    assert 14 < float(y.max()) <= 16.01
    assert -16.01 <= float(y.min()) < -14


def test_geometry_changes_only_its_share() -> None:
    """Pictures that are not chosen come through the sampling as they were."""
    images = torch.rand(200, 3, 16, 16)

    moved = augment(images, Augmentation(geometry=0.5, translation=0.5))

    difference = (moved - images).abs().flatten(1).amax(dim=1)
    assert 70 <= int((difference < 1e-5).sum()) <= 130


def test_crops_keep_the_area_and_stay_inside() -> None:
    """The rectangles have areas and aspects in their ranges, and none is larger than the picture."""
    height, width = rectangles(torch.rand(1000, 1, 1, 1), (0.2, 0.9), (3 / 4, 4 / 3))

    area = height * width
    assert float(area.min()) >= 0.199
    assert float(area.max()) <= 0.901
    assert float(torch.stack([height, width]).max()) <= 1.0
    inner = (height < 1) & (width < 1)
    assert float((width / height)[inner].max()) <= 4 / 3 + 1e-4
    assert float((width / height)[inner].min()) >= 3 / 4 - 1e-4


def test_a_crop_of_a_constant_picture_is_that_picture() -> None:
    """No black comes in from outside: crops are inside the picture."""
    images = torch.full((50, 3, 20, 20), 0.7)

    cropped = augment(images, Augmentation(crop_area=(0.3, 0.8)))

    torch.testing.assert_close(cropped[:, :, 1:-1, 1:-1], images[:, :, 1:-1, 1:-1])


def test_erasing_gives_a_rectangle_the_fill_colour(images: Tensor) -> None:
    """A fifth of each picture has the colour, the rest is as it was."""
    fill = torch.tensor([0.1, 0.2, 0.3])
    many = images.repeat(10, 1, 4, 4)

    erased = augment(many, Augmentation(erase=1.0, erase_area=(0.2, 0.2)), fill=fill)

    is_filled = (erased == fill.view(1, 3, 1, 1)).all(dim=1)
    shares = is_filled.float().mean(dim=(1, 2))
    torch.testing.assert_close(shares, torch.full((80,), 0.2), atol=0.03, rtol=0)
    assert torch.equal(erased[:, 0][~is_filled], many[:, 0][~is_filled])


@pytest.mark.parametrize(
    ("name", "value"), [("brightness", 0.5), ("contrast", 0.5), ("gamma", 0.7), ("blur", 1.0), ("low_resolution", 1.0)]
)
def test_every_picture_gets_its_own_change(name: str, value: float) -> None:
    """The same picture eight times over comes out in eight ways, but for the resolution, which a batch shares."""
    images = torch.rand(1, 3, 32, 32).expand(8, -1, -1, -1)

    different = augment(images, Augmentation.from_dict({name: value}))

    distinct = len({picture.numpy().tobytes() for picture in different})
    assert distinct == (1 if name == "low_resolution" else 8)
    assert bool(changed(images, different).all())


def test_brightness_multiplies_and_contrast_stretches_around_the_mean() -> None:
    """The ratios to the original, and to the distance from the mean, are one number for a picture."""
    images = 0.4 + 0.1 * torch.rand(8, 3, 8, 8)

    brighter = augment(images, Augmentation(brightness=0.3)) / images
    stretched = augment(images, Augmentation(contrast=0.3))

    factor = brighter.flatten(1).mean(dim=1).view(-1, 1, 1, 1)
    torch.testing.assert_close(brighter, factor.expand_as(brighter))
    assert 0.7 <= float(factor.min()) < 0.95
    assert 1.05 < float(factor.max()) <= 1.3
    mean = images.mean(dim=(1, 2, 3))
    torch.testing.assert_close(stretched.mean(dim=(1, 2, 3)), mean)
    spread = stretched.std(dim=(1, 2, 3)) / images.std(dim=(1, 2, 3))
    assert 0.7 <= float(spread.min()) < 0.95
    assert 1.05 < float(spread.max()) <= 1.3


def test_gamma_raises_every_value_to_one_exponent_for_each_picture() -> None:
    """Black and white stay; a half and a quarter give one exponent, anywhere from exp(-0.7) to exp(0.7)."""
    images = torch.tensor([0.0, 0.25, 0.5, 1.0]).view(1, 1, 2, 2).expand(200, 3, 2, 2)

    toned = augment(images, Augmentation(gamma=0.7)).flatten(2)

    assert torch.equal(toned[..., 0], torch.zeros(200, 3))
    assert torch.equal(toned[..., 3], torch.ones(200, 3))
    exponent = toned[:, :1, 2].log() / math.log(0.5)
    torch.testing.assert_close(toned[..., 2].log() / math.log(0.5), exponent.expand(200, 3))
    torch.testing.assert_close(toned[..., 1].log() / math.log(0.25), exponent.expand(200, 3))
    assert math.exp(-0.7) <= float(exponent.min()) < math.exp(-0.65)
    assert math.exp(0.65) < float(exponent.max()) <= math.exp(0.7) + 1e-6


def test_grey_takes_the_colour_away(images: Tensor) -> None:
    """The three channels become the brightness of ITU-R BT.601, as far as torchvision's weights have digits."""
    grey = augment(images, Augmentation(grey=1.0))

    expected = (images * torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)).sum(dim=1)
    for channel in range(3):
        torch.testing.assert_close(grey[:, channel], expected, atol=2e-4, rtol=0)


def test_blur_is_the_gaussian_of_its_sigma(images: Tensor) -> None:
    """A point becomes the product of two Gaussians, summed here pixel by pixel."""
    point = torch.zeros(1, 3, 15, 15)
    point[:, :, 7, 7] = 1.0

    blurred = blur(point, 1.0, (1.5, 1.5))

    weights = [[2.718281828 ** (-((x - 7) ** 2 + (y - 7) ** 2) / (2 * 1.5**2)) for x in range(15)] for y in range(15)]
    inside = torch.tensor(weights)
    inside[(torch.arange(15) - 7).abs() > 5] = 0
    inside[:, (torch.arange(15) - 7).abs() > 5] = 0
    torch.testing.assert_close(blurred[0, 1], inside / inside.sum(), atol=1e-6, rtol=0)


def test_blur_takes_any_memory_format(images: Tensor) -> None:
    """Channels may come last."""
    torch.manual_seed(0)
    expected = blur(images, 1.0, (0.5, 1.0))
    torch.manual_seed(0)

    found = blur(images.contiguous(memory_format=torch.channels_last), 1.0, (0.5, 1.0))

    torch.testing.assert_close(found, expected)


def test_coarse_pictures_lose_detail_and_keep_their_size(images: Tensor) -> None:
    """A chessboard at a quarter of its size is grey."""
    board = ((torch.arange(32).view(-1, 1) + torch.arange(32)) % 2).float().expand(1, 3, 32, 32)

    coarse = coarsen(board, 1.0, (0.25, 0.25))

    torch.testing.assert_close(coarse[:, :, 8:24, 8:24], torch.full((1, 3, 16, 16), 0.5), atol=0.02, rtol=0)


def test_rand_augment_changes_pictures_within_their_values(images: Tensor) -> None:
    """Operations of RandAugment change most pictures and keep the shape and the range."""
    different = augment(images, Augmentation(rand_augment=3))

    assert different.shape == images.shape
    assert 0.0 <= float(different.min()) <= float(different.max()) <= 1.0
    assert int(changed((images * 255).floor() / 255, different).sum()) >= 6


@pytest.mark.parametrize("number", [1, 2, 5])
def test_rand_augment_makes_so_many_operations_of_each_picture(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """With torchvision's operations replaced by one that adds 1 of 255, every picture is brighter by their number."""

    def brighten(_self: v2.RandAugment, image: Tensor, *_: Any, **__: Any) -> Tensor:
        """Stand for any operation."""
        return image + 1

    monkeypatch.setattr(v2.RandAugment, "_apply_image_or_video_transform", brighten)
    dark = torch.full((4, 3, 8, 8), 100 / 255)

    brightened = augment(dark, Augmentation(rand_augment=number))

    torch.testing.assert_close(brightened, torch.full_like(dark, (100 + number) / 255))


@pytest.mark.parametrize("name", ["mixup", "cutmix"])
def test_mixing_weighs_labels_as_it_weighs_pictures(name: str) -> None:
    """Where each picture is filled with its class number, the mean of a mixed one is that of its labels."""
    classes = torch.arange(4)
    pictures = classes.float().view(4, 1, 1, 1).expand(4, 1, 32, 32).clone()

    mixed, labels = mix(pictures, classes, Augmentation.from_dict({name: 1.0}), num_classes=4)

    assert labels.shape == (4, 4)
    torch.testing.assert_close(labels.sum(dim=1), torch.ones(4))
    torch.testing.assert_close(mixed.mean(dim=(1, 2, 3)), labels @ torch.arange(4.0))
    assert not torch.equal(mixed, pictures)


def test_votes_count_as_one_picture_each_when_they_are_mixed() -> None:
    """A picture with twice the votes weighs no more than another."""
    votes = torch.tensor([[10.0, 0.0], [0.0, 20.0]])
    pictures = torch.tensor([0.0, 1.0]).view(2, 1, 1, 1).expand(2, 1, 8, 8).clone()

    mixed, labels = mix(pictures, votes, Augmentation(mixup=1.0), num_classes=2)

    torch.testing.assert_close(labels[:, 1], mixed[:, 0, 0, 0])


def test_votes_may_be_whole_numbers() -> None:
    """As they are counted."""
    votes = torch.tensor([[3, 1], [0, 2]])

    _, labels = mix(torch.rand(2, 3, 8, 8), votes, Augmentation(mixup=1.0), num_classes=2)

    torch.testing.assert_close(labels.sum(dim=1), torch.ones(2))


@pytest.mark.parametrize("name", ["mixup", "cutmix"])
@pytest.mark.parametrize(
    "labels",
    [torch.tensor([0, -100, 1]), torch.tensor([[4.0, 0.0], [0.0, 0.0], [0.0, 2.0]])],
    ids=["classes", "votes"],
)
def test_pictures_without_a_label_are_not_mixed(name: str, labels: Tensor) -> None:
    """They stay as they are, without a target; the others are mixed among themselves, and count as one picture each."""
    pictures = torch.arange(3.0).view(3, 1, 1, 1).expand(3, 3, 8, 8)

    mixed, targets = mix(pictures, labels, Augmentation.from_dict({name: 1.0}), 2)

    assert torch.equal(mixed[1], pictures[1])
    assert torch.equal(targets[1], torch.zeros(2))
    torch.testing.assert_close(mixed[[0, 2]].mean(dim=(1, 2, 3)), 2 * targets[[0, 2], 1])
    torch.testing.assert_close(targets[[0, 2]].sum(dim=1), torch.ones(2))


def test_mix_of_zero_leaves_batches_alone(images: Tensor) -> None:
    """With a share of 0 pictures and labels are the very same."""
    labels = torch.zeros(8, dtype=torch.long)

    same, same_labels = mix(images, labels, Augmentation(mixup=1.0, mix=0.0), num_classes=2)

    assert same is images
    assert same_labels is labels


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"flip": 1.5}, "Invalid value 1.5 for flip: expected a share from 0 to 1."),
        ({"rotation": -1}, "Invalid value -1 for rotation: expected an angle from 0 to 180 degrees."),
        ({"mixup": -0.1}, "Invalid value -0.1 for mixup: expected a number that is at least 0."),
        ({"rand_augment": 1.5}, "Invalid value 1.5 for rand_augment: expected a whole number that is at least 0."),
        ({"mixup": math.inf}, "Invalid value inf for mixup: expected a number that is at least 0."),
        ({"blur_sigma": (1.0, math.inf)}, r"Invalid value \(1.0, inf\) for blur_sigma: expected two numbers in order"),
        ({"scale": (1.2, 0.8)}, r"Invalid value \(1.2, 0.8\) for scale: expected two numbers in order, above 0."),
        ({"erase_area": 0.2}, "Invalid value 0.2 for erase_area: expected two numbers in order, above 0 and up to 1."),
    ],
)
def test_values_out_of_range_are_refused(values: dict[str, Any], message: str) -> None:
    """The error names the field, the value and what was expected."""
    with pytest.raises(InvalidOptionError, match=message):
        Augmentation(**values)


def test_an_unknown_field_is_refused_with_the_closest() -> None:
    """A misspelt field of a file is not passed over."""
    with pytest.raises(UnknownNameError, match=r"Unknown field of the augmentation 'rotate'\. Did you mean 'rotation'"):
        Augmentation.from_dict({"rotate": 5})


def test_an_augmentation_survives_json() -> None:
    """What is written comes back equal."""
    augmentation = Augmentation(flip=0.5, scale=(0.8, 1.1), rand_augment=2)

    assert Augmentation.from_dict(json.loads(json.dumps(augmentation.to_dict()))) == augmentation
