"""Show that Ray gives what one process gives, with a worker killed on the way and a picture that kills every worker.

    python benchmarks/check_ray.py        (or: nox -s ray)

Starts a cluster of two CPUs on this machine with two actors. After the first finished group, one of the two is killed
with SIGKILL. The output must be that of the local engine byte for byte. Then the same with one picture among them that
kills the actor whenever it is looked at: it must be a row with the reason, and all others must be as before.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import ray
import torch
from numpy.typing import NDArray
from PIL import Image

from fer_zoo import Face, ImageResult, WholeImageDetector, pipeline
from fer_zoo.pipelines import RayResources, analyze_files, analyze_files_with_ray
from fer_zoo.results import read_json_lines

NUM_PICTURES = 400
POISON = 137  # number of the picture that kills
SIDE = 112  # pixels


class MortalDetector(WholeImageDetector):
    """Takes pictures as they are, notes which process it is in, and kills it at the sight of a blank picture.

    Args:
        folder: where it notes its process, as the name of a file.
    """

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[tuple[Face, ...]]:
        """Return one face for each picture."""
        Path(self.folder, str(os.getpid())).touch()
        if any(not image.any() for image in images):
            os.kill(os.getpid(), signal.SIGKILL)
        return super().detect(images)


def write_pictures(folder: Path) -> None:
    """Write pictures of noise."""
    generator = np.random.default_rng(0)
    for number in range(NUM_PICTURES):
        noise = generator.integers(256, size=(SIDE, SIDE, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f"{number:04}.png")


def run_with_ray(pictures: Path, output: Path, pids: Path, *, kills: bool) -> None:
    """Run two actors; if asked, kill one of them after the first group."""
    pids.mkdir()
    killed: list[int] = []

    def on_progress(done: int, total: int) -> None:
        found = sorted(int(path.name) for path in pids.iterdir())
        if kills and done and not killed and done < total:
            os.kill(found[0], signal.SIGKILL)
            killed.append(found[0])
            print(f"  killed process {found[0]} of {found} when {done} of {total} pictures were done")

    start = time.perf_counter()
    analyze_files_with_ray(
        pictures,
        output,
        detector=MortalDetector(str(pids)),
        device="cpu",
        resources=RayResources(num_workers=2, num_cpus=0.5),
        on_progress=on_progress,
    )
    print(f"  {time.perf_counter() - start:.0f} s, by {len(list(pids.iterdir()))} processes")
    if kills and not killed:
        raise SystemExit("FAILED: the run ended before a worker could be killed")


def main() -> None:
    """Run both checks, and stop with an exit status if one fails."""
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level="ERROR")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (pictures := folder / "pictures").mkdir()
        write_pictures(pictures)
        (folder / "local").mkdir()
        torch.set_num_threads(1)  # as many as Ray gives its workers: with others the last digits of a sum may vary
        local = pipeline(detector=MortalDetector(str(folder / "local")), device="cpu")

        print("One of two workers is killed:")
        for ending in ("parquet", "jsonl"):
            analyze_files(pictures, folder / f"local.{ending}", local)
        run_with_ray(pictures, folder / "ray.parquet", folder / "killed", kills=True)
        if (folder / "ray.parquet").read_bytes() != (folder / "local.parquet").read_bytes():
            raise SystemExit("FAILED: the output differs from that of one process")
        print(f"  the Parquet file is that of one process, byte for byte ({NUM_PICTURES} pictures)")

        print("One picture kills every worker that looks at it:")
        poison = pictures / f"{POISON:04}.png"
        Image.fromarray(np.zeros((SIDE, SIDE, 3), np.uint8)).save(poison)
        run_with_ray(pictures, folder / "ray.jsonl", folder / "poisoned", kills=False)
        reason = f"Cannot read image {str(poison)!r}: the process that analysed it died 2 times."
        expected, found = (list(read_json_lines(folder / f"{engine}.jsonl")) for engine in ("local", "ray"))
        expected[POISON] = replace(expected[POISON], width=0, height=0, faces=(), error=reason)
        differing = [one.source for one, other in zip(expected, found, strict=True) if not is_close(one, other)]
        if differing:
            raise SystemExit(f"FAILED: {differing} differ")
        print(f"  it is a row with the reason, and the other {NUM_PICTURES - 1} are as before: {reason}")


def is_close(one: ImageResult, other: ImageResult) -> bool:
    """Return whether two results agree; around the poisoned picture batches are others, so the last digits may vary."""
    shown = [(face.face, face.label) for face in one.faces], [(face.face, face.label) for face in other.faces]
    scores = [face.score for face in one.faces], [face.score for face in other.faces]
    is_same = shown[0] == shown[1] and (one.source, one.error) == (other.source, other.error)
    return is_same and bool(np.allclose(*scores, atol=1e-5))


if __name__ == "__main__":
    main()
