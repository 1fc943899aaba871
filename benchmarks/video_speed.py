"""Measure how fast videos are analysed, and how much memory short and long ones take.

    python benchmarks/video_speed.py speed CLIP --rounds 3
    python benchmarks/video_speed.py memory CLIP --minutes 1 20 --rate 4 --width 192

``speed`` runs the clip with the detector in every frame and in every 5th, in turns, since other work on the machine
slows down both alike. ``memory`` makes videos of the given lengths by repeating the clip at a low size and rate, analyses
each in a process of its own with all files written, and prints the peak of that process.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import av

from fer_zoo import pipeline
from fer_zoo.pipelines.video import VideoAnalyzer, analyze_video

MEGABYTE = 1024  # ru_maxrss is in kilobytes on Linux


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    speed = commands.add_parser("speed")
    speed.add_argument("clip", type=Path)
    speed.add_argument("--rounds", type=int, default=3)
    memory = commands.add_parser("memory")
    memory.add_argument("clip", type=Path)
    memory.add_argument("--minutes", type=float, nargs="+", default=[1, 20])
    memory.add_argument("--rate", type=int, default=4, help="frames per second")
    memory.add_argument("--width", type=int, default=192, help="pixels")
    one = commands.add_parser("one")  # what memory runs in a process of its own
    one.add_argument("clip", type=Path)
    arguments = parser.parse_args()
    if arguments.command == "speed":
        measure_speed(arguments.clip, arguments.rounds)
    elif arguments.command == "memory":
        measure_memory(arguments.clip, arguments.minutes, arguments.rate, arguments.width)
    else:
        print(analyse_with_all_files(arguments.clip))


def measure_speed(clip: Path, rounds: int) -> None:
    """Print the frames per second of each way, the median of the rounds."""
    pipe = pipeline(device="cpu")
    rates: dict[int, list[float]] = {1: [], 5: []}
    analyze_video(clip, VideoAnalyzer(pipe), max_seconds=0.5)  # the first run loads libraries
    for _ in range(rounds):
        for detect_every, found in rates.items():
            start = time.perf_counter()
            summary = analyze_video(clip, VideoAnalyzer(pipe, detect_every=detect_every))
            found.append(summary.num_frames / (time.perf_counter() - start))
    print(f"{clip.name}: {summary.width} x {summary.height}, {summary.num_frames} frames")
    for detect_every, found in rates.items():
        print(
            f"detect_every={detect_every}: {statistics.median(found):.1f} frames/s ({min(found):.1f}-{max(found):.1f})"
        )


def measure_memory(clip: Path, minutes: list[float], rate: int, width: int) -> None:
    """Print the peak memory of a process for each length, and how they compare with the first."""
    peaks = []
    with tempfile.TemporaryDirectory() as folder:
        for length in minutes:
            path = Path(folder) / f"{length:g}_minutes.mp4"
            repeat(clip, path, round(length * 60 * rate), rate, width)
            start = time.perf_counter()
            command = [sys.executable, __file__, "one", str(path)]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            frames, peak = map(int, done.stdout.split())
            peaks.append(peak)
            print(
                f"{length:g} minutes, {frames:,} frames: {peak / MEGABYTE:,.0f} MB "
                f"({peak / peaks[0]:.3f} of the first), {time.perf_counter() - start:.0f} s"
            )


def analyse_with_all_files(clip: Path) -> str:
    """Return the number of frames and the peak of this process in kilobytes."""
    with tempfile.TemporaryDirectory() as folder:
        places: dict[str, Any] = {
            "frames": Path(folder) / "frames.parquet",
            "segments": Path(folder) / "segments.csv",
            "annotated": Path(folder) / "annotated.mp4",
            "timeline": Path(folder) / "timeline.png",
        }
        summary = analyze_video(clip, VideoAnalyzer(pipeline(device="cpu"), detect_every=5), **places)
    return f"{summary.num_frames} {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss}"


def repeat(clip: Path, path: Path, num_frames: int, rate: int, width: int) -> None:
    """Write so many frames of a clip, again and again, at a size and rate of one's own."""
    with av.open(str(path), "w") as container:
        stream: Any = None
        for index, frame in enumerate(islice(cycle(_small_frames(clip, width)), num_frames)):
            if stream is None:
                stream = container.add_stream("libx264", rate=rate, options={"preset": "ultrafast"})
                stream.width, stream.height, stream.pix_fmt = frame.width, frame.height, "yuv420p"
            frame.pts, frame.time_base = index, stream.codec_context.time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _small_frames(clip: Path, width: int) -> Iterator[Any]:
    """Yield the frames of a clip, made smaller."""
    with av.open(str(clip)) as container:
        for frame in container.decode(video=0):
            height = round(frame.height * width / frame.width / 2) * 2
            small = frame.reformat(width=width, height=height, format="yuv420p")
            small.pict_type = 0
            yield small


if __name__ == "__main__":
    main()
