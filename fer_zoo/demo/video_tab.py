"""The tab for short videos."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from fer_zoo.demo.analyzer import FaceAnalyzer
from fer_zoo.demo.charts import message
from fer_zoo.demo.limits import DemoLimits
from fer_zoo.demo.packages import import_gradio
from fer_zoo.demo.video import analyze_upload, describe_video, list_segments
from fer_zoo.errors import FerZooError

if TYPE_CHECKING:
    import gradio

SUFFIXES: Final = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi")
NO_VIDEO: Final = "There is no video, or it is no longer kept here. Upload it first."


def add_video_tab(
    analyzer: FaceAnalyzer, limits: DemoLimits, model: gradio.Dropdown, detector: gradio.Dropdown, queue: str
) -> None:
    """Add the input and the results of the tab, and the button that connects them.

    Args:
        analyzer: the models and detectors that the page offers.
        limits: how much of a video is analysed.
        model: where the visitor chooses the model.
        detector: where the visitor chooses the detector.
        queue: name of the queue for everything that runs a model.
    """
    gr = import_gradio()

    def show(upload: Any, model_name: str, detector_name: str) -> tuple[Any, ...]:
        """Analyse the video and return what the outputs show."""
        nothing = gr.update(value=None, visible=False)
        path = upload.get("path") if isinstance(upload, dict) else None
        if not isinstance(path, str) or not Path(path).is_file():
            return (
                message(NO_VIDEO, "none"),
                nothing,
                "",
                nothing,
            )
        name = str(upload.get("orig_name") or Path(path).name)
        try:
            analysis = analyze_upload(analyzer, Path(path), name, model_name, detector_name, limits)
        except FerZooError as error:
            return message(str(error), "error"), nothing, "", nothing
        return (
            describe_video(analysis),
            gr.update(value=str(analysis.annotated), visible=True),
            list_segments(analysis.summary),
            nothing if analysis.timeline is None else gr.update(value=str(analysis.timeline), visible=True),
        )

    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            # no gr.Video: to cut videos it loads 30 MB of FFmpeg into the browser
            video = gr.File(label="Video", file_types=list(SUFFIXES), height=160, elem_id="video-input")
            gr.Markdown(f"Up to {limits.max_video_seconds:.0f} seconds are analysed.", elem_classes="fz-note")
            button = gr.Button("Analyse the video", variant="primary", elem_id="video-run")
        with gr.Column(scale=3, min_width=300):
            outputs = [
                gr.HTML(elem_id="video-status", elem_classes="fz-html"),
                gr.Video(label="Faces", interactive=False, visible=False, elem_id="video-faces", buttons=["download"]),
                gr.HTML(elem_id="video-segments", elem_classes="fz-html"),
                gr.Image(
                    label="Timeline",
                    show_label=False,  # it would lie over the drawing
                    alt_text="Timeline of the expressions",
                    interactive=False,
                    visible=False,
                    elem_id="video-timeline",
                    buttons=[],
                ),
            ]
    button.click(
        show,
        [video, model, detector],
        outputs,
        preprocess=False,
        concurrency_id=queue,
        api_visibility="private",
    )


__all__ = ["add_video_tab"]
