"""Distillation, against loops written out here, and the teachers on their own."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from torch.nn import functional
from torchvision.transforms.v2.functional import pil_to_tensor, to_dtype
from training_rows import LABEL_SET, Rows, narrow_model, processor, smooth_model
from transformers import PreTrainedModel

from fer_zoo.errors import InvalidOptionError, LabelMappingError, TrainingDataError, UnknownNameError
from fer_zoo.labels import Expression, LabelSet
from fer_zoo.models import FerImageProcessor, MfnConfig, MfnForImageClassification
from fer_zoo.models.checkpoint import save_checkpoint
from fer_zoo.training import DistillationTrainer, DistillationTrainingArguments, Teacher
from fer_zoo.training.sampling import EpochSampler

LABELLED = [0, 1, 2, 0, 1, 2]
UNLABELLED = [2, 1, 0, 2, 1, 0, 2, 1, 0]


def arguments(folder: Path, **options: Any) -> DistillationTrainingArguments:
    """Return quiet options for the CPU: three labelled and five unlabelled pictures a batch, 2 epochs."""
    values: dict[str, Any] = {
        "output_dir": str(folder),
        "per_device_train_batch_size": 3,
        "unlabelled_batch_size": 5,
        "num_train_epochs": 2,
        "learning_rate": 0.2,
        "optim": "sgd",
        "lr_scheduler_type": "constant",
        "max_grad_norm": 0.0,
        "use_cpu": True,
        "disable_tqdm": True,
        "save_strategy": "no",
        "logging_strategy": "no",
        "dataloader_pin_memory": False,
        "seed": 7,
    }
    return DistillationTrainingArguments(**{**values, **options})


def trainer(
    model: PreTrainedModel, folder: Path, teachers: list[Any], *, with_unlabelled: bool = True, **options: Any
) -> DistillationTrainer:
    """Return a trainer on six labelled pictures, and nine unlabelled ones if wanted."""
    return DistillationTrainer(
        model,
        arguments(folder, **options),
        processing_class=processor(),
        teachers=teachers,
        train_dataset=Rows(LABELLED),
        unlabelled_dataset=Rows(UNLABELLED, seed=1) if with_unlabelled else None,
    )


def pixels(rows: Rows, indices: list[int]) -> Tensor:
    """Return the pixel values of pictures, from the image processor."""
    values: Tensor = processor()([rows.pictures[i] for i in indices], return_tensors="pt")["pixel_values"]
    return values


def small_network(label_set: LabelSet = LABEL_SET, **config: Any) -> MfnForImageClassification:
    """Return a network of the library that can be saved and loaded by its folder."""
    torch.manual_seed(3)
    labels = {"id2label": label_set.id2label, "label2id": label_set.label2id}
    model: MfnForImageClassification = MfnForImageClassification(
        MfnConfig(**{"image_size": 16, **labels, **config})
    ).eval()
    return model


def small_processor(**options: Any) -> FerImageProcessor:
    """Return the image processor of the small network."""
    return FerImageProcessor(size={"height": 16, "width": 16}, **options)


class TestTraining:
    """What the student learns."""

    @pytest.mark.parametrize("with_unlabelled", [True, False])
    def test_training_is_the_method_written_out(self, tmp_path: Path, with_unlabelled: bool) -> None:
        """Two teachers, with and without unlabelled pictures: 0.3 hard + 0.7 * 9 * KL to the mean at temperature 3."""
        model, teachers = smooth_model(), [smooth_model(seed) for seed in (1, 2)]
        expected = copy.deepcopy(model)
        run = trainer(
            model,
            tmp_path,
            [(teacher, processor()) for teacher in teachers],
            with_unlabelled=with_unlabelled,
            hard_label_share=0.3,
            distillation_temperature=3.0,
        )

        run.train()

        labelled, unlabelled = Rows(LABELLED), Rows(UNLABELLED, seed=1)
        optimizer = torch.optim.SGD(expected.train().parameters(), lr=0.2)
        for number in range(4):
            sampler = EpochSampler(6, 7)
            sampler.set_epoch(number // 2)
            chosen = list(sampler)[3 * (number % 2) :][:3]
            parts = [pixels(labelled, chosen)]
            if with_unlabelled:
                assert run._unlabelled is not None
                parts.append(pixels(unlabelled, run._unlabelled.indices(number)))
            logits = [expected(part).logits for part in parts]
            hard = functional.cross_entropy(logits[0], torch.tensor([LABELLED[i] for i in chosen]))
            with torch.no_grad():
                several = [(teacher.eval()(torch.cat(parts)).logits / 3).softmax(1) for teacher in teachers]
            target = (several[0] + several[1]) / 2
            log_student = (torch.cat(logits) / 3).log_softmax(1)
            soft = 9 * (target * (target.log() - log_student)).sum(1).mean()
            (0.3 * hard + 0.7 * soft).backward()
            optimizer.step()
            optimizer.zero_grad()
        for name, value in model.state_dict().items():
            torch.testing.assert_close(value, expected.state_dict()[name], atol=1e-5, rtol=1e-5)

    def test_teachers_are_neither_changed_nor_saved(self, tmp_path: Path) -> None:
        """Weights, running statistics and gradients stay as they were; a checkpoint has the student alone."""
        student, teacher = smooth_model(), smooth_model(1)
        before = copy.deepcopy(teacher.state_dict())

        trainer(student, tmp_path, [(teacher, processor())], save_strategy="epoch").train()

        assert all(torch.equal(value, before[name]) for name, value in teacher.state_dict().items())
        assert all(parameter.grad is None for parameter in teacher.parameters())
        assert not teacher.training
        saved = load_file(tmp_path / "checkpoint-4" / "model.safetensors")
        assert saved.keys() == student.state_dict().keys()

    def test_without_hard_labels_no_picture_needs_one(self, tmp_path: Path) -> None:
        """The labels of the same pictures change nothing."""
        students = [smooth_model(), smooth_model()]
        rows = Rows(LABELLED)
        bare: Any = [{"image": picture} for picture in rows.pictures]

        for student, data in zip(students, (rows, bare), strict=True):
            DistillationTrainer(
                student,
                arguments(tmp_path, hard_label_share=0.0),
                processing_class=processor(),
                teachers=[(smooth_model(1), processor())],
                train_dataset=data,
            ).train()

        first, second = (student.state_dict() for student in students)
        assert all(torch.equal(value, second[name]) for name, value in first.items())

    def test_pictures_without_labels_are_mixed_where_none_is_needed(self, tmp_path: Path) -> None:
        """With all of the loss from the teachers, the student gets the same mixture with labels and without."""
        student = smooth_model()
        run = trainer(
            student,
            tmp_path,
            [(smooth_model(1), processor())],
            with_unlabelled=False,
            hard_label_share=0.0,
            augmentation={"mixup": 1.0},
        )
        images = torch.randint(0, 256, (3, 3, 112, 112), dtype=torch.uint8)
        made = []
        for inputs in ({}, {"labels": torch.tensor([0, -100, 2])}):
            torch.manual_seed(0)
            made.append(run.make_training_inputs(images, dict(inputs))["pixel_values"])

        whole = run.normalize(run.preparation.fit(run.reading.scale(images)))

        assert torch.equal(made[0], made[1])
        assert all(not torch.allclose(mixed, own) for mixed, own in zip(made[0], whole, strict=True))
        torch.testing.assert_close(made[0].mean(), whole.mean(), atol=1e-3, rtol=0)

    def test_sharpness_aware_steps_and_the_log(self, tmp_path: Path) -> None:
        """The terms beside the loss are those of the first pass, and make it up."""
        run = trainer(
            smooth_model(),
            tmp_path,
            [(smooth_model(1), processor())],
            sam_rho=0.1,
            logging_strategy="steps",
            logging_steps=1,
        )

        run.train()

        entries = [entry for entry in run.state.log_history if "loss" in entry]
        assert len(entries) == 4
        for entry in entries:
            terms = 0.1 * entry["supervised_loss"] + 0.9 * entry["distillation_loss"]
            assert entry["loss"] == pytest.approx(terms, rel=1e-4)

    def test_a_resumed_run_gives_the_weights_of_one_that_was_not_interrupted(self, tmp_path: Path) -> None:
        """With random views of both, mixing, and a student whose pictures are harder."""
        options: dict[str, Any] = {
            "augmentation": {"flip": 0.5, "geometry": 1.0, "rotation": 10.0, "mixup": 0.2},
            "student_augmentation": {"rand_augment": 2, "erase": 0.5},
            "save_strategy": "steps",
            "save_steps": 1,
        }
        straight, resumed = smooth_model(), smooth_model(5)
        trainer(straight, tmp_path, [(smooth_model(1), processor())], **options).train()

        again = trainer(resumed, tmp_path, [(smooth_model(1), processor())], **options)
        again.train(resume_from_checkpoint=str(tmp_path / "checkpoint-3"))

        expected = straight.state_dict()
        assert all(torch.equal(value, expected[name]) for name, value in resumed.state_dict().items())

    def test_only_the_student_sees_the_harder_pictures(self, tmp_path: Path) -> None:
        """Everything is erased from the student's pictures, and the teacher answers as if nothing was."""
        student, teacher = smooth_model(), smooth_model(1)
        harder = {"erase": 1.0, "erase_area": (1.0, 1.0)}
        run = trainer(student, tmp_path, [(teacher, processor())], with_unlabelled=False, student_augmentation=harder)
        images = torch.randint(0, 256, (1, 3, 112, 112), dtype=torch.uint8)

        student.train()
        inputs = run.make_training_inputs(images, {"labels": torch.tensor([0])})

        values = processor()(images[0], return_tensors="pt")["pixel_values"]
        torch.testing.assert_close(inputs["teacher_logits"][0], teacher.eval()(values).logits.detach())
        assert inputs["pixel_values"].abs().max() < 1e-5  # the mean colour, normalised

    def test_mixed_pictures_are_the_same_for_both(self, tmp_path: Path) -> None:
        """The teacher judges the mixture that the student sees."""
        student, teacher = smooth_model(), smooth_model(1)
        run = trainer(student, tmp_path, [(teacher, processor())], with_unlabelled=False, augmentation={"mixup": 1.0})
        images = torch.randint(0, 256, (4, 3, 112, 112), dtype=torch.uint8)

        student.train()
        inputs = run.make_training_inputs(images, {"labels": torch.tensor([0, 1, 2, 0])})

        plain = run.normalize(run.preparation.scale(images))
        assert inputs["labels"].shape == (4, 3)
        assert not torch.allclose(inputs["pixel_values"], plain)
        torch.testing.assert_close(inputs["teacher_logits"][0], teacher.eval()(inputs["pixel_values"]).logits.detach())


