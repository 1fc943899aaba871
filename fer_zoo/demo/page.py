"""The page: what a visitor sees, and the endpoint that programs call."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fer_zoo.demo.analyzer import FaceAnalyzer, PictureAnalysis
from fer_zoo.demo.charts import describe_result, draw_charts, message
from fer_zoo.demo.limits import DemoLimits
from fer_zoo.demo.packages import import_gradio
from fer_zoo.demo.video import has_video_packages
from fer_zoo.demo.video_tab import add_video_tab
from fer_zoo.errors import FerZooError
from fer_zoo.imaging import annotate
from fer_zoo.ranges import check_counts
from fer_zoo.results import ImageResult

if TYPE_CHECKING:
    import gradio

ASSETS: Final = Path(__file__).with_name("assets")
# NASA's portrait of Eileen Collins, in the public domain; the second is a part of it beside its mirror image.
EXAMPLES: Final = {"astronaut.jpg": "One face", "two_faces.jpg": "Two faces"}
TITLE: Final = "fer-zoo: facial expression recognition"
HEAD: Final = """
# fer-zoo
Finds every face and says which expression it shows.
An expression is not a feeling, and a probability is not a diagnosis.
"""
NOTE: Final = """
Pictures and videos are worked on by this server alone and deleted after {minutes}.
"""

#: Where the model looks: what the page calls it, and the method of :mod:`fer_zoo.explain`; nothing for off.
EXPLANATIONS: Final = [("off", ""), ("Grad-CAM", "grad_cam"), ("attention", "attention")]

#: Longest side of the pictures that are shown, in pixels; results refer to the original size.
SHOWN_SIDE: Final = 1600

#: Everything that runs a model stands in one queue, one request at a time.
QUEUE: Final = "models"


class Outputs(NamedTuple):
    """The parts of a tab that show results."""

    status: gradio.HTML
    faces: gradio.Image
    charts: gradio.HTML
    explanation: gradio.Image
    folded: gradio.Accordion
    answer: gradio.JSON


class Choices(NamedTuple):
    """What the visitor chooses from."""

    model: gradio.Dropdown
    detector: gradio.Dropdown
    explanation: gradio.Radio


def create_page(analyzer: FaceAnalyzer, limits: DemoLimits | None = None) -> gradio.Blocks:
    """Make the page.

    Args:
        analyzer: the models and detectors that the page offers.
        limits: how much it takes; those of :class:`~fer_zoo.demo.DemoLimits` by default.

    Returns:
        The page as Gradio's ``Blocks``, to be served by :func:`fer_zoo.demo.serve`, which also keeps the limits that
        Gradio leaves to the server.

    Raises:
        MissingPackageError: if ``gradio`` is not installed.
    """
    gr = import_gradio()
    limits = limits or DemoLimits()
    show = _make_show(analyzer)
    page: gradio.Blocks = gr.Blocks(title=TITLE, analytics_enabled=False)
    with page:
        gr.Markdown(HEAD, elem_classes="fz-head")
        with gr.Row():
            choices = Choices(
                gr.Dropdown(list(analyzer.models), value=analyzer.models[0], label="Model", elem_id="model"),
                gr.Dropdown(
                    list(analyzer.detectors), value=analyzer.detectors[0], label="Detector", elem_id="detector"
                ),
                gr.Radio(EXPLANATIONS, value="", label="Show where the model looks", elem_id="explanation"),
            )
        with gr.Tab("Picture", id="picture"):
            _add_tab("picture", ["upload", "clipboard"], choices, show)
        with gr.Tab("Webcam", id="webcam"):
            _add_tab("webcam", ["webcam"], choices, show)
        if has_video_packages():
            with gr.Tab("Video", id="video"):
                add_video_tab(analyzer, limits, choices.model, choices.detector, QUEUE)
        gr.Markdown(NOTE.format(minutes=_minutes(limits.keep_seconds)), elem_classes="fz-note")
        _add_endpoint(analyzer)
    page.queue(max_size=limits.max_waiting, default_concurrency_limit=1, api_open=False)  # none may skip the queue
    return page


def _add_tab(name: str, sources: list[Any], choices: Choices, show: Callable[..., tuple[Any, ...]]) -> None:
    """Add the input of a tab on the left, its results on the right, and what connects them."""
    gr = import_gradio()
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            picture = gr.Image(
                label="Picture",
                sources=sources,
                type="filepath",
                height=360,
                elem_id=f"{name}-input",
                buttons=["fullscreen"],
                webcam_options=gr.WebcamOptions(mirror=True),
            )
            if "upload" in sources:
                gr.Examples(
                    [str(ASSETS / file) for file in EXAMPLES],
                    picture,
                    example_labels=list(EXAMPLES.values()),
                    cache_examples=False,
                    label="Examples",
                    api_visibility="private",
                )
        with gr.Column(scale=3, min_width=300):
            outputs = Outputs(
                gr.HTML(elem_id=f"{name}-status", elem_classes="fz-html"),
                gr.Image(
                    label="Faces",
                    interactive=False,
                    visible=False,
                    format="jpeg",
                    elem_id=f"{name}-faces",
                    buttons=["download", "fullscreen"],
                ),
                gr.HTML(elem_id=f"{name}-charts", elem_classes="fz-html"),
                gr.Image(
                    label="Where the model looks",
                    interactive=False,
                    visible=False,
                    format="jpeg",
                    elem_id=f"{name}-explanation",
                    buttons=["download", "fullscreen"],
                ),
                *_add_json(name),
            )
    gr.on(
        [picture.change, *(choice.input for choice in choices)],
        show,
        [picture, *choices],
        list(outputs),
        preprocess=False,
        trigger_mode="always_last",
        concurrency_id=QUEUE,
        api_visibility="private",
    )


def _add_json(name: str) -> tuple[gradio.Accordion, gradio.JSON]:
    """Add the result as JSON, folded."""
    gr = import_gradio()
    with gr.Accordion("JSON", open=False, visible=False, elem_id=f"{name}-json") as folded:
        answer = gr.JSON(show_label=False)
    return folded, answer


def _make_show(analyzer: FaceAnalyzer) -> Callable[..., tuple[Any, ...]]:
    """Return the function that fills the results of a tab."""
    gr = import_gradio()

    def show(upload: dict[str, Any] | None, model: str, detector: str, method: str) -> tuple[Any, ...]:
        """Analyse the picture of a tab and return what its outputs show."""
        nothing = gr.update(value=None, visible=False)
        if upload is None:
            return "", nothing, "", nothing, gr.update(visible=False), None
        try:
            analysis = _analyze_upload(analyzer, upload, model, detector)
            explained = analyzer.explain(analysis, model, detector, method) if method else None
        except FerZooError as error:
            return message(str(error), "error"), nothing, "", nothing, gr.update(visible=False), None
        picture = analysis.picture
        return (
            describe_result(analysis.result),
            nothing if picture is None else _shown(annotate(picture, analysis.result)),
            draw_charts(analysis.result, picture),
            nothing if explained is None else _shown(explained),
            gr.update(visible=picture is not None),
            None if picture is None else analysis.result.to_dict(),
        )

    def _shown(picture: NDArray[np.uint8]) -> Any:
        """Return the update that shows a picture, scaled down if it is very large."""
        image = Image.fromarray(picture)
        image.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
        return gr.update(value=image, visible=True)

    return show


def _add_endpoint(analyzer: FaceAnalyzer) -> None:
    """Add ``/predict``, which takes an uploaded picture and answers as ``fer-zoo predict --json`` does."""
    gr = import_gradio()

    def predict(
        picture: dict[str, Any],
        model: str = analyzer.models[0],
        detector: str = analyzer.detectors[0],
        top_k: int | None = None,
    ) -> dict[str, Any]:
        """Find every face of a picture and say which expression it shows.

        Args:
            picture: an uploaded file.
            model: one of the models of the page.
            detector: one of the detectors of the page.
            top_k: how many entries the scores of each face have; all of them by default.
        """
        try:
            check_counts(top_k=top_k)
            return _analyze_upload(analyzer, picture, model, detector).result.to_dict(top_k=top_k)
        except FerZooError as error:
            raise gr.Error(str(error), print_exception=False) from error

    button = gr.Button(visible=False)
    button.click(
        predict,
        [
            gr.File(label="picture", visible=False),
            gr.Textbox(analyzer.models[0], label="model", visible=False),
            gr.Textbox(analyzer.detectors[0], label="detector", visible=False),
            gr.Number(None, label="top_k", precision=0, visible=False),
        ],
        gr.JSON(label="faces", visible=False),
        api_name="predict",
        preprocess=False,
        concurrency_id=QUEUE,
    )


def _analyze_upload(analyzer: FaceAnalyzer, upload: Any, model: str, detector: str) -> PictureAnalysis:
    """Analyse a file that Gradio has checked to be an upload, or say why there is none."""
    path = upload.get("path") if isinstance(upload, dict) else None
    if not isinstance(path, str):
        return PictureAnalysis(ImageResult("picture", error="No picture came along. Upload a file first."))
    name = str(upload.get("orig_name") or Path(path).name)
    if not _is_there(path):
        return PictureAnalysis(ImageResult(name, error=f"{name!r} is no longer kept here. Upload it again."))
    return analyzer.analyze(path, name, model, detector)


def _is_there(path: str) -> bool:
    """Return whether there is a file; under a name that no file can have there is none."""
    try:
        return Path(path).is_file()
    except (OSError, ValueError):
        return False


def _minutes(seconds: float) -> str:
    """Return a time as people say it."""
    if seconds < 2 * 60:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes"


__all__ = ["create_page"]
