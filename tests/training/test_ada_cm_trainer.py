"""Training with the adaptive confidence margin, against loops written out here."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional
from training_rows import Rows, processor, smooth_model
from transformers import PreTrainedModel

from fer_zoo.errors import DatasetWarning, InvalidOptionError, TrainingDataError
from fer_zoo.losses import nt_xent_loss
from fer_zoo.training import AdaCMTrainer, AdaCMTrainingArguments
from fer_zoo.training.averaging import WeightAverage
from fer_zoo.training.sampling import EpochSampler

LABELLED = [0, 1, 2, 0, 1, 2]
UNLABELLED = [2, 1, 0, 2, 1, 0, 2, 1, 0]


def arguments(folder: Path, **options: Any) -> AdaCMTrainingArguments:
    """Return quiet options for the CPU: three labelled and five unlabelled pictures a batch, 2 epochs of 3 steps."""
    values: dict[str, Any] = {
        "output_dir": str(folder),
        "per_device_train_batch_size": 3,
        "unlabelled_batch_size": 5,
        "steps_per_epoch": 3,
        "num_train_epochs": 2,
        "learning_rate": 0.01,
        "optim": "sgd",
        "augmentation": {},
        "strong_augmentation": {},
        "confidence_floor": 0.5,
        "contrastive_temperature": 0.5,
        "ema_decay": 0.9,
        "use_cpu": True,
        "disable_tqdm": True,
        "save_strategy": "no",
        "logging_strategy": "no",
        "dataloader_pin_memory": False,
        "seed": 7,
    }
    return AdaCMTrainingArguments(**{**values, **options})


def trainer(model: PreTrainedModel, folder: Path, **options: Any) -> AdaCMTrainer:
    """Return a trainer on nine unlabelled pictures beside six labelled ones."""
    return AdaCMTrainer(
        model,
        arguments(folder, **options),
        processing_class=processor(),
        train_dataset=Rows(LABELLED),
        unlabelled_dataset=Rows(UNLABELLED, seed=1),
    )


def pixels(rows: Rows, indices: list[int]) -> torch.Tensor:
    """Return the pixel values of pictures, from the image processor."""
    values: torch.Tensor = processor()([rows.pictures[i] for i in indices], return_tensors="pt")["pixel_values"]
    return values


class SlowAdaCM:
    """The method as it is described, step by step, without augmentation."""

    def __init__(self, model: PreTrainedModel, run: AdaCMTrainer) -> None:
        self.model = copy.deepcopy(model)
        self.average = WeightAverage(self.model, 0.9)
        self.thresholds = [0.5] * 3
        self.labelled, self.unlabelled = Rows(LABELLED), Rows(UNLABELLED, seed=1)
        self.run = run
        self.shares: list[float] = []
        self.guesses: list[tuple[torch.Tensor, list[bool]]] = []

    def loss(self, chosen: list[int], number: int, *, is_first: bool = True) -> torch.Tensor:
        """Return 0.5 L_x + L_u + 0.1 L_c of a micro-batch."""
        self.model.train()
        supervised: torch.Tensor = self.model(
            pixels(self.labelled, chosen), labels=torch.tensor([LABELLED[i] for i in chosen])
        ).loss
        assert self.run._unlabelled is not None
        views = pixels(self.unlabelled, self.run._unlabelled.indices(number))
        first, second, strong = (self.model(views) for _ in range(3))
        if is_first:
            mean = (first.logits.softmax(1) + second.logits.softmax(1)).detach() / 2
            guesses = mean.argmax(1)
            is_taken = [float(p.max()) >= self.thresholds[int(c)] for p, c in zip(mean, guesses, strict=True)]
            self.guesses.append((guesses, is_taken))
            self.shares.append(sum(is_taken) / len(is_taken))
        guesses, is_taken = self.guesses[-1]
        unsupervised = torch.zeros(())
        for i, is_sure in enumerate(is_taken):
            if is_sure:
                unsupervised = unsupervised + functional.cross_entropy(strong.logits[i], guesses[i]) / len(is_taken)
        rest = [i for i, is_sure in enumerate(is_taken) if not is_sure]
        contrastive = torch.zeros(())
        if len(rest) > 1:
            contrastive = nt_xent_loss(first.pooler_output[rest], second.pooler_output[rest], temperature=0.5)
        return 0.5 * supervised + unsupervised + 0.1 * contrastive

    def end_epoch(self, num_epochs: int) -> None:
        """Set the thresholds picture by picture."""
        averaged = self.average.averaged.module.eval()
        found: list[list[float]] = [[], [], []]
        for i, label in enumerate(LABELLED):
            probabilities = averaged(pixels(self.labelled, [i])).logits.detach().softmax(1)[0]
            if int(probabilities.argmax()) == label:
                found[label].append(float(probabilities.max()))
        factor = 0.97 / (1 + math.exp(-num_epochs))
        self.thresholds = [max(0.5, factor * sum(f) / len(f)) if f else 0.5 for f in found]


def order(epoch: int, draws: int) -> list[int]:
    """Return the labelled pictures of an epoch."""
    sampler = EpochSampler(len(LABELLED), 7, num_draws=draws)
    sampler.set_epoch(epoch)
    return list(sampler)


def assert_same_weights(first: nn.Module, second: nn.Module, atol: float = 1e-5) -> None:
    """Compare all parameters and buffers."""
    expected = second.state_dict()
    for name, value in first.state_dict().items():
        torch.testing.assert_close(value, expected[name], atol=atol, rtol=atol, msg=f"{name} differs")


@pytest.mark.parametrize("accumulation", [1, 2])
def test_training_is_the_method_written_out(tmp_path: Path, accumulation: int) -> None:
    """Two epochs of three steps give the weights, the thresholds and the masks of a slow loop."""
    model = smooth_model()
    run = trainer(
        model,
        tmp_path,
        learning_rate=0.2,
        gradient_accumulation_steps=accumulation,
        logging_strategy="steps",
        logging_steps=1,
    )
    slow = SlowAdaCM(model, run)

    run.train()

    optimizer, number = torch.optim.SGD(slow.model.parameters(), lr=0.2), 0
    for epoch in range(2):
        drawn = order(epoch, 9 * accumulation)
        for step in range(3):
            for micro in range(accumulation):
                start = 3 * (step * accumulation + micro)
                (slow.loss(drawn[start : start + 3], number) / accumulation).backward()
                number += 1
            optimizer.step()
            optimizer.zero_grad()
            slow.average.update(slow.model)
        slow.end_epoch(epoch + 1)
    assert_same_weights(model, slow.average.averaged.module)
    assert list(run.thresholds.values()) == pytest.approx(slow.thresholds, abs=1e-5)
    logged = [entry["confident_share"] for entry in run.state.log_history if "loss" in entry]
    per_step = [sum(slow.shares[i : i + accumulation]) / accumulation for i in range(0, number, accumulation)]
    assert logged == pytest.approx(per_step)
    assert any(0 < share <= 0.6 for share in slow.shares)  # there were pictures of both kinds, two or more unsure


def test_sharpness_aware_steps_keep_the_pseudo_labels_of_the_first_pass(tmp_path: Path) -> None:
    """At the worst point the model might guess otherwise; the slow version guesses once a step."""
    model = smooth_model()
    run = trainer(
        model, tmp_path, learning_rate=0.2, sam_rho=0.5, num_train_epochs=1, logging_strategy="steps", logging_steps=1
    )
    slow = SlowAdaCM(model, run)

    run.train()

    for step in range(3):
        chosen = order(0, 9)[3 * step : 3 * step + 3]
        own = copy.deepcopy(slow.model.state_dict())
        slow.loss(chosen, step).backward()
        moved = {name: value.clone() for name, value in slow.model.named_buffers()}
        gradients = {name: p.grad.clone() for name, p in slow.model.named_parameters() if p.grad is not None}
        length = sum(float((gradient**2).sum()) for gradient in gradients.values()) ** 0.5
        slow.model.zero_grad()
        slow.model.load_state_dict(own)
        with torch.no_grad():
            for name, parameter in slow.model.named_parameters():
                parameter.add_(0.5 * gradients[name] / length)
        slow.loss(chosen, step, is_first=False).backward()
        with torch.no_grad():
            for name, parameter in slow.model.named_parameters():
                assert parameter.grad is not None
                parameter.copy_(own[name] - 0.2 * parameter.grad)
            for name, buffer in slow.model.named_buffers():
                buffer.copy_(moved[name])
        slow.model.zero_grad()
        slow.average.update(slow.model)
    assert run.average is not None
    assert_same_weights(run.average.averaged.module, slow.average.averaged.module)
    assert [entry["confident_share"] for entry in run.state.log_history if "loss" in entry] == pytest.approx(
        slow.shares
    )


@pytest.mark.slow
@pytest.mark.parametrize("step", [2, 3, 4])
@pytest.mark.parametrize(
    "options", [{}, {"gradient_accumulation_steps": 2, "store": "memory"}], ids=["plain", "stored"]
)
def test_a_resumed_run_gives_the_weights_of_one_that_was_not_interrupted(
    tmp_path: Path, step: int, options: dict[str, Any]
) -> None:
    """With random views, interrupted within an epoch, at its end (where the thresholds are set), and after it."""
    augmented: dict[str, Any] = {
        "learning_rate": 0.3,
        "augmentation": {"flip": 0.5, "geometry": 0.5, "rotation": 10.0},
        "strong_augmentation": {"flip": 0.5, "rand_augment": 3, "erase": 1.0},
        "save_strategy": "steps",
        "save_steps": 1,
        "logging_strategy": "steps",
        "logging_steps": 1,
        **options,
    }
    straight, resumed = smooth_model(), smooth_model(seed=1)
    run = trainer(straight, tmp_path, **augmented)
    run.train()
    thresholds = dict(run.thresholds)

    again = trainer(resumed, tmp_path, **augmented)
    again.train(resume_from_checkpoint=str(tmp_path / f"checkpoint-{step}"))

    assert again.thresholds == thresholds
    assert any(value > 0.5 for value in thresholds.values())
    assert_same_weights(straight, resumed, atol=0)
    assert again.state.log_history[-2]["loss"] == run.state.log_history[-2]["loss"]


def test_every_checkpoint_has_the_thresholds(tmp_path: Path) -> None:
    """Written as JSON, one number a class; the checkpoint of an epoch's last step has those for the next."""
    run = trainer(
        smooth_model(), tmp_path, save_strategy="steps", save_steps=1, confidence_floor=0.1, learning_rate=2.0
    )

    run.train()

    found = [
        json.loads((tmp_path / f"checkpoint-{step}" / "confidence_thresholds.json").read_text()) for step in range(1, 7)
    ]
    assert found[0] == found[1] == dict.fromkeys(("anger", "fear", "happiness"), pytest.approx(0.1))
    assert found[2] == found[4] != found[0]
    assert found[5] == run.thresholds != found[4]


