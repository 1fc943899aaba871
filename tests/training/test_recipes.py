"""The recipes are those of the papers."""

from __future__ import annotations

from pathlib import Path

import pytest

from fer_zoo.errors import UnknownNameError
from fer_zoo.labels import get_label_set
from fer_zoo.registry import create_model
from fer_zoo.training import RECIPES, AdaCMTrainingArguments, get_recipe
from fer_zoo.training.methods import METHODS


@pytest.mark.parametrize("name", sorted(RECIPES))
def test_every_recipe_can_be_followed(name: str, tmp_path: Path) -> None:
    """Its options, its configuration and its label set are accepted."""
    recipe = RECIPES[name]

    arguments = METHODS[recipe.method].arguments(
        output_dir=str(tmp_path), use_cpu=True, augmentation=recipe.augmentation, **recipe.arguments
    )
    model = create_model(recipe.model or "mfn", config_options=recipe.config).model

    assert arguments.num_train_epochs == recipe.arguments["num_train_epochs"]
    assert model.config.label_smoothing == recipe.config.get("label_smoothing", model.config.label_smoothing)
    assert recipe.label_set_name is None or get_label_set(recipe.label_set_name).num_labels in {7, 8}


def test_mhan_on_raf_db_is_the_authors_recipe() -> None:
    """SAM over Adam, 5e-4 times 0.9 an epoch, 80 epochs of 128, heads pulled together, labels smoothed by 0.1."""
    recipe = get_recipe("mhan-raf-db")

    assert recipe.arguments["learning_rate"] == 5e-4
    assert recipe.arguments["lr_decay"] == 0.9
    assert (recipe.arguments["num_train_epochs"], recipe.arguments["per_device_train_batch_size"]) == (80, 128)
    assert recipe.arguments["sam_rho"] == 0.05
    assert recipe.config == {"attention_loss": "consistency", "attention_loss_weight": 0.1, "label_smoothing": 0.1}
    assert (recipe.augmentation.geometry, recipe.augmentation.rotation) == (0.5, 5.0)
    assert 112 * recipe.augmentation.translation == pytest.approx(8)


@pytest.mark.parametrize("name", ["mhan-affectnet-7", "mhan-affectnet-8"])
def test_mhan_on_affectnet_is_the_authors_recipe(name: str) -> None:
    """1e-5 times 0.98 an epoch, 200 epochs of 256, balanced classes, heads pushed apart, nothing smoothed."""
    recipe = get_recipe(name)

    assert recipe.arguments["learning_rate"] == 1e-5
    assert recipe.arguments["lr_decay"] == 0.98
    assert (recipe.arguments["num_train_epochs"], recipe.arguments["per_device_train_batch_size"]) == (200, 256)
    assert recipe.arguments["sampler"] == "inverse_frequency"
    assert recipe.config["attention_loss"] == "diversity"
    assert (recipe.augmentation.erase, recipe.augmentation.erase_area) == (1.0, (0.05, 0.05))


@pytest.mark.parametrize(
    ("name", "rate", "batch", "epochs", "factor", "every"),
    [
        ("han-pff-raf-db", 0.01, 128, 100, 0.1, 15),
        ("han-pff-affectnet-7", 0.01, 256, 20, 0.1, 5),
        ("han-pff-caer-s", 0.1, 128, 400, 0.5, 50),
    ],
)
def test_han_pff_has_the_recipe_of_ma_net(
    name: str, rate: float, batch: int, epochs: int, factor: float, every: int
) -> None:
    """Gradient descent with momentum 0.9, weight decay 1e-4 and falling steps."""
    arguments = get_recipe(name).arguments

    assert (arguments["optim"], arguments["optim_args"]) == ("sgd", "momentum=0.9")
    assert arguments["weight_decay"] == 1e-4
    assert (arguments["learning_rate"], arguments["per_device_train_batch_size"]) == (rate, batch)
    assert (arguments["num_train_epochs"], arguments["lr_decay"], arguments["lr_decay_epochs"]) == (
        epochs,
        factor,
        every,
    )


def test_ada_cm_is_the_authors_recipe(tmp_path: Path) -> None:
    """Adam with 5e-4, 20 epochs of batches of 16, an average of 0.999, and nothing but the cross entropy on labels."""
    recipe = get_recipe("mhan-ada-cm")
    arguments = AdaCMTrainingArguments(
        output_dir=str(tmp_path), use_cpu=True, augmentation=recipe.augmentation, **recipe.arguments
    )

    assert recipe.method == "ada_cm"
    assert (arguments.learning_rate, arguments.lr_scheduler_type, arguments.weight_decay) == (5e-4, "constant", 0.0)
    assert (arguments.num_train_epochs, arguments.per_device_train_batch_size) == (20, 16)
    assert (arguments.ema_decay, arguments.steps_per_epoch, arguments.sam_rho) == (0.999, 800, 0.0)
    assert recipe.config == {"attention_loss": "none", "label_smoothing": 0.0}


def test_recipes_are_supervised_unless_they_say_otherwise() -> None:
    """Only Ada-CM needs another trainer."""
    assert {name for name, recipe in RECIPES.items() if recipe.method != "supervised"} == {"mhan-ada-cm"}


def test_an_unknown_recipe_is_refused_with_the_closest() -> None:
    """The error lists what there is."""
    with pytest.raises(UnknownNameError, match=r"Unknown recipe 'mhan-rafdb'\. Did you mean 'mhan-raf-db'"):
        get_recipe("mhan-rafdb")


def test_the_documentation_lists_every_recipe() -> None:
    """Its table has the recipes in their order, with model, label set and summary."""
    page = Path(__file__).parents[2] / "docs" / "training.md"

    lines = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("| `")]
    table = [line for line in lines if line.split("`")[1] in RECIPES]

    assert table == [
        "| {} | {} | {} | {} |".format(
            *(
                word if word == "any" else f"`{word}`"
                for word in (recipe.name, recipe.model or "any", recipe.label_set_name or "any")
            ),
            recipe.summary,
        )
        for recipe in RECIPES.values()
    ]
