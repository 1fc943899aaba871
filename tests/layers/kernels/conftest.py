"""Fixtures of the tests of the kernels."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture(scope="session")
def device() -> str:
    """Return where the kernels run: on a GPU if there is one, else on the CPU, interpreted by Triton.

    ``TRITON_INTERPRET=1`` interprets on a machine with a GPU too, if ``CUDA_VISIBLE_DEVICES`` hides it.
    """
    pytest.importorskip("triton", reason="Triton comes with torch on Linux alone")
    return "cuda" if torch.cuda.is_available() else "cpu"
