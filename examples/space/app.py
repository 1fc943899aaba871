"""The web page of fer-zoo as a Space of Hugging Face."""

from __future__ import annotations

import os

from fer_zoo.demo import DemoLimits, FaceAnalyzer, serve

LIMITS = DemoLimits(max_bytes=10_000_000, max_pixels=25_000_000, max_waiting=32, keep_seconds=300)

if __name__ == "__main__":
    # A Space is reached through a proxy of the Hub, so the server listens at every address.
    serve(
        FaceAnalyzer(max_pixels=LIMITS.max_pixels),
        host="0.0.0.0",  # noqa: S104 - see above
        port=int(os.environ.get("GRADIO_SERVER_PORT", "7860")),
        limits=LIMITS,
        on_ready=print,
    )
