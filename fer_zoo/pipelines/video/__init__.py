"""Videos: faces followed from frame to frame, their expressions smoothed over time and told as segments.

The packages of the extra ``video`` are imported when a video is opened, not before.
"""

from fer_zoo.pipelines.video.analysis import analyze_video
from fer_zoo.pipelines.video.analyzer import VideoAnalyzer
from fer_zoo.pipelines.video.annotated import mark_faces
from fer_zoo.pipelines.video.reader import VideoFrame, VideoReader
from fer_zoo.pipelines.video.smoothing import Smoothing
from fer_zoo.pipelines.video.timeline import draw_timeline

__all__ = ["Smoothing", "VideoAnalyzer", "VideoFrame", "VideoReader", "analyze_video", "draw_timeline", "mark_faces"]
