"""Estimate how the training pictures of FER+ frame a face, and show that the pipeline's crops look alike.

A detector runs on enlarged training pictures; the median of each landmark, as a fraction of the picture's side, is the
template. The mean of the training pictures and the mean of the crops that the template gives for other faces are
written side by side.

    python benchmarks/estimate_crop_template.py FERPlus --faces FOLDER_OF_PICTURES --output mean_faces.png
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fer_zoo.datasets import Sample, load_dataset
from fer_zoo.detection.center_face import CenterFaceDetector
from fer_zoo.imaging import CropTemplate, crop_face, find_pictures
from fer_zoo.results import Face

ENLARGED_SIZE = 192  # pixels; four times the 48 of FER2013
BATCH = 64


def read_pictures(samples: Sequence[Sample], limit: int | None, size: int | None = None) -> Iterator[NDArray[np.uint8]]:
    """Yield pictures as RGB, every one resized to a square of ``size`` if that is given."""
    for sample in samples[:limit]:
        rgb = sample.read()
        if size is None:
            yield rgb
        else:
            yield np.asarray(Image.fromarray(rgb).resize((size, size), Image.Resampling.BICUBIC))


def detect_single_faces(
    detector: CenterFaceDetector, pictures: Iterator[NDArray[np.uint8]]
) -> Iterator[tuple[NDArray[np.uint8], Face | None]]:
    """Yield every picture with its surest face."""
    while batch := list(islice(pictures, BATCH)):
        for picture, faces in zip(batch, detector.detect(batch), strict=True):
            yield picture, faces[0] if faces else None


def mean_face(crops: Sequence[NDArray[np.uint8]], size: int = 112) -> NDArray[np.uint8]:
    """Return the mean of grey crops, ``(size, size)``."""
    greys = (Image.fromarray(crop).convert("L").resize((size, size), Image.Resampling.BICUBIC) for crop in crops)
    return np.mean([np.asarray(grey, np.float64) for grey in greys], axis=0).round().astype(np.uint8)


def main() -> None:
    """Print the template and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of FER+, with FER2013Train")
    parser.add_argument("--faces", type=Path, help="folder of other pictures to crop with the template")
    parser.add_argument("--limit", type=int, help="use only so many pictures of each folder")
    parser.add_argument("--output", type=Path, help="where to write the mean faces")
    arguments = parser.parse_args()

    detector = CenterFaceDetector(score_threshold=0.3)
    samples = load_dataset("fer_plus", arguments.data, split="train", keep_unlabelled=True).samples
    training, landmarks, boxes = [], [], []
    for picture, face in detect_single_faces(detector, read_pictures(samples, arguments.limit, ENLARGED_SIZE)):
        training.append(picture)
        if face is not None:
            landmarks.append(face.landmarks)
            boxes.append(max(face.box.width, face.box.height))
    points = np.array(landmarks) / ENLARGED_SIZE
    medians = np.median(points, axis=0)
    mirrored = (medians * [-1, 1] + [1, 0])[[1, 0, 2, 4, 3]]  # left and right change sides
    landmarks_of_template = (medians + mirrored) / 2
    margin = (ENLARGED_SIZE / float(np.median(boxes)) - 1) / 2
    print(f"pictures: {len(training)}, with a face: {len(points)}")
    print("median landmarks:", medians.round(4).tolist())
    print("averaged with their mirror image:", landmarks_of_template.round(4).tolist())
    print("interquartile ranges:", np.subtract(*np.percentile(points, [75, 25], axis=0)).round(4).tolist())
    print(f"box margin: {margin:.4f}")

    if arguments.faces and arguments.output:
        template = CropTemplate.from_dict({"landmarks": landmarks_of_template.tolist(), "box_margin": margin})
        faces = [Sample(path) for path in find_pictures(arguments.faces) if isinstance(path, Path)]
        found = detect_single_faces(detector, read_pictures(faces, arguments.limit))
        crops = [crop_face(picture, face, template, 112) for picture, face in found if face is not None]
        side_by_side = np.hstack([mean_face(training), mean_face(crops)])
        Image.fromarray(side_by_side).resize((448, 224), Image.Resampling.BICUBIC).save(arguments.output)
        print(f"faces cropped: {len(crops)}; training mean | crop mean in {arguments.output}")


if __name__ == "__main__":
    main()
