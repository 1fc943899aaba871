"""Training recipes: those of the papers, and ours for FER+.

A recipe is a table of values for :class:`~fer_zoo.training.ExpressionTrainingArguments` and for the configuration of
its model; anything in it can be changed. The authors of MHAN choose the epoch by the accuracy on the test pictures;
here a recipe chooses by whatever data set is given for evaluation, which should not be the one that is reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from fer_zoo.errors import UnknownNameError
from fer_zoo.training.augmentation import Augmentation


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """How to train a model on a data set.

    Attributes:
        name: by which it is chosen.
        model: registry name of the model; ``None`` fits any.
        label_set_name: of the data set that it was made for; ``None`` fits any.
        summary: what it is, in one line.
        source: where its values come from, and what is ours.
        targets: what the labels are: ``"labels"`` or ``"votes"``.
        method: which trainer follows it: ``"supervised"``, ``"ada_cm"``, which also needs pictures without labels, or
            ``"distillation"``, which needs teachers.
        arguments: options of training that differ from the defaults.
        config: fields of the model's configuration that differ from the defaults.
        augmentation: what happens to the pictures.
    """

    name: str
    model: str | None
    label_set_name: str | None
    summary: str
    source: str
    targets: str = "labels"
    method: str = "supervised"
    arguments: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    augmentation: Augmentation = field(default_factory=Augmentation)


#: The authors of both models neither decay by group nor clip gradients.
PLAIN: Mapping[str, Any] = MappingProxyType({"weight_decay": 0.0, "max_grad_norm": 0.0, "warmup_steps": 0})

MHAN_SOURCE = (
    "Wang et al., Pattern Recognition 170 (2026) 112015, and the options of the authors' published training scripts. "
    "Ours: batches are augmented on the device."
)
HAN_PFF_SOURCE = (
    "Ours: the paper of HAN-PFF states no recipe in public, so this is MA-Net's (Zhao et al., TIP 2021), which has the "
    "same data."
)

#: Mirrored, turned a little, moved by up to 8 of 112 pixels.
WEAK_AUGMENTATION = Augmentation(flip=0.5, geometry=0.5, rotation=5.0, translation=8 / 112)
MHAN_RAF_DB_AUGMENTATION = Augmentation(
    flip=0.5, geometry=0.5, rotation=5.0, translation=8 / 112, erase=0.5, erase_area=(0.02, 0.25)
)
MHAN_AFFECTNET_AUGMENTATION = Augmentation(
    flip=0.5, geometry=0.7, rotation=20.0, scale=(0.8, 1.0), translation=0.2, erase=1.0, erase_area=(0.05, 0.05)
)
MA_NET_AUGMENTATION = Augmentation(flip=0.5, crop_area=(0.08, 1.0))


def mhan_affectnet(label_set_name: str) -> Recipe:
    """Return the recipe of MHAN's authors for AffectNet with seven or eight classes."""
    return Recipe(
        name=f"mhan-{label_set_name.replace('_', '-')}",
        model="mhan",
        label_set_name=label_set_name,
        summary="MHAN on AffectNet, as its authors train it",
        source=MHAN_SOURCE,
        arguments={
            **PLAIN,
            "optim": "adamw_torch",
            "learning_rate": 1e-5,
            "lr_decay": 0.98,
            "num_train_epochs": 200,
            "per_device_train_batch_size": 256,
            "sam_rho": 0.05,
            "sampler": "inverse_frequency",
        },
        config={"attention_loss": "diversity", "attention_loss_weight": 0.1, "label_smoothing": 0.0},
        augmentation=MHAN_AFFECTNET_AUGMENTATION,
    )


def han_pff(label_set_name: str, *, learning_rate: float, batch: int, epochs: int, factor: float, every: int) -> Recipe:
    """Return MA-Net's recipe for a data set."""
    return Recipe(
        name=f"han-pff-{label_set_name.replace('_', '-')}",
        model="han_pff",
        label_set_name=label_set_name,
        summary="HAN-PFF with the recipe of MA-Net",
        source=HAN_PFF_SOURCE,
        arguments={
            **PLAIN,
            "optim": "sgd",
            "optim_args": "momentum=0.9",
            "weight_decay": 1e-4,
            "learning_rate": learning_rate,
            "lr_decay": factor,
            "lr_decay_epochs": every,
            "num_train_epochs": epochs,
            "per_device_train_batch_size": batch,
            "dataloader_drop_last": True,
        },
        augmentation=MA_NET_AUGMENTATION,
    )


