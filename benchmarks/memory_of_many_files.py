"""Measure how the peak memory of ``fer_zoo.pipelines.analyze_files`` depends on the number of pictures.

    python benchmarks/memory_of_many_files.py 2000 20000

Each number runs in a fresh process over a folder of links to eight drawn pictures, a thousand to a folder, with the
detector ``whole_image`` and a ResNet-18 of random weights on 32 x 32 pixels, which is quick: what grows, if anything,
is what the pictures pass through. The peak is that of the resident memory, as the system counts it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

IN_A_FOLDER = 1000
SIDE = 112  # pixels

RUN = """
import resource, sys
import torch
from fer_zoo import pipeline
from fer_zoo.pipelines import analyze_files
from fer_zoo.registry import create_model

torch.set_flush_denormal(True)  # random weights make denormal numbers, which are slow
model, processor = create_model("resnet18", config_options={"image_size": 32})
pipe = pipeline(model=model, image_processor=processor, detector="whole_image", device="cpu")
analyze_files(sys.argv[1], sys.argv[2], pipe, workers=2)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def write_links(folder: Path, number: int) -> None:
    """Make so many links to eight pictures of noise."""
    generator = np.random.default_rng(0)
    originals = []
    for i in range(8):
        originals.append(folder / f"original_{i}.png")
        Image.fromarray(generator.integers(256, size=(SIDE, SIDE, 3), dtype=np.uint8)).save(originals[-1])
    for i in range(number):
        link = folder / "links" / f"{i // IN_A_FOLDER:04}" / f"{i:07}.png"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(originals[i % len(originals)])


def main() -> None:
    """Print the peak and the speed for each number of pictures."""
    for number in map(int, sys.argv[1:]):
        with tempfile.TemporaryDirectory() as folder:
            write_links(Path(folder), number)
            start = time.perf_counter()
            command = [sys.executable, "-c", RUN, f"{folder}/links", f"{folder}/out.parquet"]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            seconds = time.perf_counter() - start
        peak = int(done.stdout.split()[-1]) / 1024  # the system gives KiB
        print(f"{number:,} pictures: peak {peak:,.0f} MiB, {number / seconds:.1f} pictures/s", flush=True)


if __name__ == "__main__":
    main()
