"""The pipeline end to end, on real photographs with the embedded weights."""

from __future__ import annotations

import copy
import inspect
import io
import json
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import torch
import transformers
from bright_faces import NO_FACE, TWO_FACES, BrightDetector
from face_videos import ground, write_video
from numpy.typing import NDArray
from PIL import Image
from torch.utils.data import Dataset
from transformers import AutoImageProcessor, AutoModelForImageClassification, ViTImageProcessor
from transformers.pipelines.pt_utils import KeyDataset

from fer_zoo import FaceExpressionPipeline, ImageResult, pipeline
from fer_zoo.datasets import load_dataset
from fer_zoo.errors import ArgumentTypeError, ImageReadError, InvalidOptionError, UnknownNameError
from fer_zoo.models import MhanForImageClassification
from fer_zoo.pipelines.call_options import OPTIONS, OPTIONS_OF_MAKING
from fer_zoo.results import Box, Face

Write = Callable[[str, NDArray[np.uint8]], str]

BATCH_SIZES = pytest.mark.parametrize("batch_size", [1, 2, 4])


def assert_same(found: list[dict[str, Any]], expected: list[dict[str, Any]]) -> None:
    """Compare rows; the last digits of float32 may differ between runs."""
    assert [row["label"] for row in found] == [row["label"] for row in expected]
    for row, other in zip(found, expected, strict=True):
        assert row["score"] == pytest.approx(other["score"], abs=1e-4)
        assert row["box"] == pytest.approx(other["box"], abs=0.01)


