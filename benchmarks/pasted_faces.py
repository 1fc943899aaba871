"""What finding and aligning faces costs in accuracy: crops pasted into larger frames, against the crops alone.

    python -m benchmarks.pasted_faces FERPlus --models mhan han_pff

Every validation picture of FER+ without a twin in training is enlarged and pasted into the middle of a grey frame,
like a photograph of one face. The pipeline finds, aligns and classifies it; the reference is the answer for the picture
itself.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from fer_zoo.datasets import load_dataset
from fer_zoo.evaluation.detected import predict_detected
from fer_zoo.evaluation.loading import load_classifier
from fer_zoo.evaluation.predictions import predict

GREY = (128, 128, 128)


class PastedFaces:
    """Pictures of a data set, enlarged and pasted into the middle of grey frames.

    Args:
        dataset: the pictures with their labels.
        scale: how many times as large they become.
        size: side of the frames, in pixels.
    """

    def __init__(self, dataset: Any, *, scale: int, size: int) -> None:
        self.dataset, self.scale, self.size = dataset, scale, size
        self.name, self.split, self.label_set = dataset.name, dataset.split, dataset.label_set

    def __len__(self) -> int:
        """Return the number of pictures."""
        return len(self.dataset)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return a frame, ``image``, and the label of the face in it."""
        item = self.dataset[index]
        picture = item["image"].convert("RGB")
        width, height = self.scale * picture.width, self.scale * picture.height
        frame = Image.new("RGB", (self.size, self.size), GREY)
        large = picture.resize((width, height), Image.Resampling.BICUBIC)
        frame.paste(large, ((self.size - width) // 2, (self.size - height) // 2))
        return {**item, "image": frame}


def main() -> None:
    """Print a line for each model: how many faces are found, and the accuracy on them in both ways."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path, help="folder of FER+")
    parser.add_argument("--models", nargs="+", default=["mhan", "han_pff"])
    parser.add_argument("--scale", type=int, default=2)
    parser.add_argument("--size", type=int, default=240)
    parser.add_argument("--limit", type=int, help="take only so many pictures")
    options = parser.parse_args()
    dataset = load_dataset("fer_plus", options.path, split="validation")
    dataset = dataset.without_twins_of(load_dataset("fer_plus", options.path, split="train", keep_unlabelled=True))
    if options.limit is not None:
        dataset = dataset.select(range(options.limit))
    frames = PastedFaces(dataset, scale=options.scale, size=options.size)
    for name in options.models:
        loaded = load_classifier(name, device="cpu")
        alone = predict(loaded.model, dataset, loaded.processor)
        found = predict_detected(loaded.model, frames, loaded.processor, "center_face")
        answers = alone.logits.argmax(axis=1)[found.indices]
        framed = found.logits.argmax(axis=1)
        alone_right, framed_right = np.mean(answers == found.labels), np.mean(framed == found.labels)
        print(f"{name}: {len(framed):,} of {len(frames):,} faces found; of these {alone_right:.1%} right as crops,")
        print(f"  {framed_right:.1%} right in frames, and {np.mean(answers == framed):.1%} answered the same in both")


if __name__ == "__main__":
    main()
