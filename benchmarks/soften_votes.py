"""Mix the votes of FER+ with what models say of the pictures, as a table to train on.

    python -m benchmarks.soften_votes FERPlus FERPlus/softened.csv --models mhan han_pff --share 0.5

Ten votes tell little of how a face looks to many people, and the mean of several models, each asked for a picture and
its mirror image, tells more: what they say is learnt beside the votes (distillation with teachers that are asked once).
The rows of validation keep their votes and labels.
"""

from __future__ import annotations

import argparse
import csv
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

import fer_zoo
from fer_zoo.datasets import ExpressionDataset, load_dataset
from fer_zoo.labels import LabelSet
from fer_zoo.pipelines import FaceExpressionPipeline

BATCH = 256


def main() -> None:
    """Write the table, and print how often the models together are right on validation."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path, help="folder of FER+")
    parser.add_argument("output", type=Path, help="the table; the paths in it are relative to its folder")
    parser.add_argument("--models", nargs="+", default=["mhan", "han_pff"])
    parser.add_argument("--backend", default="auto")
    parser.add_argument("--precision", help="of OpenVINO: fp32 or bf16")
    parser.add_argument("--share", type=float, default=0.5, help="of the models, the rest is the votes'")
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

    expressions = tuple(train.label_set)
    with options.output.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "split", "label", *map(str, train.label_set)])
        for dataset, said in ((train, mean_answers(pipes, train)), (validation, None)):
            for row, sample in enumerate(dataset.samples):
                votes = None if sample.votes is None else np.array(sample.votes) / sum(sample.votes)
                if said is not None:
                    votes = said[row] if votes is None else (1 - options.share) * votes + options.share * said[row]
                if votes is None:
                    continue
                label = "" if sample.label is None else str(expressions[sample.label])
                path = os.path.relpath(sample.source, options.output.parent)
                writer.writerow([path, dataset.split, label, *(f"{vote:.4f}" for vote in votes)])


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
