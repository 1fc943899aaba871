"""From photographs of a person to crops that a model takes for the photographs, with nothing replaced by a stand-in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import skimage.data
from numpy.typing import NDArray
from PIL import Image

from fer_zoo import FaceExpressionPipeline, pipeline, read_image
from fer_zoo.pipelines import CropSummary, FaceCropper, crop_folder, read_crop_report
from fer_zoo.registry import load_image_processor

#: Where the portrait is pasted: file, width of the background, side of the portrait and its corner, in pixels.
PHOTOGRAPHS = (
    ("train/happy/far.png", 900, 300, (520, 90)),
    ("train/happy/near.jpg", 700, 600, (40, 20)),
    ("test/happy/usual.webp", 640, 420, (100, 150)),
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory, astronaut: NDArray[np.uint8]) -> tuple[Path, Path]:
    """Return a folder of photographs, the astronaut at three distances and a cup of coffee, and one for the crops."""
    root = tmp_path_factory.mktemp("chain")
    portrait = Image.fromarray(astronaut)
    for name, width, side, corner in PHOTOGRAPHS:
        background = Image.fromarray(np.array(skimage.data.coffee())).resize((width, width))
        background.paste(portrait.resize((side, side), Image.Resampling.LANCZOS), corner)
        (root / "photographs" / name).parent.mkdir(parents=True, exist_ok=True)
        background.save(root / "photographs" / name)
    Image.fromarray(np.array(skimage.data.coffee()[:400, :600])).save(root / "photographs/train/happy/coffee.png")
    return root / "photographs", root / "crops"


@pytest.fixture(scope="module")
def summary(folders: tuple[Path, Path]) -> CropSummary:
    """Return the figures of the crops, made once in the size that the model takes."""
    return crop_folder(*folders, FaceCropper(size=load_image_processor("mhan").size["height"]))


def test_every_person_is_cropped_and_the_coffee_is_not(summary: CropSummary, folders: tuple[Path, Path]) -> None:
    """The class folders come out as a data set, without the picture that has no face."""
    assert (summary.num_cropped, summary.num_without_face, summary.num_unreadable) == (3, 1, 0)
    assert sorted(path.relative_to(folders[1]).as_posix() for path in folders[1].rglob("*.png")) == [
        "test/happy/usual.png",
        "train/happy/far.png",
        "train/happy/near.png",
    ]


def test_crops_are_those_that_the_pipeline_classifies(
    summary: CropSummary, folders: tuple[Path, Path], embedded_pipeline: FaceExpressionPipeline
) -> None:
    """The report has the pipeline's face, and the crop has the pixels that its image processor cuts out for it."""
    photographs, crops = folders
    rows = [row for row in read_crop_report(crops) if row.crops]

    assert len(rows) == 3
    for row in rows:
        image = read_image(photographs / row.image)
        (result,) = embedded_pipeline.analyze(image).faces
        (cropped,) = row.crops
        (expected,) = embedded_pipeline.image_processor.crop_faces(image, [result.face])
        assert cropped.face == result.face
        assert np.array_equal(read_image(crops / cropped.crop), expected)


def test_crop_is_predicted_as_its_photograph(
    summary: CropSummary, folders: tuple[Path, Path], embedded_pipeline: FaceExpressionPipeline
) -> None:
    """A model that takes the crops as whole pictures gives every expression the same probability."""
    photographs, crops = folders
    classify = pipeline(model="mhan", detector="whole_image", device="cpu")

    for row in (row for row in read_crop_report(crops) if row.crops):
        (photograph,) = embedded_pipeline.analyze(str(photographs / row.image)).faces
        (crop,) = classify.analyze(str(crops / row.crops[0].crop)).faces
        assert dict(crop.scores) == pytest.approx(dict(photograph.scores), abs=1e-5)
        assert crop.label == "happiness"
