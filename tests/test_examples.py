"""The example with the plain Trainer learns; ``nox -s examples`` runs all of them as they are."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


@pytest.mark.slow
def test_the_plain_trainer_learns_drawn_faces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A network with 9,000 parameters tells most of the mouths apart, and its folder holds the model."""
    monkeypatch.syspath_prepend(str(EXAMPLES))
    spec = importlib.util.spec_from_file_location("plain_trainer", EXAMPLES / "plain_trainer.py")
    assert spec is not None
    assert spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    monkeypatch.delitem(sys.modules, "drawn_faces")
    faces = example.draw_folder(tmp_path / "faces", {"train": 30, "validation": 10})

    figures = example.train(
        faces,
        tmp_path / "model",
        model="han_pff",
        config=example.TINY,
        learning_rate=2e-2,
        num_train_epochs=8,
        per_device_train_batch_size=6,
        use_cpu=True,
        disable_tqdm=True,
        dataloader_pin_memory=False,
        logging_strategy="no",
    )

    assert figures["eval_accuracy"] > 0.8
    assert {"config.json", "model.safetensors", "preprocessor_config.json"} <= {
        path.name for path in (tmp_path / "model").iterdir()
    }
