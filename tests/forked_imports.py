"""What the process imports that others are forked from; an optional package may be missing."""

from __future__ import annotations

import atexit
import gc
from contextlib import suppress
from importlib import import_module

MODULES = (
    *("fer_zoo.cli", "fer_zoo.training", "fer_zoo.evaluation", "fer_zoo.demo.server", "gradio", "accelerate"),
    *("sklearn.metrics", "scipy.stats", "matplotlib.pyplot", "matplotlib.backends.backend_agg", "PIL.PngImagePlugin"),
)

for name in MODULES:
    with suppress(ImportError):
        import_module(name)
gc.freeze()  # what is shared with the forks should stay so
atexit.register(gc.unfreeze)
