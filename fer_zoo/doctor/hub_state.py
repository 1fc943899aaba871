"""What the Hugging Face libraries were told: whether the network may be asked, and where files are kept."""

from __future__ import annotations

from dataclasses import dataclass

from huggingface_hub import constants

from fer_zoo.export.cache import cache_folder


@dataclass(frozen=True, slots=True)
class HubState:
    """How models that are not embedded would be found. Tokens are not looked at.

    Attributes:
        is_offline: whether ``HF_HUB_OFFLINE`` forbids the network.
        home: the folder of ``HF_HOME``.
        cache: where downloaded models are kept.
        converted: where networks that were converted for another backend are kept.
    """

    is_offline: bool
    home: str
    cache: str
    converted: str


def find_hub_state() -> HubState:
    """Return what holds for this process: the libraries read the environment when they are imported."""
    return HubState(constants.HF_HUB_OFFLINE, constants.HF_HOME, constants.HF_HUB_CACHE, str(cache_folder()))


__all__ = ["HubState", "find_hub_state"]
