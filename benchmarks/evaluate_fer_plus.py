"""Measure a model on the validation pictures of FER+, majority label, pictures with a twin in training left out.

    python benchmarks/evaluate_fer_plus.py FERPlus --model mhan

FERPlus has the folders of the public release, FER2013Train and FER2013Valid, each with its ``label.csv``.
"""

from __future__ import annotations

import argparse
from math import sqrt
from pathlib import Path

import numpy as np

from fer_zoo import pipeline
from fer_zoo.datasets import load_dataset


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

    training = load_dataset("fer_plus", arguments.data, split="train", keep_unlabelled=True)
    majority = load_dataset("fer_plus", arguments.data, split="validation")
    rows = majority.without_twins_of(training)
    pipe = pipeline(model=arguments.model, detector="whole_image", device="cpu")
    stream = pipe((str(sample.path) for sample in rows.samples), batch_size=arguments.batch_size)
    predicted = np.array([faces[0]["label"] for faces in stream])
    names = rows.label_set.id2label
    truth = np.array([names[label] for label in rows.labels if label is not None])
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
