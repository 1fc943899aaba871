"""Smaller networks of every architecture, for tests that need no real one."""

from __future__ import annotations

from typing import Any

#: Fields of each configuration: smaller crops (the weights stay the same ones but for the pooling over the whole map),
#: and narrow levels of HAN-PFF, whose crops cannot be smaller. Dropout would hide what the tests compare.
SMALL: dict[str, dict[str, Any]] = {
    "han_pff": {
        "image_size": 112,
        "hidden_sizes": [8, 16, 32, 64],
        "vector_size": 32,
        "classifier_dropout": 0.0,
    },
    "mfn": {"image_size": 48},
    "mhan": {"image_size": 48},
    "resnet18": {"image_size": 64},
    "resnet50": {"image_size": 64},
}