def test_the_log_has_the_terms_and_the_thresholds(tmp_path: Path) -> None:
    """The loss is the weighted sum of the terms beside it."""
    run = trainer(smooth_model(), tmp_path, logging_strategy="steps", logging_steps=2)

    run.train()

    entries = [entry for entry in run.state.log_history if "loss" in entry]
    assert len(entries) == 3
    for entry in entries:
        terms = 0.5 * entry["supervised_loss"] + entry["unsupervised_loss"] + 0.1 * entry["contrastive_loss"]
        assert entry["loss"] == pytest.approx(terms, rel=1e-4)
        assert {"threshold_anger", "threshold_fear", "threshold_happiness"} <= entry.keys()


def test_evaluation_has_the_loss_of_the_model(tmp_path: Path) -> None:
    """Unlabelled pictures take no part in it."""
    model, rows = smooth_model(), Rows(LABELLED, seed=2)
    run = trainer(model, tmp_path)

    loss = run.evaluate(rows)["eval_loss"]

    expected = model.eval()(pixels(rows, list(range(6))), labels=torch.tensor(LABELLED)).loss.detach()
    assert loss == pytest.approx(float(expected), rel=1e-4)


def test_colours_are_learnt_from_three_labels(tmp_path: Path) -> None:
    """One labelled picture a class and thirty without a label: the masks fill, and unseen pictures are recognised."""
    model = smooth_model()
    run = AdaCMTrainer(
        model,
        arguments(
            tmp_path,
            optim="adamw_torch",
            learning_rate=1e-2,
            steps_per_epoch=20,
            num_train_epochs=3,
            per_device_train_batch_size=3,
            unlabelled_batch_size=6,
            confidence_floor=0.8,
            augmentation={"flip": 0.5},
            strong_augmentation={"flip": 0.5, "brightness": 0.1, "erase": 0.5},
            logging_strategy="epoch",
        ),
        processing_class=processor(),
        train_dataset=Rows([0, 1, 2]),
        unlabelled_dataset=Rows([0, 1, 2] * 10, seed=1),
    )

    run.train()

    shares = [entry["confident_share"] for entry in run.state.log_history if "loss" in entry]
    predictions = run.predict(Rows([0, 1, 2] * 4, seed=2)).predictions
    assert shares[-1] > max(0.5, shares[0])
    assert (predictions.argmax(axis=1) == [0, 1, 2] * 4).mean() >= 0.9