@pytest.fixture(scope="module")
def three_faces(group: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the left part of the group picture, with three of its faces."""
    return np.ascontiguousarray(group[:, :600])


def test_astronaut_smiles(embedded_pipeline: FaceExpressionPipeline, astronaut: NDArray[np.uint8]) -> None:
    """The result has the documented form, in plain Python values, best label first."""
    (face,) = embedded_pipeline(astronaut)

    assert face.keys() == {"label", "score", "uncertain", "scores", "box", "landmarks", "face_score"}
    assert face["label"] == "happiness"
    assert face["score"] > 0.9
    assert face["scores"][0] == {"label": "happiness", "score": face["score"]}
    assert [entry["score"] for entry in face["scores"]] == sorted((e["score"] for e in face["scores"]), reverse=True)
    assert sum(entry["score"] for entry in face["scores"]) == pytest.approx(1, abs=1e-5)
    assert len(face["scores"]) == 8
    assert list(face["box"]) == ["xmin", "ymin", "xmax", "ymax"]
    assert len(face["landmarks"]) == 5
    assert json.loads(json.dumps(face)) == face


@BATCH_SIZES
def test_no_image_and_no_face_is_lost(
    embedded_pipeline: FaceExpressionPipeline,
    astronaut: NDArray[np.uint8],
    landscape: NDArray[np.uint8],
    three_faces: NDArray[np.uint8],
    batch_size: int,
) -> None:
    """Pictures with three, no and one face keep their order and all their faces at every batch size."""
    pictures = [three_faces, landscape, astronaut, landscape, landscape, three_faces]

    results = embedded_pipeline(pictures, batch_size=batch_size)

    assert [len(faces) for faces in results] == [3, 0, 1, 0, 0, 3]
    alone = [embedded_pipeline(picture) for picture in (three_faces, astronaut)]
    assert_same([*results[0], *results[2], *results[5]], [*alone[0], *alone[1], *alone[0]])


@BATCH_SIZES
def test_only_pictures_without_a_face(
    embedded_pipeline: FaceExpressionPipeline, landscape: NDArray[np.uint8], batch_size: int
) -> None:
    """Every picture without a face gives an empty list, also where a whole batch has none."""
    assert embedded_pipeline([landscape] * 5, batch_size=batch_size) == [[]] * 5


def test_probabilities_are_those_at_the_temperature(
    embedded_model: MhanForImageClassification, embedded_pipeline: FaceExpressionPipeline, astronaut: NDArray[np.uint8]
) -> None:
    """At temperature T each probability is the T-th root of the plain one, normalised; the order stays."""
    model = copy.deepcopy(embedded_model)
    model.config.temperature = 3.0
    pipe = pipeline(
        model=model, detector="whole_image", image_processor=embedded_pipeline.image_processor, device="cpu"
    )

    plain = {entry["label"]: entry["score"] for entry in pipe(astronaut, calibrated=False)[0]["scores"]}
    calibrated = {entry["label"]: entry["score"] for entry in pipe(astronaut)[0]["scores"]}

    roots = {label: score ** (1 / 3) for label, score in plain.items()}
    assert calibrated == pytest.approx({label: root / sum(roots.values()) for label, root in roots.items()}, abs=1e-5)
    assert list(calibrated) == list(plain)


def test_expressions_below_the_confidence_are_uncertain(
    embedded_pipeline: FaceExpressionPipeline, astronaut: NDArray[np.uint8]
) -> None:
    """The result is marked and not left out; the confidence itself is enough."""
    (face,) = embedded_pipeline.analyze(astronaut).faces

    assert not face.is_uncertain
    above, below = (1 + face.score) / 2, face.score - 1e-4  # the last digits of float32 may differ between runs
    assert embedded_pipeline.analyze(astronaut, min_confidence=above).faces[0].is_uncertain
    assert embedded_pipeline(astronaut, min_confidence=above)[0]["uncertain"] is True
    assert not embedded_pipeline.analyze(astronaut, min_confidence=below).faces[0].is_uncertain


@pytest.mark.parametrize("min_confidence", [-0.1, 1.1])
def test_confidences_that_are_none_are_refused(
    embedded_pipeline: FaceExpressionPipeline, astronaut: NDArray[np.uint8], min_confidence: float
) -> None:
    """The option is named, with its range."""
    with pytest.raises(InvalidOptionError, match="min_confidence: expected a number from 0 to 1"):
        embedded_pipeline(astronaut, min_confidence=min_confidence)


def test_group_picture_has_six_expressions(embedded_pipeline: FaceExpressionPipeline, group_path: Path) -> None:
    """All six faces of the group picture are classified."""
    assert len(embedded_pipeline(str(group_path))) == 6


def test_every_kind_of_input_gives_the_same(
    embedded_pipeline: FaceExpressionPipeline, astronaut: NDArray[np.uint8], tmp_path: Path
) -> None:
    """Path, string, bytes, file, PIL, array and tensor are one picture each."""
    path = tmp_path / "astronaut.png"
    Image.fromarray(astronaut).save(path)
    inputs: list[Any] = [
        path,
        str(path),
        path.read_bytes(),
        Image.open(path),
        torch.from_numpy(astronaut).permute(2, 0, 1),
    ]

    expected = embedded_pipeline(astronaut)

    for given in inputs:
        assert_same(embedded_pipeline(given), expected)
    with path.open("rb") as file:
        assert_same(embedded_pipeline(file), expected)
    assert_same(embedded_pipeline(io.BytesIO(path.read_bytes())), expected)


def test_empty_list_gives_an_empty_list(embedded_pipeline: FaceExpressionPipeline) -> None:
    """Nothing in, nothing out."""
    assert embedded_pipeline([]) == []
    assert embedded_pipeline(()) == []
    assert list(embedded_pipeline(iter([]))) == []


@pytest.mark.parametrize("nothing", [None, 5, {"picture": "smile.jpg", "label": 1}])
def test_what_is_no_picture_is_refused_at_once(embedded_pipeline: FaceExpressionPipeline, nothing: Any) -> None:
    """It is not taken for a stream, whose error would come when the first result is taken."""
    with pytest.raises(ImageReadError, match=f"Cannot read image .*{type(nothing).__name__}"):
        embedded_pipeline(nothing)

    rows = embedded_pipeline(nothing, on_error="skip")

    assert [list(row) for row in rows] == [["error"]]


def test_folder_is_sent_to_what_takes_folders(embedded_pipeline: FaceExpressionPipeline, tmp_path: Path) -> None:
    """The function and the command that take one are named."""
    with pytest.raises(ImageReadError, match=r"it is a directory; .*\.analyze_files or fer-zoo predict"):
        embedded_pipeline(tmp_path)


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".avi"])
def test_video_is_sent_to_what_takes_videos(
    embedded_pipeline: FaceExpressionPipeline, tmp_path: Path, suffix: str
) -> None:
    """Known by its first bytes, whatever it is called; the function and the command are named."""
    path = write_video(tmp_path / f"clip{suffix}", [ground()])
    path = path.rename(tmp_path / "clip.jpg")

    with pytest.raises(ImageReadError, match=r"it is a video; .*\.analyze_video or fer-zoo video"):
        embedded_pipeline(path)


def test_tuple_is_many_pictures(
    embedded_pipeline: FaceExpressionPipeline, astronaut: NDArray[np.uint8], landscape: NDArray[np.uint8]
) -> None:
    """A tuple is treated as a list."""
    assert [len(faces) for faces in embedded_pipeline((astronaut, landscape))] == [1, 0]


def test_generator_is_read_as_results_are_taken(
    embedded_pipeline: FaceExpressionPipeline, astronaut: NDArray[np.uint8]
) -> None:
    """An endless generator works: no more pictures are read than needed."""
    taken = 0

    def endless() -> Iterator[NDArray[np.uint8]]:
        nonlocal taken
        while True:
            taken += 1
            yield astronaut

    results = list(islice(embedded_pipeline(endless()), 3))

    assert [len(faces) for faces in results] == [1, 1, 1]
    assert taken <= 5


class Pictures(Dataset[dict[str, Any]]):
    """A data set that does not iterate, only indexes: of rows with a picture."""

    def __init__(self, pictures: Sequence[NDArray[np.uint8]]) -> None:
        self.pictures = pictures

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.pictures)

    def __getitem__(self, index: int) -> dict[str, Any]:
        """Return a row."""
        return {"image": self.pictures[index], "label": index}


def test_data_sets_are_streamed(
    embedded_pipeline: FaceExpressionPipeline, astronaut: NDArray[np.uint8], landscape: NDArray[np.uint8]
) -> None:
    """A column of a data set, in transformers' way, gives one result for each row, in order."""
    column = KeyDataset(Pictures([landscape, astronaut, landscape]), "image")

    results = embedded_pipeline(column, batch_size=2)

    assert not isinstance(results, list)
    assert [len(faces) for faces in results] == [0, 1, 0]


def test_rows_of_a_data_set_give_their_pictures(
    embedded_pipeline: FaceExpressionPipeline, astronaut: NDArray[np.uint8], landscape: NDArray[np.uint8]
) -> None:
    """The key ``image`` is taken: of a whole data set, of a list of rows and of one row."""
    rows = Pictures([landscape, astronaut])

    assert [len(faces) for faces in embedded_pipeline(rows)] == [0, 1]
    assert [len(faces) for faces in embedded_pipeline([rows[0], rows[1]])] == [0, 1]
    assert len(embedded_pipeline(rows[1])) == 1


def test_rows_with_their_picture_under_another_key_are_refused(embedded_pipeline: FaceExpressionPipeline) -> None:
    """The error lists the keys, and names the class of transformers that takes one of them."""
    with pytest.raises(ImageReadError, match=r"no key 'image'; .* KeyDataset\(rows, KEY\) .*; it has 'img', 'label'"):
        embedded_pipeline([{"img": "smile.jpg", "label": 1}])


def test_data_set_of_fer_zoo_is_taken_with_its_broken_files(
    embedded_pipeline: FaceExpressionPipeline, astronaut: NDArray[np.uint8], tmp_path: Path
) -> None:
    """A file that cannot be read does not end the stream, if it is to be skipped; else it is named."""
    (tmp_path / "train/happiness").mkdir(parents=True)
    Image.fromarray(astronaut).save(tmp_path / "train/happiness/1.png")
    (tmp_path / "train/happiness/2.png").write_bytes(b"no picture")
    Image.fromarray(astronaut).save(tmp_path / "train/happiness/3.png")
    dataset = load_dataset("image_folder", tmp_path)

    first, broken, last = embedded_pipeline(dataset, on_error="skip")

    assert_same(first, last)
    assert [row["label"] for row in first] == ["happiness"]
    assert list(broken[0]) == ["error"]
    with pytest.raises(ImageReadError, match=r"2\.png"):
        list(embedded_pipeline(dataset))


def test_top_k_limits_the_scores(embedded_pipeline: FaceExpressionPipeline, astronaut: NDArray[np.uint8]) -> None:
    """``top_k`` keeps the best scores of each face, for one call or for the pipeline."""
    full = [entry["label"] for entry in embedded_pipeline(astronaut)[0]["scores"]]

    assert [entry["label"] for entry in embedded_pipeline(astronaut, top_k=2)[0]["scores"]] == full[:2]
    assert len(embedded_pipeline(astronaut, top_k=100)[0]["scores"]) == len(full) == 8
    limited = FaceExpressionPipeline(
        model=embedded_pipeline.model, image_processor=embedded_pipeline.image_processor, device="cpu", top_k=3
    )
    assert [entry["label"] for entry in limited(astronaut)[0]["scores"]] == full[:3]


def test_threshold_leaves_out_unsure_faces(embedded_pipeline: FaceExpressionPipeline, group: NDArray[np.uint8]) -> None:
    """Faces that the detector is less sure of than the threshold are left out."""
    scores = [face["face_score"] for face in embedded_pipeline(group)]
    threshold = sorted(scores)[3]

    assert len(embedded_pipeline(group, threshold=threshold)) == 3
    assert embedded_pipeline(group, threshold=1.0) == []


def test_unreadable_file_raises_by_default(
    embedded_pipeline: FaceExpressionPipeline, astronaut: NDArray[np.uint8], tmp_path: Path
) -> None:
    """The error names the file."""
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")

    with pytest.raises(ImageReadError, match=r"broken\.jpg"):
        embedded_pipeline([astronaut, str(broken)])


@BATCH_SIZES
def test_unreadable_file_can_be_skipped(
    embedded_pipeline: FaceExpressionPipeline,
    write_picture: Write,
    astronaut: NDArray[np.uint8],
    tmp_path: Path,
    batch_size: int,
) -> None:
    """With ``on_error="skip"`` a broken file leaves a row with the reason, and all others are there."""
    good, broken = write_picture("good.png", astronaut), tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    inputs = [str(broken), good, str(tmp_path / "missing.png"), good]

    results = embedded_pipeline(inputs, on_error="skip", batch_size=batch_size)

    assert [len(rows) for rows in results] == [1, 1, 1, 1]
    assert results[0][0].keys() == {"error"}
    assert results[0][0]["error"].startswith(f"Cannot read image '{broken}'")
    assert "missing.png" in results[2][0]["error"]
    assert results[1][0]["label"] == results[3][0]["label"] == "happiness"


def test_results_as_values(
    embedded_pipeline: FaceExpressionPipeline, write_picture: Write, astronaut: NDArray[np.uint8], tmp_path: Path
) -> None:
    """``analyze`` gives the frozen results that the rows are made from."""
    good = write_picture("good.png", astronaut)

    result, failed = embedded_pipeline.analyze([good, str(tmp_path / "missing.png")], on_error="skip")

    assert isinstance(result, ImageResult)
    assert (result.source, result.width, result.height, result.error) == (good, 512, 512, None)
    assert_same([face.to_dict() for face in result.faces], embedded_pipeline(good))
    assert failed.faces == ()
    assert failed.error is not None
    assert isinstance(embedded_pipeline.analyze(good), ImageResult)


class PointDetector(BrightDetector):
    """Finds a box of no extent, and landmarks of which all are one, beside the faces that are there."""

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[tuple[Face, ...]]:
        """Find the faces."""
        point = Face(Box(5, 5, 5, 5), 0.9), Face(Box(0, 0, 20, 20), 0.9, ((7.0, 7.0),) * 5)
        return [*(point + found for found in super().detect(images))]


def test_faces_without_extent_are_left_out(bright_pipeline: FaceExpressionPipeline) -> None:
    """They cannot be cut out, and hide none of the others."""
    pipe = pipeline(
        model=bright_pipeline.model,
        image_processor=bright_pipeline.image_processor,
        detector=PointDetector(),
        device="cpu",
    )

    assert pipe.analyze(TWO_FACES) == bright_pipeline.analyze(TWO_FACES)
    assert [len(faces) for faces in pipe.find_faces([TWO_FACES, NO_FACE])] == [2, 0]


@pytest.mark.parametrize("size", [0, -1, 1.5])
def test_batch_of_no_faces_is_refused(bright_pipeline: FaceExpressionPipeline, size: float) -> None:
    """By its name."""
    with pytest.raises(InvalidOptionError, match=f"Invalid value {size} for batch_size"):
        bright_pipeline.classify_faces([TWO_FACES], [()], batch_size=cast(Any, size))


def test_crops_skip_the_detector(embedded_pipeline: FaceExpressionPipeline, astronaut: NDArray[np.uint8]) -> None:
    """With ``whole_image`` a crop is classified as it is: its box is all of it, and the answer is the same."""
    face: Face = embedded_pipeline.detector.detect([astronaut])[0][0]
    (crop,) = embedded_pipeline.image_processor.crop_faces(astronaut, [face])
    pipe = pipeline("face-expression", model="mhan", detector="whole_image", device="cpu")

    (row,) = pipe(crop)

    height, width = crop.shape[:2]
    assert row["box"] == {"xmin": 0, "ymin": 0, "xmax": width, "ymax": height}
    assert row["landmarks"] is None
    assert row["score"] == pytest.approx(embedded_pipeline(astronaut)[0]["score"], abs=1e-5)


def test_mirror_images_are_looked_at_too(
    embedded_pipeline: FaceExpressionPipeline, three_faces: NDArray[np.uint8], landscape: NDArray[np.uint8]
) -> None:
    """With ``flip`` each probability is the mean of those of the crop and its mirror image, however faces come."""
    faces = embedded_pipeline.detector.detect([three_faces])[0]
    crops = embedded_pipeline.image_processor.crop_faces(three_faces, faces)
    whole, flipping = (pipeline(detector="whole_image", device="cpu", flip=flip) for flip in (False, True))
    pairs = [
        (dict(whole.analyze(crop).faces[0].scores), dict(whole.analyze(crop[:, ::-1]).faces[0].scores))
        for crop in crops
    ]
    expected = [{label: (own[label] + mirrored[label]) / 2 for label in own} for own, mirrored in pairs]
    assert any(abs(own["happiness"] - mirrored["happiness"]) > 1e-3 for own, mirrored in pairs)

    found = [dict(result.faces[0].scores) for result in flipping.analyze(crops)]
    assert found == [pytest.approx(scores, abs=1e-5) for scores in expected]

    pipe = pipeline(device="cpu", flip=True)
    nobody, several = pipe.analyze([landscape, three_faces])
    assert nobody.faces == ()
    assert [dict(face.scores) for face in several.faces] == [pytest.approx(scores, abs=1e-4) for scores in expected]
    (known,) = pipe.classify_faces([three_faces], [faces])
    assert [dict(face.scores) for face in known] == [pytest.approx(scores, abs=1e-4) for scores in expected]


def test_picture_in_colour_is_made_grey_inside(
    embedded_pipeline: FaceExpressionPipeline, astronaut: NDArray[np.uint8]
) -> None:
    """The weights were trained on grey pictures: colour and grey give nearly the same answer."""
    grey = np.asarray(Image.fromarray(astronaut).convert("L").convert("RGB"))
    face = embedded_pipeline.detector.detect([astronaut])[0]
    colour_crop, grey_crop = (
        embedded_pipeline.image_processor.crop_faces(image, face)[0] for image in (astronaut, grey)
    )

    pixels = embedded_pipeline.image_processor([colour_crop, grey_crop], return_tensors="pt")["pixel_values"]

    assert (pixels[0] - pixels[1]).abs().max() < 4 / 255 / 0.224


def test_round_trip_through_a_folder(
    embedded_pipeline: FaceExpressionPipeline, astronaut: NDArray[np.uint8], tmp_path: Path
) -> None:
    """A saved pipeline holds no code, loads through all doors without ``trust_remote_code``, and answers the same."""
    embedded_pipeline.save_pretrained(tmp_path)

    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ["config.json", "model.safetensors", "preprocessor_config.json"]
    assert "custom_pipelines" not in json.loads((tmp_path / "config.json").read_text())
    expected = embedded_pipeline(astronaut)
    assert_same(transformers.pipeline("face-expression", model=str(tmp_path), device="cpu")(astronaut), expected)
    assert_same(pipeline("face-expression", model=tmp_path, device="cpu")(astronaut), expected)
    by_hand = FaceExpressionPipeline(
        model=AutoModelForImageClassification.from_pretrained(tmp_path),
        image_processor=AutoImageProcessor.from_pretrained(tmp_path),
        device="cpu",
    )
    assert_same(by_hand(astronaut), expected)


def test_saving_over_a_file_is_refused(embedded_pipeline: FaceExpressionPipeline, tmp_path: Path) -> None:
    """A file of that name is kept."""
    path = tmp_path / "notes.txt"
    path.write_text("kept")

    with pytest.raises(InvalidOptionError, match=r"notes\.txt.*expected a folder, this is a file"):
        embedded_pipeline.save_pretrained(path)

    assert path.read_text() == "kept"


def test_transformers_knows_the_task(astronaut: NDArray[np.uint8]) -> None:
    """After importing the package, ``transformers.pipeline`` needs nothing but the task's name."""
    pipe = transformers.pipeline("face-expression", device="cpu")

    assert isinstance(pipe, FaceExpressionPipeline)
    assert pipe(astronaut)[0]["label"] == "happiness"


def test_half_precision_keeps_the_answer(
    embedded_pipeline: FaceExpressionPipeline, astronaut: NDArray[np.uint8], landscape: NDArray[np.uint8]
) -> None:
    """In bfloat16 the smile stays a smile."""
    pipe = pipeline("face-expression", model="mhan", device="cpu", dtype=torch.bfloat16)

    assert pipe.dtype == torch.bfloat16
    faces, nothing = pipe([astronaut, landscape], batch_size=2)
    assert faces[0]["label"] == "happiness"
    assert nothing == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"top_k": 0}, "Invalid value 0 for top_k: expected a whole number of at least 1."),
        ({"batch_size": 0}, "Invalid value 0 for batch_size: expected a whole number of at least 1."),
        ({"threshold": 1.5}, "Invalid value 1.5 for threshold: expected a number from 0 to 1."),
        ({"on_error": "ignore"}, "Invalid value 'ignore' for on_error: expected 'raise' or 'skip'."),
    ],
)
def test_options_out_of_range_are_refused(
    embedded_pipeline: FaceExpressionPipeline, astronaut: NDArray[np.uint8], options: dict[str, Any], message: str
) -> None:
    """A wrong option is refused by its name, in a call and in the constructor."""
    with pytest.raises(InvalidOptionError) as from_call:
        embedded_pipeline(astronaut, **options)
    with pytest.raises(InvalidOptionError) as from_constructor:
        pipeline("face-expression", model="mhan", device="cpu", **options)

    assert str(from_call.value) == str(from_constructor.value) == message


