"""The trainer, against loops written out here."""

from __future__ import annotations

import copy
import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import get_worker_info
from training_rows import Rows, arguments, narrow_model, processor, smooth_model
from transformers import EvalPrediction, PreTrainedModel
from transformers.trainer_utils import set_seed

from fer_zoo.errors import DatasetWarning, ImageReadError, InvalidOptionError, TrainingDataError, TrainingDivergedError
from fer_zoo.registry import create_model
from fer_zoo.training import ExpressionTrainer
from fer_zoo.training.averaging import AVERAGE_FILE
from fer_zoo.training.pictures import as_labels
from fer_zoo.training.pixel_preparation import PixelPreparation
from fer_zoo.training.sampling import EpochSampler

LABELS = [0, 1, 2, 0, 1, 2, 0, 1]


def trainer(model: PreTrainedModel, folder: Path, rows: Rows, **options: Any) -> ExpressionTrainer:
    """Return a trainer with quiet options."""
    evaluation = {name: options.pop(name) for name in ("eval_dataset", "compute_metrics") if name in options}
    return ExpressionTrainer(
        model, arguments(folder, **options), processing_class=processor(), train_dataset=rows, **evaluation
    )


def batches(rows: Rows, size: int, epochs: int = 2, seed: int = 7) -> list[dict[str, torch.Tensor]]:
    """Return the batches that the trainer meets, with pixel values from the image processor."""
    found = []
    for epoch in range(epochs):
        sampler = EpochSampler(len(rows), seed)
        sampler.set_epoch(epoch)
        order = list(sampler)
        for start in range(0, len(order), size):
            chosen = order[start : start + size]
            pixels = processor()([rows.pictures[i] for i in chosen], return_tensors="pt")["pixel_values"]
            found.append({"pixel_values": pixels, "labels": torch.tensor([rows.labels[i] for i in chosen])})
    return found


def assert_same_weights(first: nn.Module, second: nn.Module, atol: float = 1e-5) -> None:
    """Compare all parameters and buffers."""
    expected = second.state_dict()
    for name, value in first.state_dict().items():
        torch.testing.assert_close(value, expected[name], atol=atol, rtol=atol, msg=f"{name} differs")


def test_plain_training_is_gradient_descent(tmp_path: Path) -> None:
    """Two epochs give the weights of a loop over the same batches."""
    rows, model = Rows(LABELS), smooth_model()
    expected = copy.deepcopy(model).train()

    trainer(model, tmp_path, rows, learning_rate=0.1).train()

    optimizer = torch.optim.SGD(expected.parameters(), lr=0.1)
    for batch in batches(rows, 4):
        optimizer.zero_grad()
        expected(**batch).loss.backward()
        optimizer.step()
    assert_same_weights(model, expected, atol=3e-5)  # the pixel values have float32 digits


def test_the_centres_of_han_pff_move_less_from_epoch_to_epoch(tmp_path: Path) -> None:
    """Their rate is multiplied by 0.9 after each of two epochs."""
    model = narrow_model()

    trainer(model, tmp_path, Rows(LABELS)).train()

    assert float(model.center_rate) == pytest.approx(0.05 * 0.9**2)


@pytest.mark.parametrize("accumulation", [1, 2])
def test_sharpness_aware_steps_use_the_gradient_of_the_worst_point(tmp_path: Path, accumulation: int) -> None:
    """The slow version goes up by rho along the gradient of all batches of the step, and steps from where it was."""
    rows, model = Rows(LABELS * 2), smooth_model()
    expected = copy.deepcopy(model).train()

    trainer(model, tmp_path, rows, sam_rho=0.5, learning_rate=0.1, gradient_accumulation_steps=accumulation).train()

    found = batches(rows, 4)
    for start in range(0, len(found), accumulation):
        step = found[start : start + accumulation]
        own = copy.deepcopy(expected.state_dict())
        gradients = gradients_of(expected, step)
        statistics = {name: value.clone() for name, value in expected.named_buffers()}
        length = sum(float((gradient**2).sum()) for gradient in gradients.values()) ** 0.5
        expected.load_state_dict({**own, **{name: own[name] + 0.5 * g / length for name, g in gradients.items()}})
        gradients = gradients_of(expected, step)
        stepped = {name: own[name] - 0.1 * gradient for name, gradient in gradients.items()}
        expected.load_state_dict({**own, **stepped, **statistics})
    assert_same_weights(model, expected, atol=3e-5)  # the pixel values have float32 digits


