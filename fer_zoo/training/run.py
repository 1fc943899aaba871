"""A training run from its data to a folder with a calibrated, measured model."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any, Self

import torch
from transformers import Trainer, TrainerCallback, TrainerControl, TrainerState, set_seed
from transformers.trainer_callback import PrinterCallback

from fer_zoo.errors import InvalidOptionError, TrainingDataError
from fer_zoo.evaluation import Calibration, Environment, EvaluationReport, calibrate, compute_trainer_metrics, evaluate
from fer_zoo.hub.files import CARD
from fer_zoo.models.checkpoint import save_checkpoint
from fer_zoo.results.names import escape_bytes
from fer_zoo.training.arguments import ExpressionTrainingArguments
from fer_zoo.training.data import TrainingData, load_training_data
from fer_zoo.training.initial_model import InitialModel, make_initial_model
from fer_zoo.training.methods import METHODS
from fer_zoo.training.model_card import training_card
from fer_zoo.training.record import RunRecord
from fer_zoo.training.run_arguments import make_arguments
from fer_zoo.training.run_folder import RECORD_FILE, SETTINGS_FILE, RunFolder
from fer_zoo.training.settings import RunSettings
from fer_zoo.training.trainer import ExpressionTrainer
from fer_zoo.whole_files import write_whole

MIN_FOLDS, MAX_FOLDS = 2, 5  # of the figures after calibration


@dataclass(frozen=True, slots=True)
class TrainingResult:
    """What a run has made.

    Attributes:
        folder: where the model is, as ``fer_zoo.pipeline`` and ``from_pretrained`` take it.
        report: how good it is; ``None`` if there was nothing to measure it with.
        calibration: how its temperature was fitted; ``None`` if it was not.
        record: what stands in ``training.json``.
    """

    folder: Path
    report: EvaluationReport | None
    calibration: Calibration | None
    record: RunRecord


class BestCheckpoint(TrainerCallback):
    """Tell a trainer that goes on where the best checkpoint is: it looks where the folder was then.

    Args:
        path: the best checkpoint so far.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Put the place into the state that was read from the checkpoint."""
        state.best_model_checkpoint = str(self.path)


@dataclass(frozen=True, slots=True)
class TrainingRun:
    """A run that is ready to begin, or to go on; :meth:`prepare` makes it.

    Attributes:
        settings: everything that decides what it does.
        folder: where it works.
        data: its pictures.
        initial: the model that it starts from.
        arguments: the options of its trainer.
        checkpoint: where it goes on; ``None`` at the beginning.
        passed_over: checkpoints after that one that are only half written.
        command: what was typed, for the record.
    """

    settings: RunSettings
    folder: RunFolder
    data: TrainingData
    initial: InitialModel
    arguments: ExpressionTrainingArguments
    checkpoint: Path | None = None
    passed_over: list[Path] = field(default_factory=list)
    command: str = ""

    @classmethod
    def prepare(
        cls, settings: RunSettings, folder: str | PathLike[str], *, mode: str = "auto", command: str = ""
    ) -> Self:
        """Load the data and the model, and look where the run starts.

        With several processes every one of them calls this; the first one writes.

        Args:
            settings: of the run.
            folder: where it works; made if it does not exist.
            mode: ``"auto"``, ``"resume"`` or ``"restart"``, see :meth:`RunFolder.check`.
            command: what was typed, for the record.

        Raises:
            RunFolderError: if the folder holds something that must not be written over, or checkpoints of which none
                can be gone on from, or that have learnt other pictures.
            FerZooError: if the data or the model cannot be used as they are; see
                :func:`~fer_zoo.training.load_training_data`.
        """
        work = RunFolder(Path(folder).resolve())
        work.check(settings, mode)
        arguments = make_arguments(settings, work)
        set_seed(arguments.seed)
        data = load_training_data(
            settings.data,
            seed=arguments.seed,
            unreadable=arguments.unreadable,
            needs_labels=getattr(arguments, "hard_label_share", 1) > 0,
        )
        arguments = make_arguments(settings, work, data)
        initial = make_initial_model(settings, data.train.label_set)
        checkpoint, passed_over = work.choose_checkpoint(
            mode, num_processes=arguments.world_size, has_average=arguments.ema_decay > 0
        )
        pictures = data.digest(settings.data.path)
        if checkpoint is not None:
            work.check_pictures(pictures)
        wait_for_everyone()  # nobody writes before all have looked
        if arguments.should_save:
            header = ", ".join(f"{name} {version}" for name, version in _environment(arguments).versions.items())
            work.begin(settings, f"made with {header}", restart=mode == "restart", pictures=pictures)
        wait_for_everyone()
        return cls(settings, work, data, initial, arguments, checkpoint, passed_over, command)

    @property
    def is_main_process(self) -> bool:
        """Whether this is the process that writes."""
        return bool(self.arguments.should_save)

    def make_trainer(self, callbacks: Sequence[TrainerCallback] = ()) -> ExpressionTrainer:
        """Return the trainer.

        Args:
            callbacks: of transformers; they learn how training goes.
        """
        method = METHODS[self.settings.method]
        further: dict[str, Any] = {"unlabelled_dataset": self.data.unlabelled} if method.takes_unlabelled else {}
        if method.takes_teachers:
            further["teachers"] = self.settings.model.teachers
        best = None if self.checkpoint is None else self.folder.find_best(self.checkpoint)
        moved = [] if best is None else [BestCheckpoint(best)]
        trainer = method.trainer(
            self.initial.model,
            self.arguments,
            processing_class=self.initial.processor,
            train_dataset=self.data.train,
            eval_dataset=self.data.eval,
            compute_metrics=compute_trainer_metrics(self.data.train.label_set),
            callbacks=[*moved, *callbacks],
            **further,
        )
        trainer.remove_callback(PrinterCallback)  # a library does not print
        return trainer

    def train(self, callbacks: Sequence[TrainerCallback] = ()) -> TrainingResult | None:
        """Train, calibrate, measure and write the results.

        Args:
            callbacks: of transformers; they learn how training goes.

        Returns:
            The result in the process that writes, ``None`` in the others.

        Raises:
            ImageReadError: if a picture cannot be read and is not to be skipped.
            TrainingDataError: if nothing can be learned from the data.
            InvalidOptionError: if the model cannot learn from batches of a single picture.
            TrainingDivergedError: if weights have become infinite or no numbers.
        """
        started = time.monotonic()
        trainer = self.make_trainer(callbacks)
        with batch_size_errors(self.arguments.per_device_train_batch_size):
            trainer.train(resume_from_checkpoint=None if self.checkpoint is None else str(self.checkpoint))
        result = self._finish(trainer, time.monotonic() - started) if self.is_main_process else None
        wait_for_everyone()
        return result

    def _finish(self, trainer: Trainer, seconds: float) -> TrainingResult:
        """Calibrate and measure the model, and write everything."""
        model = trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)
        calibration, remark = self._calibrate(model)
        report = self._evaluate(model)
        record = RunRecord(
            settings=self.settings,
            arguments=self.arguments.to_dict(),
            counts=self.data.counts(),
            num_twins=self.data.num_twins,
            base_model=self.initial.base_model,
            new_classes=self.initial.new_classes,
            history=trainer.state.log_history,
            best_metric=trainer.state.best_metric if self.arguments.load_best_model_at_end else None,
            num_steps=trainer.state.global_step,
            seconds=seconds,
            num_processes=self.arguments.world_size,
            environment=_environment(self.arguments, self.command),
            calibration=calibration,
            not_calibrated=remark,
        )
        with self.folder.finishing() as scratch:
            dtype = torch.float16 if self.settings.float16 else None
            save_checkpoint(model, self.initial.processor, scratch, stored_dtype=dtype)
            if report is not None:
                report.save(scratch)
            card = training_card(self.folder.path.name, model, self.initial.processor, self.data, record, report)
            write_whole(scratch / CARD, escape_bytes(str(card)).encode())
            files = sorted(path.name for path in scratch.iterdir())
            text = json.dumps({**record.to_dict(), "files": [*files, RECORD_FILE]}, indent=2, default=str)
            write_whole(scratch / RECORD_FILE, f"{text}\n".encode())
        return TrainingResult(self.folder.path, report, calibration, record)

    def _calibrate(self, model: Any) -> tuple[Calibration | None, str]:
        """Fit the temperature, or say why there is none: a finished training is not thrown away for that."""
        if self.data.eval is None or not self.settings.calibrate:
            return None, "not asked for" if self.data.eval is not None else "there were no pictures for it"
        folds = min(MAX_FOLDS, len(self.data.eval))
        if folds < MIN_FOLDS:
            return None, "there were too few pictures for it"
        try:
            calibration = calibrate(
                model, self.data.eval, processor=self.initial.processor, num_folds=folds, **self._reading()
            )
        except InvalidOptionError as error:
            return None, str(error)
        except TrainingDataError:
            model.config.temperature = 1.0
            return None, "the pictures for it settle no temperature, as when every answer is right or they are few"
        if calibration.nll_after > calibration.nll_before:
            model.config.temperature = calibration.temperature_before
            nll = f"{calibration.nll_before:.2f} to {calibration.nll_after:.2f} by cross-fitting"
            return None, f"the pictures for it are too few, a temperature of their own would raise the NLL from {nll}"
        return calibration, ""

    def _evaluate(self, model: Any) -> EvaluationReport | None:
        """Measure the model on the pictures that the report is about."""
        if self.data.reported is None:
            return None
        model.config.name_or_path = self.folder.path.name  # not that of the model that was fine-tuned
        return evaluate(
            model,
            self.data.reported,
            processor=self.initial.processor,
            selection=self.data.selection,
            command=self.command,
            **self._reading(),
        )

    def _reading(self) -> dict[str, Any]:
        """Return how the pictures are read for measuring."""
        return {
            "batch_size": self.arguments.per_device_eval_batch_size,
            "num_workers": self.arguments.reading_workers,
            "unreadable": self.arguments.unreadable,
        }


@contextmanager
def batch_size_errors(batch_size: int) -> Iterator[None]:
    """Turn what batch normalisation says of a batch with one picture into an error that names the option.

    Args:
        batch_size: pictures of a process's batch.

    Raises:
        InvalidOptionError: if it was one picture, and the model has vectors to normalise.
    """
    try:
        yield
    except ValueError as error:
        if batch_size > 1 or not str(error).startswith("Expected more than 1 value per channel"):
            raise
        expected = "at least 2, as the batch normalisation of this model has nothing to compare one picture with"
        raise InvalidOptionError("training.per_device_train_batch_size", batch_size, expected) from error


def wait_for_everyone() -> None:
    """Wait until all processes of the run have come here."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.barrier()


def _environment(arguments: ExpressionTrainingArguments, command: str = "") -> Environment:
    """Return where and when the run takes place."""
    return Environment.here(arguments.device, command)


def train(
    settings: RunSettings, folder: str | PathLike[str], *, mode: str = "auto", callbacks: Sequence[TrainerCallback] = ()
) -> TrainingResult | None:
    """Train a model: :meth:`TrainingRun.prepare` and :meth:`TrainingRun.train` in one.

    Args:
        settings: of the run.
        folder: where to work, and where the model is in the end.
        mode: ``"auto"``, ``"resume"`` or ``"restart"``, see :meth:`RunFolder.check`.
        callbacks: of transformers; they learn how training goes.

    Returns:
        The result; of several processes only the first one has it.
    """
    return TrainingRun.prepare(settings, folder, mode=mode).train(callbacks)


__all__ = ["SETTINGS_FILE", "TrainingResult", "TrainingRun", "train"]
