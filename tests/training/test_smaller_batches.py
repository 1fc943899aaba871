"""Training that begins anew with smaller batches, as transformers does where memory runs out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from training_rows import Rows, arguments, processor, smooth_model

from fer_zoo.training import ExpressionTrainer


class ShortOfMemory(ExpressionTrainer):
    """Runs out of memory once, after the loss of the first batch."""

    has_failed = False

    def compute_loss(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the loss, or fail."""
        loss = super().compute_loss(*args, **kwargs)
        if not self.has_failed:
            self.has_failed = True
            raise RuntimeError("CUDA out of memory.")
        return loss


def bias_after_a_step(kind: type[ExpressionTrainer], folder: Path, batch_size: int, rho: float) -> torch.Tensor:
    """Train for one step and return the bias of the classifier."""
    model = smooth_model()
    options = {"sam_rho": rho, "max_steps": 1, "learning_rate": 0.1, "auto_find_batch_size": True}
    trainer = kind(
        model,
        arguments(folder, per_device_train_batch_size=batch_size, **options),
        processing_class=processor(),
        train_dataset=Rows([0, 1, 2, 0, 1, 2, 0, 1]),
    )
    trainer.train()
    return model.classifier.bias.detach()


@pytest.mark.parametrize("rho", [0.0, 0.5])
def test_a_batch_that_did_not_fit_takes_no_part_in_the_next_step(rho: float, tmp_path: Path) -> None:
    """A step of three pictures after one of four that failed is that of three from the beginning."""
    at_once = bias_after_a_step(ExpressionTrainer, tmp_path / "a", 3, rho)

    torch.testing.assert_close(bias_after_a_step(ShortOfMemory, tmp_path / "b", 4, rho), at_once)
