"""Draw what happens to a face: found in the photograph, cut out and aligned, and classified.

    python examples/show_face.py examples/images/astronaut.png pictures

The crop is in colour; the image processor of the model makes it grey.
"""

from __future__ import annotations

import sys
from pathlib import Path

from matplotlib.figure import Figure

from fer_zoo import pipeline, read_image
from fer_zoo.imaging import annotate
from fer_zoo.pipelines import FaceCropper

MARGIN = 50  # pixels of the photograph around the face


def main() -> None:
    """Write ``face.png``: the marked photograph, the crop that the model gets, and its probabilities."""
    source, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    image = read_image(source)
    pipe = pipeline("face-expression", model="fer_zoo/mhan", device="cpu")
    result = pipe.analyze(image)
    expression = result.faces[0]
    crop = FaceCropper("mhan").cut_out(image, [expression.face])[0]

    figure = Figure(figsize=(9, 3.2), layout="constrained")
    photograph, cut_out, bars = figure.subplots(1, 3, width_ratios=(1, 1, 1.2))
    photograph.imshow(annotate(image, result))
    box = expression.face.box
    photograph.set(xlim=(box.left - MARGIN, box.right + MARGIN), ylim=(box.bottom + MARGIN, box.top - MARGIN))
    cut_out.imshow(crop)
    for axes, title in ((photograph, "found"), (cut_out, "cut out and aligned")):
        axes.set_title(title)
        axes.axis("off")
    labels, scores = zip(*expression.scores, strict=True)
    bars.barh(labels, scores)
    bars.invert_yaxis()
    bars.set(xlim=(0, 1), xlabel="probability", title="classified")
    figure.savefig(folder / "face.png", dpi=110)
    print(folder / "face.png")


if __name__ == "__main__":
    main()
