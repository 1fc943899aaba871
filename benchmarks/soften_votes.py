"""Mix the votes of FER+ with what models say of the pictures, as a table to train on.

    python -m benchmarks.soften_votes FERPlus FERPlus/softened.csv --models mhan han_pff --share 0.5

Ten votes tell little of how a face looks to many people, and the mean of several models, each asked for a picture and
its mirror image, tells more: what they say is learnt beside the votes (distillation with teachers that are asked once).
The rows of validation keep their votes and labels.

With ``--faces FOLDER``, a folder of face crops as ``fer-zoo crop`` makes them, pictures that nobody has judged are
added, with what the models say for votes.
"""

from __future__ import annotations

import argparse
import csv
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

import fer_zoo
from fer_zoo.datasets import ExpressionDataset, Sample, load_dataset
from fer_zoo.imaging import find_pictures
from fer_zoo.labels import LabelSet
from fer_zoo.pipelines import FaceExpressionPipeline

BATCH = 256

Row = tuple[str, str, int | None, NDArray[np.float64]]  # path, split, class and shares of the votes


def main() -> None:
    """Write the table, and print how often the models together are right on validation."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path, help="folder of FER+")
    parser.add_argument("output", type=Path, help="the table; the paths in it are relative to its folder")
    parser.add_argument("--models", nargs="+", default=["mhan", "han_pff"])
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--precision", help="of OpenVINO: fp32 or bf16")
    parser.add_argument("--share", type=float, default=0.5, help="of the models, the rest is the votes'")
    parser.add_argument("--faces", type=Path, help="folder of face crops without labels, which are added")
    parser.add_argument("--most", type=int, default=2000, help="of these, for each class that the models see in them")
    options = parser.parse_args()

    train, validation = (
        load_dataset("fer_plus", options.path, split=split, targets="votes", keep_unlabelled=split == "train")
        for split in ("train", "validation")
    )
    pipes = [
        fer_zoo.pipeline(model=model, detector="whole_image", backend=options.backend, precision=options.precision)
        for model in options.models
    ]
    answers = mean_answers(pipes, validation)
    has_label = np.array([sample.label is not None for sample in validation.samples])
    labels = np.array([-1 if sample.label is None else sample.label for sample in validation.samples])
    right = (answers.argmax(axis=1) == labels)[has_label]
    print(f"validation: {right.mean():.1%} of {len(right):,} pictures (with their twins)")

    rows = [*mixed(train, mean_answers(pipes, train), options.share), *mixed(validation)]
    if options.faces is not None:
        samples = [Sample(path) for path in find_pictures(options.faces) if isinstance(path, Path)]
        faces = ExpressionDataset(samples, train.label_set, name="faces", split="train")
        rows += said_of(faces, mean_answers(pipes, faces), options.most)
    names = [str(expression) for expression in train.label_set]
    with options.output.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "split", "label", *names])
        for path, split, label, votes in rows:
            name = "" if label is None else names[label]
            place = os.path.relpath(path, options.output.parent)
            writer.writerow([place, split, name, *(f"{vote:.4f}" for vote in votes)])


def mixed(dataset: ExpressionDataset, said: NDArray[np.float64] | None = None, share: float = 0.0) -> Iterator[Row]:
    """Yield the pictures of a data set with their votes, mixed with what models say; without both there is no row."""
    for number, sample in enumerate(dataset.samples):
        votes = None if sample.votes is None else np.array(sample.votes) / sum(sample.votes)
        if said is not None:
            votes = said[number] if votes is None else (1 - share) * votes + share * said[number]
        if votes is not None:
            yield sample.source, dataset.split, sample.label, votes


def said_of(dataset: ExpressionDataset, said: NDArray[np.float64], most: int) -> Iterator[Row]:
    """Yield pictures without labels with what models say for votes, at most so many of each class that they see."""
    classes = said.argmax(axis=1)
    generator = np.random.default_rng(0)
    for label in range(said.shape[1]):
        numbers = np.flatnonzero(classes == label)
        for number in generator.permutation(numbers)[:most]:
            yield dataset.samples[number].source, dataset.split, label, said[number]


def mean_answers(pipes: list[FaceExpressionPipeline], dataset: ExpressionDataset) -> NDArray[np.float64]:
    """Return the mean of what all models say of the pictures and their mirror images, ``(N, K)``."""
    rows: list[NDArray[np.float64]] = []
    for start in range(0, len(dataset), BATCH):
        pictures = [dataset[index]["image"] for index in range(start, min(start + BATCH, len(dataset)))]
        pictures += [ImageOps.mirror(picture) for picture in pictures]
        said = np.mean([probabilities(pipe, pictures, dataset.label_set) for pipe in pipes], axis=0)
        rows.append(said.reshape(2, -1, len(dataset.label_set)).mean(axis=0))
        print(f"{dataset.split}: {start + len(rows[-1]):,} of {len(dataset):,}", end="\r", flush=True)
    return np.concatenate(rows)


def probabilities(pipe: FaceExpressionPipeline, crops: list[Image.Image], label_set: LabelSet) -> NDArray[np.float64]:
    """Return what a pipeline says of face crops, ``(N, K)``."""
    faces = [result.faces[0] for result in pipe.analyze(crops)]
    return np.array([[dict(face.scores)[str(expression)] for expression in label_set] for face in faces])


if __name__ == "__main__":
    main()
