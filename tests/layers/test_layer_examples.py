"""The examples in the docstrings of the layers."""

from __future__ import annotations

import doctest
import importlib
import pkgutil

import pytest
import torch

from fer_zoo import layers

NAMES = [module.name for module in pkgutil.iter_modules(layers.__path__)]

#: Those that show none.
WITHOUT = {
    "convolution",
    "coordinate_attention",
    "efficient_local_attention",
    "inference_form",
    "kernels",
    "mixed_depthwise",
    "mixed_feature_network",
}


@pytest.mark.parametrize("name", sorted(set(NAMES) - WITHOUT))
def test_examples_work(name: str) -> None:
    """There are some, and every one gives what its docstring says."""
    torch.manual_seed(0)

    result = doctest.testmod(importlib.import_module(f"fer_zoo.layers.{name}"))

    assert result.attempted > 0
    assert result.failed == 0