def test_pictures_without_a_label_do_not_move_the_thresholds(tmp_path: Path) -> None:
    """A labelled data set with one that is marked as -100 gives those of the data set without it."""
    thresholds = []
    for number in (6, 5):
        rows = Rows(LABELLED)
        rows.labels = [*LABELLED[:5], -100][:number]
        run = AdaCMTrainer(
            smooth_model(),
            arguments(tmp_path, confidence_floor=0.1, ema_decay=0),
            processing_class=processor(),
            train_dataset=rows,
            unlabelled_dataset=Rows(UNLABELLED, seed=1),
        )
        run.get_train_dataloader()
        run.end_epoch(1)
        thresholds.append(run.thresholds)

    assert thresholds[0] == pytest.approx(thresholds[1], abs=1e-6)
    assert max(thresholds[0].values()) > 0.1


def test_what_is_left_of_an_unlabelled_batch_may_be_a_single_picture(tmp_path: Path) -> None:
    """It is shown twice: the step is that of a batch of the picture and a copy."""
    weights = []
    for number in (1, 2):
        rows = Rows([1, 1], unreadable=tuple(range(number, 2)), seed=1)
        rows.pictures[:number] = rows.pictures[:1] * number
        model = smooth_model()
        options = arguments(
            tmp_path, unreadable="skip", unlabelled_batch_size=2, steps_per_epoch=1, num_train_epochs=1, ema_decay=0
        )
        run = AdaCMTrainer(
            model, options, processing_class=processor(), train_dataset=Rows(LABELLED), unlabelled_dataset=rows
        )
        run.train()
        weights.append(model)

    assert_same_weights(*weights)


