"""The Hugging Face Hub: model cards, and sending and fetching models."""

from fer_zoo.hub.card import model_card
from fer_zoo.hub.files import find_drift, write_hub_configs
from fer_zoo.hub.transfer import pull, push

__all__ = ["find_drift", "model_card", "pull", "push", "write_hub_configs"]
