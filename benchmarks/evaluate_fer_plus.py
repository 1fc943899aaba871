"""Measure a model on the validation pictures of FER+, majority label, pictures with a twin in training left out.

    python benchmarks/evaluate_fer_plus.py FERPlus --model mhan

FERPlus has the folders of the public release, FER2013Train and FER2013Valid, each with its ``label.csv``: name, box,
and ten columns of votes. Majority rule of the release: votes of 1 are dropped, the top class must hold more than half
of the rest, and pictures whose top is "unknown" or "not a face" are left out.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
from math import sqrt
from pathlib import Path

import numpy as np
from PIL import Image

from fer_zoo import get_label_set, pipeline

CLASSES = [*get_label_set("fer_plus"), "unknown", "NF"]


def read_majority(folder: Path) -> list[tuple[Path, str]]:
    """Return the pictures of a split that have a majority, with their labels."""
    rows = []
    with (folder / "label.csv").open(newline="") as file:
        for name, _, *columns in csv.reader(file):
            votes = np.array(columns, int)
            votes[votes <= 1] = 0
            top = int(votes.argmax())
            if 2 * votes[top] > votes.sum() and top < len(get_label_set("fer_plus")):
                rows.append((folder / name, str(CLASSES[top])))
    return rows


def pixels_of(path: Path) -> str:
    """Return a checksum of a picture's pixels."""
    with Image.open(path) as image:
        return hashlib.sha256(image.tobytes()).hexdigest()


def wilson_interval(hits: int, total: int, z: float = 1.96) -> tuple[float, float]:
    """Return the 95 % interval of a proportion (Wilson, JASA 22 (1927) 209)."""
    share = hits / total
    centre = (share + z * z / (2 * total)) / (1 + z * z / total)
    half = z * sqrt(share * (1 - share) / total + z * z / (4 * total * total)) / (1 + z * z / total)
    return centre - half, centre + half


def main() -> None:
    """Print accuracy, balanced accuracy and recall of each class."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", default="mhan")
    parser.add_argument("--batch-size", type=int, default=32)
    arguments = parser.parse_args()

    training = {pixels_of(path) for path in (arguments.data / "FER2013Train").glob("*.png")}
    majority = read_majority(arguments.data / "FER2013Valid")
    rows = [(path, label) for path, label in majority if pixels_of(path) not in training]
    pipe = pipeline(model=arguments.model, detector="whole_image", device="cpu")
    stream = pipe((str(path) for path, _ in rows), batch_size=arguments.batch_size)
    predicted = np.array([faces[0]["label"] for faces in stream])
    truth = np.array([label for _, label in rows])
    hits = predicted == truth
    recalls = {label: float(hits[truth == label].mean()) for label in dict.fromkeys(truth)}

    low, high = wilson_interval(int(hits.sum()), len(rows))
    print(f"pictures: {len(rows)} of {len(majority)} with a majority; the others have a twin in training")
    print(f"accuracy: {hits.mean():.2%} (95 % interval {low:.2%} to {high:.2%})")
    print(f"balanced accuracy: {np.mean(list(recalls.values())):.2%}")
    for label, recall in recalls.items():
        print(f"  {label}: {recall:.1%} of {(truth == label).sum()}")


if __name__ == "__main__":
    main()
