"""The Hugging Face Hub: model cards, sending and fetching models, and the cache that transformers loads from."""

from fer_zoo.hub.cache import install
from fer_zoo.hub.card import model_card
from fer_zoo.hub.files import find_drift, write_hub_configs
from fer_zoo.hub.transfer import pull, push

__all__ = ["find_drift", "install", "model_card", "pull", "push", "write_hub_configs"]
