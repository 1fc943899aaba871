"""The pictures of the documentation, drawn by the examples: an extension of Sphinx, and a program.

    python docs/extensions/drawn_pictures.py FOLDER

As an extension it draws them into ``docs/_made`` when a build begins, unless all are there already and no source of
the package or of the examples has changed since.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
FOLDER = Path(__file__).parents[1] / "_made"
PORTRAIT = str(ROOT / "examples" / "images" / "astronaut.png")

#: The examples that draw, what they are given before the folder, and the pictures that the pages show.
EXAMPLES = {
    "show_face.py": ((PORTRAIT,), ("face.png",)),
    "attention_heads.py": ((PORTRAIT,), ("attention_heads.png",)),
    "explain_faces.py": ((PORTRAIT,), ("explain_mhan.png", "explain_han_pff.png")),
    "follow_video.py": ((), ("timeline.png", "frames.png")),
    "evaluation_figures.py": (
        (),
        (
            "abstention.png",
            *(f"{model}/{name}.png" for model in ("too_sure", "calibrated") for name in ("reliability", "per_class")),
            *(f"{model}/confusion_matrix.png" for model in ("calibrated", "mhan", "han_pff")),
            *(f"{model}/reliability.png" for model in ("mhan", "han_pff")),
        ),
    ),
}


def draw(folder: Path) -> None:
    """Run every example that draws, each in a process of its own.

    Args:
        folder: where the pictures go; made if it does not exist.

    Raises:
        CalledProcessError: if one of them fails.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, (arguments, _) in EXAMPLES.items():
        program = [sys.executable, str(ROOT / "examples" / name), *arguments, str(folder.resolve())]
        subprocess.run(program, check=True, stdin=subprocess.DEVNULL, env={**os.environ, "HF_HUB_OFFLINE": "1"})


def are_fresh(folder: Path) -> bool:
    """Return whether all pictures are there, and none is older than a source of the package or of the examples."""
    pictures = [folder / name for _, names in EXAMPLES.values() for name in names]
    if not all(picture.is_file() for picture in pictures):
        return False
    sources = [path for place in ("fer_zoo", "examples") for path in (ROOT / place).rglob("*.py")]
    return min(map(_changed, pictures)) > max(map(_changed, sources))


def _changed(path: Path) -> float:
    """Return when a file was changed last, in seconds of the system's clock."""
    return path.stat().st_mtime


def _draw_for_build(app: object) -> None:
    """Draw what is missing or old before the pages are read."""
    if not are_fresh(FOLDER):
        draw(FOLDER)


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.connect("builder-inited", _draw_for_build)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


if __name__ == "__main__":
    draw(Path(sys.argv[1]))
