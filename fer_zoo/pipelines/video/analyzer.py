"""The faces of a video: found in every n-th frame, followed, classified and smoothed."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from threading import Event

import numpy as np

from fer_zoo.errors import ArgumentTypeError
from fer_zoo.imaging.read import DEFAULT_MAX_PIXELS
from fer_zoo.pipelines.face_expression import FaceExpressionPipeline
from fer_zoo.pipelines.video.packages import import_extra
from fer_zoo.pipelines.video.reader import USUAL_RATE, VideoFrame, VideoReader
from fer_zoo.pipelines.video.smoothing import Smoothing, TrackSmoother
from fer_zoo.pipelines.video.source import VideoSource
from fer_zoo.pipelines.video.tracking import FaceTracker, interpolate_face
from fer_zoo.ranges import check_counts, check_not_negative, check_shares
from fer_zoo.results import Face, FaceExpression
from fer_zoo.video_results import FrameResult, TrackedFace


@dataclass(slots=True)
class _Sighting:
    """A frame with the faces in it, while it is not known which tracks they belong to.

    Attributes:
        frame: the picture.
        faces: those that were found in it, or between two finds.
        track_ids: the track of each, as far as it is known.
        is_detected: whether the detector looked at this frame.
    """

    frame: VideoFrame
    faces: list[Face] = field(default_factory=list)
    track_ids: list[int | None] = field(default_factory=list)
    is_detected: bool = False

    def by_track(self) -> dict[int, Face]:
        """Return the faces that belong to a track."""
        pairs = zip(self.track_ids, self.faces, strict=True)
        return {track_id: face for track_id, face in pairs if track_id is not None}


class VideoAnalyzer:
    """Finds the faces of videos, follows them, and says which expression each shows.

    Between two frames in which the detector looks, a face that both have is placed by its boxes there, moving evenly;
    every face of every frame is classified. So results come a few frames late: after the next look.

    Args:
        pipe: detector, image processor and model; by default :func:`fer_zoo.pipelines.pipeline`.
        detect_every: the detector looks at every so many frames, and at the last.
        smoothing: how scores are smoothed and when labels change.
        lost_after: seconds without a face after which its track has ended.
        num_frames: how many frames are worked on together, at least those between two looks; it bounds the memory.
        batch_size: how many faces run through the model together.
        threshold: faces that the detector is less sure of are left out, in [0, 1]; by default as for the pipeline.
        min_confidence: expressions of a frame whose probability is below are marked as uncertain, in [0, 1]; by default
            as for the pipeline.

    Raises:
        InvalidOptionError: if an option is out of its range.
        ArgumentTypeError: if the pipeline is none.
        MissingPackageError: if ``trackers`` or ``supervision`` is not installed.

    Example:
        >>> from fer_zoo.pipelines.video import VideoAnalyzer
        >>> analyzer = VideoAnalyzer(detect_every=5)
        >>> for result in analyzer.stream("interview.mp4"):  # doctest: +SKIP
        ...     print(result.time, [(face.track_id, face.label) for face in result.faces])
    """

    def __init__(
        self,
        pipe: FaceExpressionPipeline | None = None,
        *,
        detect_every: int = 1,
        smoothing: Smoothing | None = None,
        lost_after: float = 1.0,
        num_frames: int = 8,
        batch_size: int = 16,
        threshold: float | None = None,
        min_confidence: float | None = None,
    ) -> None:
        check_counts(detect_every=detect_every, num_frames=num_frames, batch_size=batch_size)
        check_not_negative(lost_after=lost_after)
        check_shares(threshold=threshold, min_confidence=min_confidence)
        for package in ("trackers", "supervision"):  # said now, and loaded before a camera runs
            import_extra(package)
        if pipe is None:
            from fer_zoo.pipelines import pipeline  # that module offers this class

            pipe = pipeline()
        ArgumentTypeError.check("pipe", pipe, FaceExpressionPipeline, "a pipeline, as fer_zoo.pipeline() makes it")
        self.pipe = pipe
        self.detect_every = detect_every
        self.smoothing = smoothing or Smoothing()
        self.lost_after = lost_after
        self.num_frames = num_frames
        self.batch_size = batch_size
        self.threshold = threshold
        self.min_confidence = min_confidence
        id2label: Mapping[int, str] = pipe.model.config.id2label
        self.labels = tuple(id2label[i] for i in range(len(id2label)))

    def stream(
        self,
        source: VideoSource,
        *,
        timeout: float = 10.0,
        stop: Event | None = None,
        max_pixels: int = DEFAULT_MAX_PIXELS,
        container: str | None = None,
    ) -> Generator[FrameResult, None, None]:
        """Open a video now, and yield a result for each frame as it comes, in constant memory.

        Args:
            source: a path, a URL, or the number of a camera.
            timeout: seconds to wait for a URL, each time.
            stop: once this is set the stream ends, with the frames that were read until then.
            max_pixels: largest accepted frame, in pixels, as it is shown; the video ends before one that is larger.
            container: what FFmpeg calls the format of the file, such as ``mov``; by default it guesses, and then a
                playlist may name other files.

        Returns:
            the results; closing it closes the video. Where something could not be read, one more follows at the end,
            which has no faces but the reason.

        Raises:
            VideoReadError: if the source is no video, or has no frame that can be read.
            MissingPackageError: if a package of the extra ``video`` is not installed.
        """
        results = self._results(
            VideoReader(source, timeout=timeout, stop=stop, max_pixels=max_pixels, container=container)
        )
        next(results)  # only what has begun closes the video when it is closed itself
        return results

    def analyze_frames(
        self, frames: Iterable[VideoFrame], *, frame_rate: float = USUAL_RATE, is_live: bool = False
    ) -> Iterator[tuple[VideoFrame, FrameResult]]:
        """Yield each frame with its result, some frames late.

        Args:
            frames: in the order of their times, from a :class:`VideoReader` or made by hand.
            frame_rate: frames per second on average.
            is_live: whether they come from a camera: as few as possible are worked on together, so that results are
                not late, and each lasts until the next, as those between may have been dropped.
        """
        tracker = FaceTracker(frame_rate, detect_every=self.detect_every, lost_after=self.lost_after)
        smoother = TrackSmoother(self.smoothing)
        looks = 1 if is_live else max(1, self.num_frames // self.detect_every)
        waiting: list[_Sighting] = []  # from the last frame in which the detector looked
        for run in _group_frames(_mark_last(frames, is_live=is_live), self.detect_every, looks):
            settled: list[_Sighting] = []
            looked_at = [sighting for sighting in run if sighting.is_detected]
            found = iter(self._find_faces(looked_at))
            for sighting in run:
                if sighting.is_detected:
                    sighting.faces = list(next(found))
                    _settle(waiting, sighting, tracker)
                    settled += waiting
                    waiting = []
                waiting.append(sighting)
            yield from self._classify(settled, smoother)
        yield from self._classify(waiting, smoother)

    def _results(self, reader: VideoReader) -> Generator[FrameResult, None, None]:
        """Yield nothing yet, then the results of an open video, and what could not be read of it."""
        end = FrameResult(0, 0.0, 0.0)
        with reader:
            yield end
            for _, result in self.analyze_frames(reader, frame_rate=reader.frame_rate, is_live=reader.is_camera):
                yield result
                end = FrameResult(result.index + 1, result.time + result.duration, 0.0)
            if reader.error is not None:
                yield FrameResult(end.index, end.time, 0.0, error=reader.error)

    def _find_faces(self, sightings: list[_Sighting]) -> list[tuple[Face, ...]]:
        """Return the faces of frames."""
        return self.pipe.find_faces([sighting.frame.image for sighting in sightings], threshold=self.threshold)

    def _classify(
        self, sightings: list[_Sighting], smoother: TrackSmoother
    ) -> Iterator[tuple[VideoFrame, FrameResult]]:
        """Classify the faces of several frames together, and yield the frames one by one."""
        images = [sighting.frame.image for sighting in sightings]
        faces_of_images = [sighting.faces for sighting in sightings]
        expressions = self.pipe.classify_faces(
            images, faces_of_images, batch_size=self.batch_size, min_confidence=self.min_confidence
        )
        for sighting, found in zip(sightings, expressions, strict=True):
            faces = tuple(
                self._follow(expression, track_id, sighting, smoother)
                for expression, track_id in zip(found, sighting.track_ids, strict=True)
            )
            frame = sighting.frame
            yield frame, FrameResult(frame.index, frame.time, frame.duration, faces)

    def _follow(
        self, expression: FaceExpression, track_id: int | None, sighting: _Sighting, smoother: TrackSmoother
    ) -> TrackedFace:
        """Add to a face what its track tells."""
        by_label = dict(expression.scores)
        scores = np.array([by_label[label] for label in self.labels])
        position = int(scores.argmax())
        if track_id is not None:
            scores, position = smoother.update(track_id, sighting.frame.time, sighting.frame.duration, scores)
        smoothed = tuple(zip(self.labels, scores.tolist(), strict=True))
        return TrackedFace(expression, smoothed, self.labels[position], track_id, sighting.is_detected)


def _group_frames(
    frames: Iterable[tuple[VideoFrame, bool]], detect_every: int, looks: int
) -> Iterator[list[_Sighting]]:
    """Yield runs of frames that end with a look of the detector and have so many looks; the last run may have fewer."""
    run: list[_Sighting] = []
    for number, (frame, is_last) in enumerate(frames):
        run.append(_Sighting(frame, is_detected=is_last or number % detect_every == 0))
        if is_last or sum(sighting.is_detected for sighting in run) == looks:
            yield run
            run = []


def _mark_last(frames: Iterable[VideoFrame], *, is_live: bool) -> Iterator[tuple[VideoFrame, bool]]:
    """Yield each frame with whether it is the last; those of a camera last until the next that is there."""
    held: VideoFrame | None = None
    for frame in frames:
        if held is not None:
            yield (replace(held, duration=frame.time - held.time) if is_live else held), False
        held = frame
    if held is not None:
        yield held, True


def _settle(waiting: list[_Sighting], now: _Sighting, tracker: FaceTracker) -> None:
    """Find the tracks of the faces in a frame, and with them those of the frame before and the places in between."""
    update = tracker.update(now.frame.time, now.faces)
    now.track_ids = list(update.track_ids)
    if not waiting:
        return
    before, *between = waiting
    for position, track_id in update.late_ids.items():
        before.track_ids[position] = track_id
    ends = now.by_track()
    for sighting in between:
        fraction = (sighting.frame.time - before.frame.time) / (now.frame.time - before.frame.time)
        for track_id, face in before.by_track().items():
            if track_id in ends:
                sighting.faces.append(interpolate_face(face, ends[track_id], fraction))
                sighting.track_ids.append(track_id)


__all__ = ["VideoAnalyzer"]
