"""Training: transformers' Trainer with what faces need."""

from fer_zoo.training.arguments import ExpressionTrainingArguments
from fer_zoo.training.augmentation import Augmentation
from fer_zoo.training.data import TrainingData, load_training_data
from fer_zoo.training.initial_model import InitialModel, adapt_classes
from fer_zoo.training.recipes import RECIPES, Recipe, get_recipe
from fer_zoo.training.record import RunRecord
from fer_zoo.training.run import TrainingResult, TrainingRun, train
from fer_zoo.training.run_folder import RunFolder
from fer_zoo.training.settings import DataSettings, ModelSettings, RunSettings, parse_assignment, read_settings
from fer_zoo.training.trainer import ExpressionTrainer

__all__ = [
    "RECIPES",
    "Augmentation",
    "DataSettings",
    "ExpressionTrainer",
    "ExpressionTrainingArguments",
    "InitialModel",
    "ModelSettings",
    "Recipe",
    "RunFolder",
    "RunRecord",
    "RunSettings",
    "TrainingData",
    "TrainingResult",
    "TrainingRun",
    "adapt_classes",
    "get_recipe",
    "load_training_data",
    "parse_assignment",
    "read_settings",
    "train",
]