def gradients_of(model: nn.Module, step: list[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Return the mean gradient over the batches of a step."""
    model.zero_grad()
    for batch in step:
        (model(**batch).loss / len(step)).backward()
    return {name: parameter.grad.clone() for name, parameter in model.named_parameters() if parameter.grad is not None}


def test_sharpness_aware_training_works_in_mixed_precision(tmp_path: Path) -> None:
    """In bfloat16 the loss falls, and the weights stay float32 and finite."""
    rows, model = Rows(LABELS * 2), narrow_model()
    run = trainer(model, tmp_path, rows, sam_rho=0.05, bf16=True, num_train_epochs=4, logging_strategy="epoch")

    run.train()

    losses = [entry["loss"] for entry in run.state.log_history if "loss" in entry]
    assert losses[-1] < 0.8 * losses[0]
    assert all(parameter.dtype == torch.float32 for parameter in model.parameters())
    assert all(bool(parameter.isfinite().all()) for parameter in model.parameters())


def test_the_average_is_evaluated_and_kept(tmp_path: Path) -> None:
    """Evaluation meets the averaged weights, and so does who uses the model after training."""
    rows, model = Rows(LABELS), narrow_model()
    seen = []

    def remember(prediction: EvalPrediction) -> dict[str, float]:
        seen.append(np.array(prediction.predictions))
        return {}

    run = trainer(
        model,
        tmp_path,
        rows,
        ema_decay=0.9,
        learning_rate=0.1,
        eval_dataset=rows,
        compute_metrics=remember,
        eval_strategy="epoch",
    )
    run.train()

    pixels = processor()(rows.pictures, return_tensors="pt")["pixel_values"]
    logits = model.eval()(pixels).logits.detach().numpy()
    np.testing.assert_allclose(seen[-1], logits, atol=1e-4, rtol=1e-4)
    assert run.average is not None
    assert run.average.num_updates == 4
    assert_same_weights(model, run.average.averaged.module, atol=0)


def test_pictures_that_are_kept_give_the_weights_of_those_that_are_read(tmp_path: Path) -> None:
    """Storing changes the speed and nothing else."""
    rows, read, kept = Rows(LABELS), narrow_model(), narrow_model()

    trainer(read, tmp_path, rows).train()
    trainer(kept, tmp_path, rows, store="memory").train()

    assert_same_weights(read, kept, atol=0)


def test_augmented_training_learns_what_can_be_seen(tmp_path: Path) -> None:
    """With everything switched on, the colours of the classes are learnt."""
    rows, model = Rows([0, 1, 2] * 8), smooth_model()
    augmentation = {
        "flip": 0.5,
        "geometry": 0.5,
        "rotation": 10,
        "erase": 0.3,
        "blur": 0.3,
        "gamma": 0.1,
        "mixup": 0.2,
        "cutmix": 1.0,
        "mix": 0.3,
    }
    run = trainer(
        model,
        tmp_path,
        rows,
        augmentation=augmentation,
        sampler="inverse_frequency",
        optim="adamw_torch",
        num_train_epochs=10,
        learning_rate=3e-2,
    )

    run.train()

    predictions = run.predict(Rows([0, 1, 2] * 4, seed=1)).predictions
    assert np.mean(np.argmax(predictions, axis=1) == np.array([0, 1, 2] * 4)) >= 0.9


def test_votes_train_towards_their_distribution(tmp_path: Path) -> None:
    """The loss of a batch is the cross entropy to the shares of the votes."""
    votes = [[3.0, 1.0, 0.0], [0.0, 5.0, 5.0]]
    rows, model = Rows(votes), narrow_model(use_shared_classifier=False, region_independence_weight=0.0)
    run = trainer(model, tmp_path, rows, per_device_eval_batch_size=2)

    loss = run.evaluate(rows)["eval_loss"]

    pixels = processor()(rows.pictures, return_tensors="pt")["pixel_values"]
    log_probabilities = model.eval()(pixels).logits.log_softmax(dim=1)
    shares = torch.tensor([[0.75, 0.25, 0.0], [0.0, 0.5, 0.5]])
    expected = -(shares * log_probabilities).sum(dim=1).mean()
    assert loss == pytest.approx(float(expected.detach()), abs=1e-5)


def test_label_smoothing_becomes_that_of_the_model(tmp_path: Path) -> None:
    """All terms of the loss are smoothed, as the model does it."""
    model = narrow_model()

    run = trainer(model, tmp_path, Rows(LABELS), label_smoothing_factor=0.2)

    assert model.config.label_smoothing == 0.2
    assert run.label_smoother is None


def test_an_interrupted_run_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    """Stopped in the middle of the second epoch, with everything on, a run ends where it would have ended."""
    options: dict[str, Any] = {
        "sam_rho": 0.05,
        "ema_decay": 0.9,
        "sampler": "inverse_frequency",
        "augmentation": {"flip": 0.5, "geometry": 1.0, "rotation": 20, "erase": 0.5, "mixup": 0.4},
        "save_strategy": "steps",
        "save_steps": 3,
        "num_train_epochs": 3,
        "lr_decay": 0.5,
    }
    rows, whole, broken, resumed = Rows(LABELS), narrow_model(), narrow_model(), narrow_model(seed=1)
    trainer(whole, tmp_path / "whole", rows, **options).train()

    trainer(broken, tmp_path / "broken", rows, **options, max_steps=3).train()
    run = trainer(resumed, tmp_path / "broken", rows, **options)
    run.train(resume_from_checkpoint=str(tmp_path / "broken" / "checkpoint-3"))

    assert (tmp_path / "broken" / "checkpoint-3" / AVERAGE_FILE).is_file()
    assert run.state.global_step == 6
    assert_same_weights(resumed, whole, atol=0)


def test_a_resumed_run_with_stored_pictures_ends_at_the_same_weights(tmp_path: Path) -> None:
    """The pictures that are evaluated are read at another time then, which nothing that is drawn depends on."""
    rows = Rows(LABELS)
    options: dict[str, Any] = {
        "store": "memory",
        "augmentation": {"flip": 0.5, "geometry": 1.0, "rotation": 20, "erase": 0.5},
        "eval_dataset": Rows(LABELS, seed=1),
        "eval_strategy": "epoch",
        "save_strategy": "epoch",
        "num_train_epochs": 3,
    }
    whole, resumed = smooth_model(), smooth_model()
    trainer(whole, tmp_path, rows, **options).train()

    trainer(resumed, tmp_path, rows, **options).train(resume_from_checkpoint=str(tmp_path / "checkpoint-2"))

    assert_same_weights(resumed, whole, atol=0)


def test_the_best_average_is_loaded_at_the_end(tmp_path: Path) -> None:
    """Where the first evaluation was the best, the model ends with the average of the first epoch."""
    rows, model, first = Rows(LABELS), narrow_model(), narrow_model()
    ranks = iter([3.0, 2.0, 1.0])

    trainer(first, tmp_path / "first", rows, ema_decay=0.5, num_train_epochs=1).train()
    trainer(
        model,
        tmp_path / "best",
        rows,
        ema_decay=0.5,
        num_train_epochs=3,
        eval_dataset=rows,
        compute_metrics=lambda _: {"rank": next(ranks)},
        eval_strategy="epoch",
        save_strategy="epoch",
        load_best_model_at_end=True,
        metric_for_best_model="rank",
        greater_is_better=True,
    ).train()

    assert_same_weights(model, first, atol=0)


@pytest.mark.parametrize("store", ["none", "memory"])
def test_unreadable_pictures_are_skipped_with_a_count(tmp_path: Path, store: str) -> None:
    """Training goes on without them, and the log says how many there were."""
    rows = Rows(LABELS, unreadable=(2,))
    run = trainer(
        narrow_model(),
        tmp_path,
        rows,
        unreadable="skip",
        store=store,
        num_train_epochs=1,
        logging_strategy="epoch",
        per_device_train_batch_size=8,
    )

    run.train()

    assert run.state.log_history[-1]["num_unreadable"] == 1


@pytest.mark.parametrize("labels", [LABELS, [[3.0, 1.0, 0.0], [0.0, 2.0, 2.0]] * 4], ids=["classes", "votes"])
def test_an_evaluation_keeps_the_rows_of_pictures_that_cannot_be_read(tmp_path: Path, labels: list[Any]) -> None:
    """Their scores are not a number and they have no label; loss and scores of the others are as if alone.

    Of the batches of two, one has a single picture, and one has none.
    """
    rows, model = Rows(labels, unreadable=(1, 4, 5)), narrow_model()
    there = [0, 2, 3, 6, 7]
    run = trainer(model, tmp_path, rows, unreadable="skip", per_device_eval_batch_size=2)

    found = run.predict(rows)

    pixels = processor()([rows.pictures[i] for i in there], return_tensors="pt")["pixel_values"]
    targets = as_labels([labels[i] for i in there])
    with torch.no_grad():
        outputs = [model.eval()(pixels[part], labels=targets[part]) for part in (slice(1), slice(1, 3), slice(3, 5))]
    np.testing.assert_allclose(found.predictions[there], torch.cat([output.logits for output in outputs]), 1e-4, 1e-5)
    assert np.isnan(found.predictions[[1, 4, 5]]).all()
    assert np.array_equal(found.label_ids[there], targets)
    assert (found.label_ids[[1, 4, 5]] == (-100 if labels is LABELS else 0)).all()
    assert run.num_unreadable == 3
    loss = sum(float(output.loss) * len(output.logits) for output in outputs) / 5
    assert found.metrics["test_loss"] == pytest.approx(loss, abs=1e-5)


@pytest.mark.parametrize("label", [1, [0.0, 3.0, 1.0]])
def test_what_is_left_of_a_batch_may_be_a_single_picture(tmp_path: Path, label: Any) -> None:
    """Batch normalisation cannot do with one picture, so it is shown twice: as in a batch of itself and a copy."""
    models = [narrow_model(), narrow_model()]
    for model, number in zip(models, (1, 2), strict=True):
        rows = Rows([label] * 3, unreadable=tuple(range(number, 3)))
        rows.pictures[:number] = rows.pictures[:1] * number
        trainer(
            model, tmp_path, rows, unreadable="skip", per_device_train_batch_size=3, num_train_epochs=1, augmentation={}
        ).train()

    assert_same_weights(*models)


@pytest.mark.parametrize("workers", [0, 1])
def test_another_picture_stands_in_for_a_batch_without_one(workers: int, tmp_path: Path) -> None:
    """Of the two batches one has nothing that can be read: the steps are those of copies of the only picture."""
    models = [narrow_model(), narrow_model()]
    copies, broken = Rows([1] * 4), Rows([1] * 4, unreadable=(1, 2, 3))
    copies.pictures = copies.pictures[:1] * 4
    options: dict[str, Any] = {"per_device_train_batch_size": 2, "num_train_epochs": 1, "augmentation": {}}
    skipping = trainer(models[1], tmp_path, broken, unreadable="skip", dataloader_num_workers=workers, **options)

    trainer(models[0], tmp_path, copies, **options).train()
    with pytest.warns(DatasetWarning, match="in which another one stood in: 1$"):
        skipping.train()

    assert_same_weights(*models)
    assert skipping.state.log_history[-1]["num_unreadable"] == 3


@pytest.mark.parametrize("options", [{}, {"dataloader_num_workers": 1}, {"store": "memory"}], ids=str)
def test_data_of_which_nothing_can_be_read_are_an_error(options: dict[str, Any], tmp_path: Path) -> None:
    """It is raised as it was written, in a worker too."""
    learner = trainer(narrow_model(), tmp_path, Rows([0] * 8, unreadable=tuple(range(8))), unreadable="skip", **options)

    with pytest.raises(TrainingDataError, match=r"^None of the 8 pictures can be read\. To see"):
        learner.train()


@pytest.mark.parametrize("options", [{"logging_strategy": "epoch"}, {"eval_strategy": "epoch"}], ids=str)
def test_training_that_diverges_stops(options: dict[str, Any], tmp_path: Path) -> None:
    """Where its loss is logged, and before anything is measured."""
    rows = Rows(LABELS)
    learner = trainer(narrow_model(), tmp_path, rows, learning_rate=1e30, eval_dataset=rows, **options)

    with pytest.raises(TrainingDivergedError, match=r"after 1 of its epochs: .*learning_rate, which was 1e\+30"):
        learner.train()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"optim_args": "momentum"}, "'optim=sgd, optim_args=momentum' for optim, optim_args: .*not enough values"),
        ({"optim_args": "momentum=much"}, "for optim, optim_args: .*could not convert string to float: 'much'"),
        ({"optim_args": "momentum=-1", "layer_decay": 0.5}, "for optim, optim_args: .*Invalid momentum value: -1.0"),
        ({"optim": "adamw_torch", "adam_beta1": 2.0}, "'optim=adamw_torch' for optim: .*Invalid beta parameter"),
        ({"optim": "adamw_bnb_8bit"}, "for optim: .*bitsandbytes"),
        ({"lr_scheduler_type": "cosine", "lr_scheduler_kwargs": {"x": 1}}, "lr_scheduler_kwargs: .*argument 'x'"),
    ],
)
def test_options_that_torch_refuses_are_named(options: dict[str, Any], message: str, tmp_path: Path) -> None:
    """With what it says of them."""
    learner = trainer(smooth_model(), tmp_path, Rows(LABELS), **options)

    with pytest.raises(InvalidOptionError, match=message):
        learner.train()


class WorkerRows(Rows):
    """Pictures whose class says who has read them: 1 for a worker, else 0."""

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return a picture with that class."""
        return {**super().__getitem__(index), "label": int(get_worker_info() is not None)}


def test_workers_read_the_pictures_that_are_kept(tmp_path: Path) -> None:
    """Once, before the first step; training itself has nothing to read then."""
    learner = trainer(smooth_model(), tmp_path, WorkerRows(LABELS), store="memory", dataloader_num_workers=1)

    learner.get_train_dataloader()

    assert learner.train_dataset.labels == [1] * len(LABELS)


def test_an_unreadable_picture_stops_training_by_default(tmp_path: Path) -> None:
    """The error is the one of reading the picture."""
    run = trainer(narrow_model(), tmp_path, Rows(LABELS, unreadable=(2,)))

    with pytest.raises(ImageReadError, match="Cannot read image"):
        run.train()


def test_an_empty_data_set_is_refused(tmp_path: Path) -> None:
    """There is nothing to train on."""
    with pytest.raises(TrainingDataError, match="There are no pictures to train on"):
        trainer(narrow_model(), tmp_path, Rows([])).train()


def test_fewer_pictures_than_a_full_batch_are_refused(tmp_path: Path) -> None:
    """Dropping the last batch would leave no batch at all."""
    run = trainer(narrow_model(), tmp_path, Rows(LABELS), per_device_train_batch_size=16, dataloader_drop_last=True)

    with pytest.raises(TrainingDataError, match="8 pictures do not fill a batch of 16"):
        run.train()


def test_the_learning_rate_falls_with_the_epoch(tmp_path: Path) -> None:
    """An epoch of 5 full batches, two a step, has 3 steps, and the rate falls after them."""
    options: dict[str, Any] = {"gradient_accumulation_steps": 2, "dataloader_drop_last": True, "lr_decay": 0.5}
    run = trainer(smooth_model(), tmp_path, Rows([0, 1, 2] * 7), logging_strategy="steps", logging_steps=1, **options)

    run.train()

    rates = [row["learning_rate"] for row in run.state.log_history if "learning_rate" in row]
    assert rates == [0.01, 0.01, 0.01, 0.005, 0.005, 0.005]


def test_a_trainer_needs_the_image_processor_of_the_model(tmp_path: Path) -> None:
    """Without it nobody knows what the pixel values are."""
    with pytest.raises(InvalidOptionError, match="expected the FerImageProcessor of the model"):
        ExpressionTrainer(narrow_model(), arguments(tmp_path), processing_class=None)  # type: ignore[arg-type]


def test_the_head_learns_at_its_own_rate(tmp_path: Path) -> None:
    """With a learning rate of almost zero for the body, only the head moves."""
    rows, model = Rows(LABELS), narrow_model()
    before = copy.deepcopy(model.state_dict())

    trainer(model, tmp_path, rows, learning_rate=1e-30, head_learning_rate=0.1).train()

    moved = {name for name, parameter in model.named_parameters() if not torch.allclose(parameter, before[name])}
    assert moved == {"classifier.weight", "classifier.bias", "shared_classifier.weight", "shared_classifier.bias"}


def test_channels_last_arranges_weights_and_pictures(tmp_path: Path) -> None:
    """Both reach the convolutions with channels as their last dimension in memory."""
    fresh = create_model("resnet18", config_options={"image_size": 32})
    options = arguments(tmp_path, channels_last=True, max_steps=2)
    seen = []
    stem = next(module for module in fresh.model.modules() if isinstance(module, nn.Conv2d))
    stem.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))

    ExpressionTrainer(fresh.model, options, processing_class=fresh.processor, train_dataset=Rows([0, 1, 2, 0])).train()

    assert stem.weight.is_contiguous(memory_format=torch.channels_last)
    assert len(seen) == 2
    assert all(pixels.is_contiguous(memory_format=torch.channels_last) for pixels in seen)


