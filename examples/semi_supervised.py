"""Train on 100 labels and all pictures without: the adaptive confidence margin against the labels alone.

    python examples/semi_supervised.py fer_plus FOLDER_OF_FER+ runs/ada_cm
    python examples/semi_supervised.py image_folder MY_FACES runs/ada_cm
    python examples/semi_supervised.py --small

The data need the splits ``train`` and ``validation``; the labels of all but 100 training pictures are not looked at.
With ``--small`` the faces are drawn and the network is tiny: a minute on a CPU shows that it runs, and nothing about
faces.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from drawn_faces import draw_folder

from fer_zoo.datasets import ExpressionDataset, load_dataset
from fer_zoo.registry import create_model
from fer_zoo.training import (
    AdaCMTrainer,
    AdaCMTrainingArguments,
    ExpressionTrainer,
    ExpressionTrainingArguments,
    get_recipe,
)


def split_labels(data: ExpressionDataset, number: int) -> tuple[ExpressionDataset, ExpressionDataset]:
    """Return about as many labelled pictures of every class, and all others."""
    labels, chosen = np.array(data.labels), []
    classes = np.unique(labels)
    for place, label in enumerate(classes):
        share = number // len(classes) + (place < number % len(classes))
        chosen.extend(np.random.default_rng(0).permutation(np.flatnonzero(labels == label))[:share].tolist())
    return data.select(sorted(chosen)), data.select(sorted(set(range(len(data))) - set(chosen)))


def accuracy(trainer: ExpressionTrainer, data: ExpressionDataset) -> float:
    """Return the share of pictures that are classified as labelled."""
    return float((trainer.predict(data).predictions.argmax(axis=1) == np.array(data.labels)).mean())


def compare(kind: str, path: Path, output: Path, *, model: str, number: int, **options: Any) -> None:
    """Train twice, with and without the unlabelled pictures, and print both accuracies."""
    size = options.pop("image_size", None)
    recipe = get_recipe("mhan-ada-cm")
    train = load_dataset(kind, path, split="train", check_counts=False)
    validation = load_dataset(kind, path, split="validation", check_counts=False)
    labelled, unlabelled = split_labels(train, number)
    print(f"{len(labelled)} labelled and {len(unlabelled)} unlabelled pictures, {len(validation)} to measure on")
    config = {**(recipe.config if model == recipe.model else {}), **({"image_size": size} if size else {})}
    arguments: dict[str, Any] = {**recipe.arguments, "augmentation": recipe.augmentation, "store": "memory", **options}
    arguments |= {"report_to": "none", "save_strategy": "no", "logging_strategy": "epoch"}

    torch.manual_seed(0)
    network, processor = create_model(model, label_set=train.label_set, config_options=config)
    semi_supervised = AdaCMTrainer(
        network,
        AdaCMTrainingArguments(output_dir=str(output), **arguments),
        processing_class=processor,
        train_dataset=labelled,
        unlabelled_dataset=unlabelled,
    )
    semi_supervised.train()
    network.save_pretrained(output)
    processor.save_pretrained(output)

    torch.manual_seed(0)
    network, processor = create_model(model, label_set=train.label_set, config_options=config)
    steps = semi_supervised.state.global_step
    arguments = {key: value for key, value in arguments.items() if key != "steps_per_epoch"}
    arguments |= {"logging_strategy": "no", "max_steps": steps}
    supervised = ExpressionTrainer(
        network,
        ExpressionTrainingArguments(output_dir=str(output), **arguments),
        processing_class=processor,
        train_dataset=labelled,
    )
    supervised.train()
    print(f"labels alone: {accuracy(supervised, validation):.1%}")
    print(f"adaptive confidence margin: {accuracy(semi_supervised, validation):.1%}, thresholds", end=" ")
    print({name: round(value, 3) for name, value in semi_supervised.thresholds.items()})
    print(f"the model is in {output}")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", nargs="?", help="kind of the data set, such as fer_plus or image_folder")
    parser.add_argument("path", nargs="?", type=Path, help="its folder")
    parser.add_argument("output", nargs="?", type=Path, help="where the model goes")
    parser.add_argument("--labels", type=int, default=100, help="how many labels are used")
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--steps-per-epoch", type=int, default=800)
    parser.add_argument("--small", action="store_true", help="draw the faces, and train a tiny network for a minute")
    given = parser.parse_args()
    if given.small:
        torch.set_flush_denormal(True)  # random weights make denormal numbers, which are slow on a CPU
        with tempfile.TemporaryDirectory() as folder:
            faces = draw_folder(Path(folder) / "faces", {"train": 40, "validation": 10})
            output = given.output or Path(folder) / "model"
            compare(
                "image_folder",
                faces,
                output,
                model="resnet18",
                number=9,
                image_size=32,
                num_train_epochs=3,
                steps_per_epoch=12,
                per_device_train_batch_size=6,
                ema_decay=0.9,
                learning_rate=1e-3,
                use_cpu=True,
                dataloader_pin_memory=False,
                disable_tqdm=True,
            )
    elif given.output is None:
        parser.error("give the kind of the data, its folder and an output folder, or --small")
    else:
        compare(
            given.kind,
            given.path,
            given.output,
            model="mhan",
            number=given.labels,
            num_train_epochs=given.epochs,
            steps_per_epoch=given.steps_per_epoch,
        )


if __name__ == "__main__":
    main()
