"""The Hugging Face Hub: model cards and the files of published models."""

from fer_zoo.hub.card import model_card
from fer_zoo.hub.files import find_drift, write_hub_configs

__all__ = ["find_drift", "model_card", "write_hub_configs"]