FER_PLUS = Recipe(
    name="fer-plus",
    model=None,
    label_set_name="fer_plus",
    summary="any model on FER+, with the votes as targets",
    source="Ours; the votes as targets after Barsoum et al., ICMI 2016.",
    targets="votes",
    arguments={
        "optim": "adamw_torch",
        "learning_rate": 1e-3,
        "weight_decay": 0.05,
        "max_grad_norm": 5.0,
        "warmup_steps": 0.05,
        "lr_scheduler_type": "cosine",
        "num_train_epochs": 60,
        "per_device_train_batch_size": 128,
        "dataloader_drop_last": True,
        "sam_rho": 0.05,
        "ema_decay": 0.999,
        "store": "device",
    },
    config={"label_smoothing": 0.0},
    augmentation=Augmentation(
        flip=0.5,
        geometry=0.8,
        rotation=12.0,
        scale=(0.88, 1.12),
        translation=0.06,
        brightness=0.2,
        contrast=0.3,
        gamma=0.3,
        blur=0.2,
        low_resolution=0.3,
        erase=0.4,
        erase_area=(0.02, 0.2),
    ),
)

FROM_SCRATCH = replace(
    FER_PLUS,
    name="from-scratch",
    label_set_name=None,
    summary="any model with random weights, on faces of one's own",
    source="Ours: the values of fer-plus with class numbers as targets.",
    targets="labels",
    arguments={
        name: value for name, value in FER_PLUS.arguments.items() if name not in {"dataloader_drop_last", "store"}
    },
    config={"label_smoothing": 0.1},
)


RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        recipe.name: recipe
        for recipe in (
            FER_PLUS,
            FROM_SCRATCH,
            Recipe(
                name="fine-tune",
                model=None,
                label_set_name=None,
                summary="any model with weights, on faces of one's own",
                source="Ours: usual values to start from, not tuned for any data.",
                arguments={
                    "optim": "adamw_torch",
                    "learning_rate": 2e-4,
                    "head_learning_rate": 1e-3,
                    "layer_decay": 0.9,
                    "weight_decay": 0.01,
                    "warmup_steps": 0.05,
                    "lr_scheduler_type": "cosine",
                    "num_train_epochs": 20,
                    "per_device_train_batch_size": 32,
                },
                config={"label_smoothing": 0.1},
                augmentation=Augmentation(
                    flip=0.5,
                    geometry=0.5,
                    rotation=10.0,
                    scale=(0.9, 1.1),
                    translation=0.05,
                    brightness=0.2,
                    contrast=0.2,
                ),
            ),
            Recipe(
                name="mhan-raf-db",
                model="mhan",
                label_set_name="raf_db",
                summary="MHAN on RAF-DB, as its authors train it",
                source=MHAN_SOURCE,
                arguments={
                    **PLAIN,
                    "optim": "adamw_torch",
                    "learning_rate": 5e-4,
                    "lr_decay": 0.9,
                    "num_train_epochs": 80,
                    "per_device_train_batch_size": 128,
                    "sam_rho": 0.05,
                },
                config={"attention_loss": "consistency", "attention_loss_weight": 0.1, "label_smoothing": 0.1},
                augmentation=MHAN_RAF_DB_AUGMENTATION,
            ),
            Recipe(
                name="mhan-ada-cm",
                model="mhan",
                label_set_name="raf_db",
                summary="MHAN on a few labels and many pictures without, with the adaptive confidence margin",
                source=(
                    f"{MHAN_SOURCE} The method is that of Li et al., CVPR 2022. Ours: size and place of what is erased "
                    "from the strong view."
                ),
                method="ada_cm",
                arguments={
                    **PLAIN,
                    "optim": "adamw_torch",
                    "learning_rate": 5e-4,
                    "lr_scheduler_type": "constant",
                    "num_train_epochs": 20,
                    "per_device_train_batch_size": 16,
                    "ema_decay": 0.999,
                },
                config={"attention_loss": "none", "label_smoothing": 0.0},
                augmentation=WEAK_AUGMENTATION,
            ),
            mhan_affectnet("affectnet_7"),
            mhan_affectnet("affectnet_8"),
            han_pff("raf_db", learning_rate=0.01, batch=128, epochs=100, factor=0.1, every=15),
            han_pff("affectnet_7", learning_rate=0.01, batch=256, epochs=20, factor=0.1, every=5),
            han_pff("affectnet_8", learning_rate=0.01, batch=256, epochs=20, factor=0.1, every=5),
            han_pff("caer_s", learning_rate=0.1, batch=128, epochs=400, factor=0.5, every=50),
        )
    }
)
"""Every recipe under its name; it cannot be changed."""


def get_recipe(name: str) -> Recipe:
    """Return a recipe.

    Args:
        name: a key of ``RECIPES``, for example ``mhan-raf-db``.

    Raises:
        UnknownNameError: if there is no recipe of that name.
    """
    if name not in RECIPES:
        raise UnknownNameError("recipe", name, RECIPES)
    return RECIPES[name]


__all__ = ["RECIPES", "WEAK_AUGMENTATION", "Recipe", "get_recipe"]