def test_unknown_options_are_refused(embedded_pipeline: FaceExpressionPipeline, astronaut: NDArray[np.uint8]) -> None:
    """A misspelt option is answered with the one that was meant, in a call and in the constructor."""
    message = r"Unknown option 'treshold'\. Did you mean 'threshold'\? Known: allow_private_hosts, ba"
    with pytest.raises(UnknownNameError, match=f"{message}tch_size"):
        embedded_pipeline(astronaut, treshold=0.5)
    with pytest.raises(UnknownNameError, match=f"{message}ckend"):
        pipeline("face-expression", model="mhan", device="cpu", treshold=0.5)
    with pytest.raises(UnknownNameError, match=r"Unknown option 'modle'\. Did you mean 'model'\?"):
        pipeline("face-expression", modle="mhan", device="cpu")


@pytest.mark.parametrize(("option", "value"), [("flip", True), ("device", "cpu"), ("detector", "whole_image")])
def test_options_of_the_pipeline_are_refused_in_a_call(
    embedded_pipeline: FaceExpressionPipeline, astronaut: NDArray[np.uint8], option: str, value: Any
) -> None:
    """The way out is named: they are given when the pipeline is made."""
    message = f"Invalid value {value!r} for {option}: expected none in a call; .* pipeline\\({option}=...\\)"
    with pytest.raises(InvalidOptionError, match=message):
        embedded_pipeline(astronaut, **{option: value})
    with pytest.raises(InvalidOptionError, match=message):
        embedded_pipeline.analyze(astronaut, **{option: value})


