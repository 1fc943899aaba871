"""Draw where MHAN and HAN-PFF look on a face.

python examples/explain_faces.py examples/images/astronaut.png examples/images
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image

from fer_zoo import pipeline, read_image
from fer_zoo.explain import explain_face, overlay


def main() -> None:
    """Write a row of pictures for each model: the original, Grad-CAM and the mean of the attention maps."""
    source, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    image = read_image(source)
    for name in ("mhan", "han_pff"):
        pipe = pipeline("face-expression", model=f"fer_zoo/{name}", device="cpu")
        face = pipe.analyze(image).faces[0].face
        left, top = int(face.box.left) - 60, max(0, int(face.box.top) - 50)
        part = np.s_[top : int(face.box.bottom) + 50, left : int(face.box.right) + 60]
        pictures = [image] + [
            overlay(image, [explain_face(pipe.model, pipe.image_processor, image, face, method=method)])
            for method in ("grad_cam", "attention")
        ]
        row = np.hstack([picture[part] for picture in pictures])
        Image.fromarray(row).save(folder / f"explain_{name}.png", optimize=True)
        print(folder / f"explain_{name}.png")


if __name__ == "__main__":
    main()