def test_options_are_saved_as_json(tmp_path: Path) -> None:
    """The augmentation is part of the options that are written."""
    options = arguments(tmp_path, augmentation={"flip": 0.5}, sam_rho=0.05)

    saved = json.loads(options.to_json_string())

    assert saved["augmentation"]["flip"] == 0.5
    assert saved["sam_rho"] == 0.05


def test_the_order_of_an_epoch_does_not_depend_on_other_random_numbers(tmp_path: Path) -> None:
    """A model that draws more numbers, or a second training, meets the same pictures."""
    rows, first, second = Rows(LABELS), narrow_model(), narrow_model()

    set_seed(1)
    trainer(first, tmp_path, rows).train()
    set_seed(2)
    trainer(second, tmp_path, rows).train()

    assert_same_weights(first, second, atol=0)


def test_nothing_warns_about_tokens(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The estimate of floating point operations, which is made for text, is not asked for."""
    with caplog.at_level(logging.WARNING):
        run = trainer(narrow_model(), tmp_path, Rows(LABELS), num_train_epochs=1)
        run.train()

    assert run.state.total_flos == 0
    assert not [record for record in caplog.records if "token" in record.getMessage()]


def test_evaluation_sees_pictures_as_the_processor_makes_them(tmp_path: Path) -> None:
    """Nothing is augmented, flipped or mixed."""
    rows, model = Rows(LABELS), narrow_model()
    run = trainer(model, tmp_path, rows, augmentation={"flip": 1.0, "erase": 1.0, "mixup": 1.0})

    output = run.predict(rows)

    pixels = PixelPreparation(processor())
    images = torch.stack([torch.from_numpy(np.array(picture)).permute(2, 0, 1) for picture in rows.pictures])
    logits = model.eval()(pixels.normalize(pixels.scale(images))).logits
    np.testing.assert_allclose(output.predictions, logits.detach().numpy(), atol=1e-5)
    assert output.label_ids.tolist() == LABELS


def test_the_last_batch_counts_in_an_evaluation(tmp_path: Path) -> None:
    """An evaluation of 8 pictures in batches of 5 is one of 8, although training drops a batch that is not full."""
    rows, model = Rows(LABELS), smooth_model()
    made = trainer(model, tmp_path, rows, eval_dataset=rows, dataloader_drop_last=True, per_device_eval_batch_size=5)

    measured = made.evaluate()["eval_loss"]

    assert len(made.predict(Rows(LABELS)).predictions) == 8
    assert len(made.get_train_dataloader()) == 2
    batch = batches(rows, 8, epochs=1)[0]
    with torch.no_grad():
        assert measured == pytest.approx(float(model.eval()(**batch).loss), rel=1e-5)