def test_another_unlabelled_picture_stands_in_for_a_batch_without_one(tmp_path: Path) -> None:
    """Of two batches one has the only picture, and one has none."""
    rows = Rows([1] * 4, unreadable=(1, 2, 3), seed=1)
    options = {"unreadable": "skip", "unlabelled_batch_size": 2, "steps_per_epoch": 2, "num_train_epochs": 1}
    run = AdaCMTrainer(
        smooth_model(),
        arguments(tmp_path, **options),
        processing_class=processor(),
        train_dataset=Rows(LABELLED),
        unlabelled_dataset=rows,
    )

    with pytest.warns(DatasetWarning, match="in which another one stood in: 1$"):
        run.train()

    assert run.num_unreadable == 3


def test_what_stands_in_does_not_count_towards_the_thresholds(tmp_path: Path) -> None:
    """The mean confidence is that of the readable pictures, each once."""
    thresholds = []
    for rows in (Rows([0] * 4, unreadable=(3,)), Rows([0] * 3)):
        model = smooth_model()
        model.classifier.bias.data[0] = 1.0  # all of them are recognised
        options = {"unreadable": "skip", "per_device_eval_batch_size": 1, "confidence_floor": 0.0, "ema_decay": 0}
        run = AdaCMTrainer(
            model,
            arguments(tmp_path, **options),
            processing_class=processor(),
            train_dataset=rows,
            unlabelled_dataset=Rows(UNLABELLED, seed=1),
        )
        run.get_train_dataloader()
        run.end_epoch(1)
        thresholds.append(run.thresholds)

    assert thresholds[0] == pytest.approx(thresholds[1], abs=1e-9)
    assert thresholds[0]["anger"] > 0.2


