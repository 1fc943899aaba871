"""The examples in the docstrings of the layers."""

import doctest
import importlib
import pkgutil

import pytest
import torch

from fer_zoo import layers


@pytest.mark.parametrize("name", [module.name for module in pkgutil.iter_modules(layers.__path__)])
def test_examples_work(name: str) -> None:
    """Every example gives what its docstring says."""
    torch.manual_seed(0)

    result = doctest.testmod(importlib.import_module(f"fer_zoo.layers.{name}"))

    assert result.failed == 0