class TestTeacher:
    """A teacher and its way to look at pictures."""

    def test_scores_come_in_the_order_of_the_student(self) -> None:
        """A teacher that numbers the same classes differently, with one more that is left out."""
        order = (Expression.HAPPINESS, Expression.CONTEMPT, Expression.ANGER, Expression.FEAR)
        model = small_network(LabelSet("teacher", order))
        teacher = Teacher((model, small_processor()), narrow_model())
        images = torch.rand(2, 3, 16, 16)

        logits = teacher(images)

        expected = model(teacher.preparation.normalize(images)).logits[:, [2, 3, 0]]  # anger, fear, happiness
        assert torch.equal(logits, expected)
        assert not logits.requires_grad

    def test_a_class_that_the_teacher_does_not_know_is_refused(self) -> None:
        """It could say nothing about it."""
        two = small_network(LabelSet("teacher", (Expression.ANGER, Expression.HAPPINESS)))

        with pytest.raises(
            LabelMappingError, match="The label set 'MfnForImageClassification' has no class for 'fear'"
        ):
            Teacher((two, small_processor()), narrow_model())

    def test_names_that_are_no_expressions_must_be_the_same(self) -> None:
        """They cannot be matched by what they mean."""
        names = {0: "smile", 1: "frown"}
        student, same = (small_network(id2label=names, label2id={}) for _ in range(2))

        assert Teacher((same, small_processor()), student).columns == [0, 1]
        with pytest.raises(UnknownNameError, match="Unknown expression 'smile'"):
            Teacher((small_network(), small_processor()), student)

    @pytest.mark.parametrize(("color_mode", "atol"), [("rgb", 1e-5), ("grey", 0.02)])
    def test_it_sees_what_its_own_processor_makes_of_a_picture(self, color_mode: str, atol: float) -> None:
        """Another size, colour and normalisation than the student's; grey bytes are rounded, grey numbers are not."""
        own = small_processor(color_mode=color_mode, image_mean=[0.5, 0.4, 0.3], image_std=[0.2, 0.3, 0.4])
        model, picture = small_network(), Rows([1], size=16).pictures[0]
        expected = model(own(picture, return_tensors="pt")["pixel_values"]).logits.detach()

        logits = Teacher((model, own), narrow_model())(to_dtype(pil_to_tensor(picture), scale=True)[None])

        torch.testing.assert_close(logits, expected, atol=atol, rtol=0)

    def test_one_of_half_precision_gives_scores_in_full(self) -> None:
        """It computes as it was stored."""
        model = small_network()
        expected = Teacher((model, small_processor()), narrow_model())(images := torch.rand(2, 3, 16, 16))

        logits = Teacher((model.to(torch.bfloat16), small_processor()), narrow_model())(images)

        assert logits.dtype == torch.float32
        torch.testing.assert_close(logits, expected, atol=0.1, rtol=0.1)

    def test_pictures_are_read_in_the_largest_size_and_in_colour_if_anyone_needs_it(self, tmp_path: Path) -> None:
        """A grey student of 16 pixels with a teacher of 112 in colour: the teacher loses nothing."""
        model = small_network()
        run = DistillationTrainer(
            model,
            arguments(tmp_path, store="memory", num_train_epochs=1, max_steps=1),
            processing_class=small_processor(color_mode="grey"),
            teachers=[(smooth_model(1), processor())],
            train_dataset=Rows(LABELLED, size=[40, 24, 24, 24, 24, 24]),
        )
        model.train()
        images = torch.randint(0, 256, (2, 3, 112, 112), dtype=torch.uint8)

        inputs = run.make_training_inputs(images, {"labels": torch.tensor([0, 1])})

        assert run.reading.size == (112, 112)
        assert not run.reading.is_grey
        values = processor()(list(images), return_tensors="pt")["pixel_values"]
        torch.testing.assert_close(
            inputs["teacher_logits"][0], smooth_model(1).eval()(values).logits.detach(), atol=1e-5, rtol=1e-5
        )
        assert inputs["pixel_values"].shape == (2, 3, 16, 16)
        mean, std = (
            torch.tensor(v).view(3, 1, 1) for v in (run.processing_class.image_mean, run.processing_class.image_std)
        )
        grey = inputs["pixel_values"] * std + mean
        torch.testing.assert_close(grey[:, 0], grey[:, 2])
        kept: Any = run.get_train_dataloader().dataset
        assert kept.images.shape == (6, 3, 112, 112)  # kept in that size too

    def test_a_folder_is_loaded_with_its_image_processor(self, tmp_path: Path) -> None:
        """As it was saved, in evaluation mode."""
        model = small_network()
        save_checkpoint(model, small_processor(), tmp_path / "teacher")
        images = torch.rand(2, 3, 16, 16)

        teacher = Teacher(tmp_path / "teacher", narrow_model())

        expected = Teacher((model, small_processor()), narrow_model())(images)
        torch.testing.assert_close(teacher(images), expected)
        assert not teacher.model.training

    def test_a_name_of_the_registry_is_loaded(self) -> None:
        """The embedded model teaches a student of three of its classes."""
        teacher = Teacher("mhan", narrow_model())

        names = teacher.model.config.id2label
        assert [names[column] for column in teacher.columns] == ["anger", "fear", "happiness"]
        assert teacher(torch.rand(1, 3, 112, 112)).shape == (1, 3)


