"""Fine-tune with the plain Trainer of transformers: only the collator knows of faces.

    python examples/plain_trainer.py FACES runs/plain
    python examples/plain_trainer.py --small

FACES has the folders ``train`` and ``validation`` with a folder of crops for each expression. With ``--small`` the
faces are drawn and the network is tiny.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from drawn_faces import draw_folder
from transformers import Trainer, TrainingArguments
from transformers.utils import logging

from fer_zoo.datasets import load_dataset
from fer_zoo.evaluation import compute_trainer_metrics
from fer_zoo.models import FerImageProcessor
from fer_zoo.registry import create_model

#: A HAN-PFF with 9,000 parameters.
TINY = {
    "image_size": 112,
    "hidden_sizes": [4, 8, 8, 8],
    "vector_size": 8,
    "classifier_dropout": 0.0,
    "region_independence_weight": 0.1,
}


class Collator:
    """Makes pixel values of a batch with the image processor.

    Args:
        processor: of the model.
    """

    def __init__(self, processor: FerImageProcessor) -> None:
        self.processor = processor

    def __call__(self, rows: Sequence[dict[str, Any]]) -> dict[str, torch.Tensor]:
        """Return ``pixel_values`` and ``labels``."""
        batch = self.processor([np.array(row["image"]) for row in rows], return_tensors="pt")
        return {"pixel_values": batch["pixel_values"], "labels": torch.tensor([row["label"] for row in rows])}


def train(faces: Path, output: Path, *, model: str, config: dict[str, Any], **options: Any) -> dict[str, float]:
    """Train a fresh network, and return what the validation pictures say of it.

    Args:
        faces: folder with the splits.
        output: where the model goes.
        model: name of the registry.
        config: fields of its configuration.
        **options: of ``TrainingArguments``.
    """
    learned = load_dataset("image_folder", faces, split="train")
    measured = load_dataset("image_folder", faces, split="validation")
    torch.manual_seed(0)
    network, processor = create_model(model, label_set=learned.label_set, config_options=config)
    trainer = Trainer(
        model=network,
        args=TrainingArguments(
            output_dir=str(output / "checkpoints"),
            remove_unused_columns=False,  # the collator makes pixel values of the column "image"
            dataloader_drop_last=True,  # batch normalisation cannot learn from a last batch of one picture
            report_to="none",
            save_strategy="no",
            **options,
        ),
        data_collator=Collator(processor),
        train_dataset=learned,
        eval_dataset=measured,
        compute_metrics=compute_trainer_metrics(learned.label_set),
    )
    trainer.train()
    network.save_pretrained(output)
    processor.save_pretrained(output)
    trainer.args.dataloader_drop_last = False  # the Trainer would leave out pictures that it measures too
    return dict(trainer.evaluate())


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("faces", nargs="?", type=Path)
    parser.add_argument("output", nargs="?", type=Path)
    parser.add_argument("--small", action="store_true", help="draw the faces, and train a tiny network")
    given = parser.parse_args()
    logging.disable_progress_bar()
    if not given.small and (given.faces is None or given.output is None):
        parser.error("give the faces and a folder for the model, or --small")
    if not given.small:
        figures = train(given.faces, given.output, model="mhan", config={}, learning_rate=5e-4, num_train_epochs=30)
    else:
        with tempfile.TemporaryDirectory() as folder:
            faces = draw_folder(Path(folder) / "faces", {"train": 30, "validation": 10})
            options: dict[str, Any] = {"learning_rate": 2e-2, "num_train_epochs": 8, "use_cpu": True}
            options |= {"disable_tqdm": True, "logging_strategy": "no", "per_device_train_batch_size": 6}
            figures = train(faces, Path(folder) / "model", model="han_pff", config=TINY, **options)
    print(f"accuracy {figures['eval_accuracy']:.1%}, balanced accuracy {figures['eval_balanced_accuracy']:.1%}")


if __name__ == "__main__":
    main()
