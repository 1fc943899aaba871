"""One pipeline in many threads, in forked processes, and in processes that it is sent to."""

from __future__ import annotations

import multiprocessing
import pickle
import warnings
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import dataset_trees
import numpy as np
import pytest
from numpy.typing import NDArray

from fer_zoo import FaceExpressionPipeline, pipeline
from fer_zoo.datasets import load_dataset
from fer_zoo.detection import CenterFaceDetector
from fer_zoo.results import ImageResult


@pytest.fixture(scope="module", params=["torch", "onnxruntime", "openvino"])
def pipe(request: pytest.FixtureRequest) -> FaceExpressionPipeline:
    """Return a pipeline on a backend."""
    return pipeline(model="mhan", device="cpu", backend=request.param, threads=1)


@pytest.fixture(scope="module")
def pictures(astronaut: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
    """Return four pictures of a face in different places."""
    return [np.roll(astronaut[:320], 30 * number, axis=1) for number in range(4)]


def summary(result: ImageResult) -> list[tuple[str, float, float]]:
    """Return label, score and place of each face, rounded to what must not differ."""
    return [(face.label, round(face.score, 3), round(face.face.box.left)) for face in result.faces]


def answer(pipe: FaceExpressionPipeline, picture: NDArray[np.uint8], answers: Any) -> None:
    """Analyse a picture in another process, and send the summary back."""
    answers.put(summary(pipe.analyze(picture)))


def answer_from(method: str, pipe: FaceExpressionPipeline, picture: NDArray[np.uint8]) -> Any:
    """Return the summary that a process started in some way gives."""
    context: Any = multiprocessing.get_context(method)
    answers = context.Queue()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of fork in a process with threads
        process = context.Process(target=answer, args=(pipe, picture, answers), daemon=True)
        process.start()
    try:
        return answers.get(timeout=300)  # a process that hangs must not hang the tests
    finally:
        process.kill()
        process.join()


@pytest.mark.slow
def test_eight_threads_give_the_answers_of_one(pipe: FaceExpressionPipeline, pictures: list[NDArray[np.uint8]]) -> None:
    """Each thread has another picture than its neighbour at any time, and all get what one thread got."""
    expected = [summary(pipe.analyze(picture)) for picture in pictures]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: summary(pipe.analyze(pictures[number % 4])), range(24)))

    assert all(expected)
    assert found == expected * 6


@pytest.mark.skipif("fork" not in multiprocessing.get_all_start_methods(), reason="there is no fork on this system")
def test_forked_process_goes_on_with_the_pipeline(
    pipe: FaceExpressionPipeline, pictures: list[NDArray[np.uint8]]
) -> None:
    """A child that took over a pipeline that was used before gives the same answer, and does not wait for threads."""
    expected = summary(pipe.analyze(pictures[0]))

    assert answer_from("fork", pipe, pictures[0]) == expected


@pytest.mark.slow
def test_pipeline_can_be_pickled(pipe: FaceExpressionPipeline, pictures: list[NDArray[np.uint8]]) -> None:
    """On every backend; whoever receives it opens the network again, as it was opened here."""
    copy = pickle.loads(pickle.dumps(pipe))  # noqa: S301  # made here

    assert copy.provider == pipe.provider
    assert summary(copy.analyze(pictures[1])) == summary(pipe.analyze(pictures[1]))


@pytest.mark.slow
def test_pipeline_can_be_sent_to_a_spawned_process(
    embedded_pipeline: FaceExpressionPipeline, pictures: list[NDArray[np.uint8]]
) -> None:
    """A fresh process gets the weights, opens its own detector, and gives the same answer."""
    expected = summary(embedded_pipeline.analyze(pictures[1]))

    assert answer_from("spawn", embedded_pipeline, pictures[1]) == expected


def test_detector_is_sent_without_its_network(pictures: list[NDArray[np.uint8]]) -> None:
    """Sending it costs some hundred bytes, receiving it opens nothing, and it finds the same face when it is used."""
    detector = CenterFaceDetector(score_threshold=0.4)
    content = pickle.dumps(detector)

    copy = pickle.loads(content)  # noqa: S301  # made above

    assert len(content) < 2000
    assert "_network" not in vars(copy)
    assert copy.detect(pictures[:1]) == detector.detect(pictures[:1])


def test_data_set_is_sent_without_detector_and_pictures(tmp_path: Path) -> None:
    """What workers of a data loader get of a data set is a list of paths."""
    dataset_trees.write_table(tmp_path)

    content = pickle.dumps(load_dataset("table", tmp_path / "faces.csv"))

    assert len(content) < 5000
    for word in (b"detect", b"onnx", b"network"):
        assert word not in content
