"""How much the page takes from its visitors."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from fer_zoo.ranges import check_positive


@dataclass(frozen=True, slots=True)
class DemoLimits:
    """Limits of the page; what is above is refused with a message.

    Attributes:
        max_bytes: largest upload, in bytes.
        max_pixels: largest picture or frame of a video, in pixels, read from the header before anything is decoded.
        max_video_seconds: how much of a video is analysed, in seconds from its start.
        max_work_seconds: how long the analysis of a video may take, in seconds; then it ends where it is.
        max_waiting: requests that may wait for their turn; the next ones are sent away.
        keep_seconds: how long uploads and results are kept on disk, in seconds.

    Raises:
        InvalidOptionError: if a limit is not above 0.
    """

    max_bytes: int = 20_000_000
    max_pixels: int = 50_000_000
    max_video_seconds: float = 30.0
    max_work_seconds: float = 120.0
    max_waiting: int = 64
    keep_seconds: float = 600.0

    def __post_init__(self) -> None:
        """Refuse limits that would let nothing through."""
        check_positive(**asdict(self))


__all__ = ["DemoLimits"]
