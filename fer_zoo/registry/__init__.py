"""The models: one table, from which everything that lists models is derived.

An entry either has weights inside this package, or is an architecture that waits for some: :func:`create_model` makes
a fresh network of either kind, ready to be trained. Other packages add theirs with :func:`register_model`.
"""

from __future__ import annotations

from fer_zoo.registry.checkpoints import load_image_processor, resolve_model, verified_folder
from fer_zoo.registry.entries import (
    ENTRIES,
    ORGANIZATION,
    ModelEntry,
    find_entry,
    get_entry,
    list_embedded_models,
    list_models,
    register_model,
)
from fer_zoo.registry.fresh import FreshModel, create_model

__all__ = [
    "ENTRIES",
    "ORGANIZATION",
    "FreshModel",
    "ModelEntry",
    "create_model",
    "find_entry",
    "get_entry",
    "list_embedded_models",
    "list_models",
    "load_image_processor",
    "register_model",
    "resolve_model",
    "verified_folder",
]