def test_every_option_that_is_refused_in_a_call_can_be_given_to_the_pipeline() -> None:
    """The table of options follows the signatures, those of transformers included."""
    taken = {
        name
        for function in (pipeline, FaceExpressionPipeline.__init__, transformers.pipeline)
        for name in inspect.signature(function).parameters
    }

    assert set(OPTIONS_OF_MAKING) <= taken
    assert set(inspect.signature(pipeline).parameters) - {"task", "options"} <= set(OPTIONS_OF_MAKING)
    assert not set(OPTIONS_OF_MAKING) & set(OPTIONS)


def test_urls_of_strangers_lead_to_public_hosts_alone(embedded_pipeline: FaceExpressionPipeline) -> None:
    """What loopback would give is not asked for; in a batch the refusal is a row."""
    url = "http://127.0.0.1:9/a.png"

    (row,) = embedded_pipeline([url], allow_private_hosts=False, on_error="skip")[0]
    with pytest.raises(ImageReadError, match=r"127\.0\.0\.1"):
        embedded_pipeline(url, allow_private_hosts=False)

    assert "public" in row["error"]


def test_unknown_names_are_refused() -> None:
    """Task, model and detector are each answered with what is known."""
    with pytest.raises(UnknownNameError, match=r"Unknown task 'face-expresion'\. Did you mean 'face-expression'"):
        pipeline("face-expresion")
    with pytest.raises(UnknownNameError, match=r"'my_model'\. .* For a model: pipeline\(model='my_model'\)"):
        pipeline("my_model")
    with pytest.raises(UnknownNameError, match=r"Unknown model 'mahn'\. Did you mean 'mhan'"):
        pipeline(model="mahn")
    with pytest.raises(UnknownNameError, match="Unknown detector 'mtcnn'"):
        pipeline(detector="mtcnn", device="cpu")


