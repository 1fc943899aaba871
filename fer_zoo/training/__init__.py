"""Training: transformers' Trainer with what faces need."""

from fer_zoo.training.ada_cm import ConfidenceMargin, guess_labels, masked_cross_entropy
from fer_zoo.training.ada_cm_trainer import AdaCMTrainer, AdaCMTrainingArguments
from fer_zoo.training.arguments import ExpressionTrainingArguments
from fer_zoo.training.augmentation import Augmentation
from fer_zoo.training.data import TrainingData, load_training_data
from fer_zoo.training.distillation import DistillationTrainer, DistillationTrainingArguments
from fer_zoo.training.initial_model import InitialModel, adapt_classes
from fer_zoo.training.recipes import RECIPES, Recipe, get_recipe
from fer_zoo.training.record import RunRecord
from fer_zoo.training.run import TrainingResult, TrainingRun, train
from fer_zoo.training.run_folder import RunFolder
from fer_zoo.training.semi_supervised import SemiSupervisedTrainer, SemiSupervisedTrainingArguments
from fer_zoo.training.settings import DataSettings, ModelSettings, RunSettings
from fer_zoo.training.settings_yaml import parse_assignment, read_settings
from fer_zoo.training.teachers import Teacher
from fer_zoo.training.trainer import ExpressionTrainer

__all__ = [
    "RECIPES",
    "AdaCMTrainer",
    "AdaCMTrainingArguments",
    "Augmentation",
    "ConfidenceMargin",
    "DataSettings",
    "DistillationTrainer",
    "DistillationTrainingArguments",
    "ExpressionTrainer",
    "ExpressionTrainingArguments",
    "InitialModel",
    "ModelSettings",
    "Recipe",
    "RunFolder",
    "RunRecord",
    "RunSettings",
    "SemiSupervisedTrainer",
    "SemiSupervisedTrainingArguments",
    "Teacher",
    "TrainingData",
    "TrainingResult",
    "TrainingRun",
    "adapt_classes",
    "get_recipe",
    "guess_labels",
    "load_training_data",
    "masked_cross_entropy",
    "parse_assignment",
    "read_settings",
    "train",
]
