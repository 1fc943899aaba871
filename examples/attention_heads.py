"""Draw the attention map of every head of MHAN on a face.

    python examples/attention_heads.py examples/images/astronaut.png pictures

A map says how strongly the features of a place are let through, and not what speaks for an expression.
"""

from __future__ import annotations

import sys
from pathlib import Path

from matplotlib.figure import Figure

from fer_zoo import pipeline, read_image
from fer_zoo.explain import attention_maps
from fer_zoo.pipelines import FaceCropper


def main() -> None:
    """Write ``attention_heads.png``: the crop, and the maps in the same colours."""
    source, folder = sys.argv[1], Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    image = read_image(source)
    pipe = pipeline("face-expression", model="fer_zoo/mhan", device="cpu")
    crop = FaceCropper("mhan").cut_out(image, [pipe.analyze(image).faces[0].face])[0]
    maps = attention_maps(pipe.model, pipe.image_processor([crop], return_tensors="pt")["pixel_values"])[0]

    figure = Figure(figsize=(2.2 * (len(maps) + 1), 2.6), layout="constrained")
    first, *others = figure.subplots(1, len(maps) + 1)
    first.imshow(crop)
    first.set_title("crop")
    for number, (axes, heat) in enumerate(zip(others, maps, strict=True), 1):
        drawn = axes.imshow(heat, vmin=maps.min(), vmax=maps.max())
        axes.set_title(f"head {number}")
    for axes in (first, *others):
        axes.axis("off")
    figure.colorbar(drawn, ax=others, label="attention", fraction=0.02)
    figure.savefig(folder / "attention_heads.png", dpi=110)
    print(folder / "attention_heads.png")


if __name__ == "__main__":
    main()
