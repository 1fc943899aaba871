"""Follow a face through a video that this example makes itself, and draw its timeline and some frames.

    python examples/follow_video.py pictures

The video is NASA's portrait of an astronaut, moved over a grey ground. Her mouth is painted over and comes back; what
the model calls the painted one says nothing about faces.
"""

from __future__ import annotations

import sys
from contextlib import chdir
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from painted_portraits import paint_sad, read_portrait
from PIL import Image

from fer_zoo import pipeline
from fer_zoo.pipelines.video import VideoAnalyzer, analyze_video

SIDE, WIDTH, HEIGHT = 256, 400, 256  # of the portrait and of the frames, in pixels
RATE, SECONDS = 12, 8
SHOWN = (0.5, 2.5, 4.5, 7.0)  # seconds of the frames that are drawn
PART = (100, 10, 356, 266)  # of the portrait


def painted_share(time: float) -> float:
    """Return how far the mouth is painted over at a time in seconds, in [0, 1]: not, then it comes, stays and goes."""
    return float(np.interp(time, (2.0, 3.0, 5.0, 6.0), (0.0, 1.0, 1.0, 0.0)))


def write_video(path: Path) -> Path:
    """Write the video, and return its path."""
    portraits = (read_portrait(), paint_sad(read_portrait()))
    smiling, painted = (portrait.crop(PART).resize((SIDE, SIDE)) for portrait in portraits)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream("libx264", rate=RATE)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(RATE * SECONDS):
            time = number / RATE
            frame = Image.new("RGB", (WIDTH, HEIGHT), (120, 120, 120))
            left = round((WIDTH - SIDE) * time / SECONDS)
            frame.paste(Image.blend(smiling, painted, painted_share(time)), (left, 0))
            container.mux(stream.encode(av.VideoFrame.from_image(frame)))
        container.mux(stream.encode(None))
    return path


def read_frames(path: Path) -> list[NDArray[np.uint8]]:
    """Return the frames that are drawn."""
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return [frames[round(time * RATE)].astype(np.uint8) for time in SHOWN]


def main() -> None:
    """Write ``timeline.png`` and ``frames.png``, and print the segments."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    analyzer = VideoAnalyzer(pipeline(device="cpu"), detect_every=3)
    with chdir(folder):  # the timeline says where its video is
        video, annotated = write_video(Path("portrait.mp4")), Path("annotated.mp4")
        summary = analyze_video(video, analyzer, annotated=annotated, timeline="timeline.png")
        Image.fromarray(np.hstack(read_frames(annotated))).save("frames.png")
    for segment in summary.segments:
        print(segment)


if __name__ == "__main__":
    main()