def test_arguments_of_other_types_are_refused(embedded_pipeline: FaceExpressionPipeline) -> None:
    """A model for the task, a pipeline for the model and a class for the detector are named with what belongs there."""
    with pytest.raises(
        ArgumentTypeError, match=r"'MhanForImageClassification' for task: expected 'face-expression'; .*model="
    ):
        pipeline(embedded_pipeline.model)
    with pytest.raises(ArgumentTypeError, match="'FaceExpressionPipeline' for model: expected a name, a folder"):
        pipeline(model=embedded_pipeline)
    with pytest.raises(ArgumentTypeError, match=r"'type\[BrightDetector\]' for detector: .* BrightDetector\(\)"):
        pipeline(detector=BrightDetector, device="cpu")  # type: ignore[arg-type]


def test_model_in_training_is_left_as_it_is(
    embedded_pipeline: FaceExpressionPipeline, astronaut: NDArray[np.uint8]
) -> None:
    """A pipeline beside a training answers as ever, moves no running statistics, and the training goes on."""
    pipe = copy.deepcopy(embedded_pipeline)
    pipe.model.train()
    before = {name: value.clone() for name, value in pipe.model.state_dict().items()}

    assert_same(pipe(astronaut), embedded_pipeline(astronaut))

    assert all(module.training for module in pipe.model.modules())
    assert all(torch.equal(value, before[name]) for name, value in pipe.model.state_dict().items())


def test_image_processor_that_cannot_cut_faces_out_is_refused(embedded_model: MhanForImageClassification) -> None:
    """It says so when the pipeline is made, not at the first face; and so it does without any."""
    with pytest.raises(InvalidOptionError, match=r"'ViTImageProcessor' for image_processor: .* cuts faces"):
        pipeline(model=embedded_model, image_processor=ViTImageProcessor(), device="cpu")
    with pytest.raises(InvalidOptionError, match="Invalid value None for image_processor: expected that of the model"):
        pipeline(model=embedded_model, device="cpu")


def test_type_that_torch_does_not_have_is_refused() -> None:
    """It is not taken for the default."""
    with pytest.raises(InvalidOptionError, match="'floatx' for dtype: expected 'auto' or a type of torch"):
        pipeline(dtype="floatx", device="cpu")


def test_input_that_is_no_picture_is_named(embedded_pipeline: FaceExpressionPipeline) -> None:
    """A number is neither a picture nor many."""
    with pytest.raises(ImageReadError, match="int"):
        list(embedded_pipeline(3))  # type: ignore[call-overload]
