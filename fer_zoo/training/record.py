"""The record of a finished run, as it stands in ``training.json``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fer_zoo.evaluation import Calibration, Environment
from fer_zoo.registry import find_entry
from fer_zoo.training.settings import RunSettings, flatten, recipe_layer


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """What a run did.

    Attributes:
        settings: everything that decided it.
        arguments: all options of the trainer, those of transformers too.
        counts: number of pictures by part and class.
        num_twins: how many pictures were left out of measuring because training has them too.
        base_model: what the weights came from; ``None`` if they were random.
        new_classes: classes that those weights did not know.
        history: what the trainer logged.
        best_metric: the figure that the epoch was chosen by; ``None`` if none was chosen.
        num_steps: of the optimiser.
        seconds: how long training took, since it last began or went on.
        num_processes: that took part.
        environment: where and when.
        calibration: how the temperature was fitted; ``None`` if it was not.
        not_calibrated: why not; empty if it was.
    """

    settings: RunSettings
    arguments: Mapping[str, Any]
    counts: Mapping[str, Mapping[str, int]]
    num_twins: int
    base_model: str | None
    new_classes: tuple[str, ...]
    history: Sequence[Mapping[str, float]]
    best_metric: float | None
    num_steps: int
    seconds: float
    num_processes: int
    environment: Environment
    calibration: Calibration | None = None
    not_calibrated: str = ""

    @property
    def epochs(self) -> float:
        """How often training has met every picture."""
        return max((row["epoch"] for row in self.history if "epoch" in row), default=0.0)

    @property
    def local_models(self) -> list[str]:
        """Names of the model and the teachers that are folders here; elsewhere they could be repositories."""
        names = [self.settings.model.name, *self.settings.model.teachers]
        return [name for name in names if find_entry(name) is None and Path(name).is_dir()]

    def changes(self) -> dict[str, Any]:
        """Return the settings by which the run differs from its recipe, by dotted name; where the data lie aside."""
        recipe = flatten(recipe_layer(self.settings.recipe))
        own = flatten(self.settings.to_dict())
        sections = ("model.", "training.", "augmentation.", "processor.")
        return {
            name: value
            for name, value in own.items()
            if (name == "method" or name.startswith(sections))
            and name not in MODEL_SOURCE
            and value != recipe.get(name)
        }

    def to_dict(self) -> dict[str, Any]:
        """Return plain Python values, ready for JSON."""
        return {**asdict(self), "settings": self.settings.to_dict(), "local_models": self.local_models}


#: Settings that a card names elsewhere.
MODEL_SOURCE = ("model.name", "model.fine_tune", "model.revision", "model.teachers")


__all__ = ["RunRecord"]