class TestBadInput:
    """What is refused."""

    @pytest.mark.parametrize("teachers", [[], "mhan"])
    def test_no_list_of_teachers(self, tmp_path: Path, teachers: Any) -> None:
        """A single name is no list."""
        with pytest.raises(InvalidOptionError, match="for teachers: expected a list of at least one model"):
            trainer(smooth_model(), tmp_path, teachers)

    @pytest.mark.parametrize("source", [7, (7, 8), ("mhan", "no processor"), ("mhan", processor(), "more")])
    def test_what_is_no_model(self, source: Any) -> None:
        """The message says what a teacher may be."""
        with pytest.raises(InvalidOptionError, match="for teachers: expected names or folders of models"):
            Teacher(source, smooth_model())

    def test_a_model_without_its_image_processor(self) -> None:
        """How it looks at pictures cannot be guessed."""
        source: Any = smooth_model()

        with pytest.raises(InvalidOptionError, match="for processor: expected the image processor of the model"):
            Teacher(source, smooth_model())

    def test_an_unknown_name(self) -> None:
        """With the closest."""
        with pytest.raises(UnknownNameError, match="Did you mean 'mhan'"):
            Teacher("mahn", smooth_model())

    def test_pictures_without_a_label(self, tmp_path: Path) -> None:
        """The message says how to go without."""
        rows: Any = [{"image": picture} for picture in Rows(LABELLED).pictures]
        run = DistillationTrainer(
            smooth_model(),
            arguments(tmp_path),
            processing_class=processor(),
            teachers=[(smooth_model(1), processor())],
            train_dataset=rows,
        )

        with pytest.raises(TrainingDataError, match="hard_label_share=0 learns from the teachers alone"):
            run.train()

    @pytest.mark.parametrize(("option", "value"), [("distillation_temperature", 0), ("hard_label_share", 1.5)])
    def test_options_out_of_range(self, tmp_path: Path, option: str, value: float) -> None:
        """The message names the option."""
        with pytest.raises(InvalidOptionError, match=f"Invalid value {value} for {option}: expected a number that is"):
            arguments(tmp_path, **{option: value})

    def test_an_unknown_field_of_the_student_augmentation(self, tmp_path: Path) -> None:
        """As for the augmentation of both."""
        with pytest.raises(UnknownNameError, match="field of the augmentation 'flipp'"):
            arguments(tmp_path, student_augmentation={"flipp": 0.5})