class TestBadInput:
    """What is refused."""

    def test_no_unlabelled_pictures(self, tmp_path: Path) -> None:
        """The method needs them."""
        with pytest.raises(InvalidOptionError, match="unlabelled_dataset: expected a data set"):
            AdaCMTrainer(
                smooth_model(),
                arguments(tmp_path),
                processing_class=processor(),
                train_dataset=Rows(LABELLED),
                unlabelled_dataset=None,  # type: ignore[arg-type]
            )

    def test_labelled_pictures_among_the_unlabelled(self, tmp_path: Path) -> None:
        """They are found before anything is read."""
        with pytest.raises(TrainingDataError, match="1 of 2 unlabelled pictures are among the labelled ones"):
            AdaCMTrainer(
                smooth_model(),
                arguments(tmp_path),
                processing_class=processor(),
                train_dataset=[{"image": "a.png", "label": 0}],
                unlabelled_dataset=[{"image": "b.png"}, {"image": "a.png"}],
            )

    @pytest.mark.parametrize(
        ("option", "value", "expected"),
        [
            ("supervised_weight", -1, "at least 0"),
            ("unsupervised_weight", -0.1, "at least 0"),
            ("contrastive_weight", -1, "at least 0"),
            ("contrastive_temperature", 0, "above 0"),
            ("confidence_margin", 1.1, "above 0 and at most 1"),
            ("confidence_floor", -0.1, "from 0 to 1"),
            ("steps_per_epoch", 0, "at least 1"),
            ("unlabelled_batch_size", 0, "at least 1"),
        ],
    )
    def test_options_out_of_range(self, tmp_path: Path, option: str, value: float, expected: str) -> None:
        """The message says what is possible."""
        with pytest.raises(InvalidOptionError, match=f"Invalid value {value} for {option}: expected a number that is"):
            arguments(tmp_path, **{option: value})

    def test_the_defaults_are_those_of_the_authors(self, tmp_path: Path) -> None:
        """Weights 0.5, 1 and 0.1, temperature 0.07, margin 0.97, floor 0.8, 800 steps of 16, EMA 0.999, 5e-4."""
        options = AdaCMTrainingArguments(output_dir=str(tmp_path), use_cpu=True)

        assert (options.supervised_weight, options.unsupervised_weight, options.contrastive_weight) == (0.5, 1, 0.1)
        assert (options.contrastive_temperature, options.confidence_margin, options.confidence_floor) == (
            0.07,
            0.97,
            0.8,
        )
        assert (options.steps_per_epoch, options.per_device_train_batch_size, options.num_train_epochs) == (800, 16, 20)
        assert (options.ema_decay, options.learning_rate) == (0.999, 5e-4)
        assert (options.strong_augmentation["rand_augment"], options.strong_augmentation["erase"]) == (3, 1.0)
