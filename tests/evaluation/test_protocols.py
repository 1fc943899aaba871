"""Whole evaluations: aligned crops, the detector in the loop, other classes, abstention and calibration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from evaluation_pictures import Pictures, columns_picture, reading_model
from numpy.typing import NDArray

from fer_zoo import FaceExpressionPipeline
from fer_zoo.errors import ImageReadError, InvalidOptionError, UnknownNameError
from fer_zoo.evaluation import EvaluationReport, evaluate
from fer_zoo.evaluation.detected import choose_face
from fer_zoo.labels import Expression, LabelSet, get_label_set
from fer_zoo.models import FerImageProcessor, MhanForImageClassification
from fer_zoo.results import Box, Face, FaceExpression, ImageResult

RAF_DB, FER_PLUS = get_label_set("raf_db"), get_label_set("fer_plus")


class ListedFaces:
    """A detector that knows the faces of each picture by its brightest value."""

    gives_crops = False

    def __init__(self, faces: dict[int, tuple[Face, ...]]) -> None:
        self.faces = faces

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[tuple[Face, ...]]:
        """Return the faces that were listed."""
        return [self.faces[int(image.max())] for image in images]


class TestAlignedCrops:
    """Every picture is a face."""

    def test_report_says_what_was_measured(self, make_report: Callable[..., EvaluationReport]) -> None:
        """Three of four are right; names, classes, counts and conditions are there."""
        report = make_report(selection="four drawn ones", command="fer-zoo evaluate")

        assert (report.model, report.dataset, report.split) == ("ReadingModel", "drawn", "test")
        assert (report.selection, report.environment.command) == ("four drawn ones", "fer-zoo evaluate")
        assert (report.detector, report.missed_as_wrong, report.temperature, report.flip) == (None, None, 1.0, False)
        assert report.classes == tuple(map(str, RAF_DB))
        assert (report.metrics.accuracy.hits, report.metrics.accuracy.total) == (3, 4)
        assert report.metrics.balanced_accuracy == pytest.approx((1 + 1 + 0) / 3)
        assert report.counts.pictures == report.counts.evaluated == 4
        assert report.environment.hardware
        assert {"python", "torch", "transformers"} <= report.environment.versions.keys()

    def test_votes_are_judged_by_their_majority(self, processor: FerImageProcessor) -> None:
        """Votes give the report of their labels."""
        images = [columns_picture(*np.eye(7)[i]) for i in (0, 1, 2)]
        votes = [[5.0 if k == label else 1.0 for k in range(7)] for label in (0, 1, 3)]

        report = evaluate(reading_model(RAF_DB), Pictures(images, votes, RAF_DB), processor=processor)

        assert report.metrics.accuracy.hits == 2

    def test_temperature_changes_confidence_and_no_answer(self, processor: FerImageProcessor) -> None:
        """At temperature 5 a margin of 10 is one of 2, unless calibration is switched off."""
        data = Pictures([columns_picture(1), columns_picture(0, 1)], [0, 0], RAF_DB)
        model = reading_model(RAF_DB, temperature=5.0)

        warm = evaluate(model, data, processor=processor, min_confidence=0.6)
        cold = evaluate(model, data, processor=processor, min_confidence=0.6, calibrated=False)

        assert (warm.temperature, cold.temperature) == (5.0, 1.0)
        assert warm.metrics.confusion_matrix == cold.metrics.confusion_matrix
        assert warm.metrics.ece == pytest.approx(np.exp(2) / (np.exp(2) + 6) - 0.5, abs=1e-4)
        assert (warm.metrics.abstention.answered, cold.metrics.abstention.answered) == (0, 2)

    def test_flip_reaches_the_model(self, make_report: Callable[..., EvaluationReport]) -> None:
        """The mirrored pictures of the drawn ones speak for other classes, so confidence falls."""
        plain, mirrored = make_report(), make_report(flip=True)

        assert mirrored.flip
        assert mirrored.metrics.nll > plain.metrics.nll

    def test_other_classes_are_mapped_by_expression(self, processor: FerImageProcessor) -> None:
        """A model of eight classes on the data of seven: each expression is compared with itself."""
        images = [columns_picture(*np.eye(8)[FER_PLUS.index(e)]) for e in RAF_DB]

        report = evaluate(reading_model(FER_PLUS), Pictures(images, range(7), RAF_DB), processor=processor)

        assert report.metrics.accuracy.value == 1.0
        assert report.ignored_classes == ("contempt",)
        assert report.counts.dropped == {}
        assert report.classes == tuple(map(str, RAF_DB))

    def test_pictures_of_classes_that_the_model_lacks_are_dropped(self, processor: FerImageProcessor) -> None:
        """A model of seven classes cannot be asked about contempt; the pictures are counted."""
        images = [columns_picture(*np.eye(7)[RAF_DB.index(e)] if e in RAF_DB else (0,)) for e in FER_PLUS]

        report = evaluate(
            reading_model(RAF_DB), Pictures([*images, images[-1]], [*range(8), 7], FER_PLUS), processor=processor
        )

        assert report.counts.dropped == {"contempt": 2}
        assert (report.counts.pictures, report.counts.evaluated) == (9, 7)
        assert report.metrics.accuracy.value == 1.0
        assert report.classes == tuple(map(str, FER_PLUS))[:7]

    def test_unreadable_pictures_are_counted(self, processor: FerImageProcessor, broken: ImageReadError) -> None:
        """They are in the number of pictures and not among the evaluated."""
        data = Pictures([columns_picture(1), broken, columns_picture(0, 1)], [0, 1, 1], RAF_DB)

        report = evaluate(reading_model(RAF_DB), data, processor=processor, unreadable="skip")

        assert (report.counts.pictures, report.counts.evaluated, report.counts.unreadable) == (3, 2, 1)

    def test_nothing_to_measure_is_refused(self, processor: FerImageProcessor, broken: ImageReadError) -> None:
        """An empty data set has no accuracy, and neither has one that cannot be read."""
        for images in ([], [broken]):
            with pytest.raises(InvalidOptionError, match="the number of pictures to evaluate: expected at least 1"):
                evaluate(
                    reading_model(RAF_DB),
                    Pictures(images, [0] * len(images), RAF_DB),
                    processor=processor,
                    unreadable="skip",
                )

    def test_pipeline_on_crops_gives_the_same(self, embedded_pipeline: FaceExpressionPipeline) -> None:
        """The embedded model says of crops what the pipeline says with the detector ``whole_image``."""
        random = np.random.default_rng(0)
        images = [random.integers(0, 256, (48, 48, 3), np.uint8) for _ in range(6)]
        data = Pictures(images, [0, 1, 2, 3, 4, 5], FER_PLUS)

        crops = evaluate("mhan", data, device="cpu", batch_size=4)
        piped = evaluate("mhan", data, device="cpu", detector="whole_image", batch_size=4)

        assert crops.metrics.confusion_matrix == piped.metrics.confusion_matrix
        assert crops.metrics.nll == pytest.approx(piped.metrics.nll, rel=1e-4)
        assert crops.metrics.ece == pytest.approx(piped.metrics.ece, abs=1e-5)


class TestDetector:
    """Whole pictures."""

    def test_missed_faces_count_in_figures_of_their_own(
        self,
        embedded_model: MhanForImageClassification,
        embedded_pipeline: FaceExpressionPipeline,
        astronaut: NDArray[np.uint8],
        landscape: NDArray[np.uint8],
    ) -> None:
        """A smile is found and right; two landscapes have no face and are wrong as soon as they count."""
        data = Pictures([landscape, astronaut, landscape], [1, 1, 3], FER_PLUS)

        report = evaluate(
            embedded_model, data, processor=embedded_pipeline.image_processor, detector="center_face", batch_size=2
        )

        assert report.detector == "center_face"
        assert (report.counts.evaluated, report.counts.missed) == (1, 2)
        assert report.metrics.accuracy.value == 1.0
        assert report.missed_as_wrong is not None
        assert (report.missed_as_wrong.accuracy.hits, report.missed_as_wrong.accuracy.total) == (1, 3)
        assert report.missed_as_wrong.balanced_accuracy == pytest.approx((1 / 2 + 0) / 2)

    def test_temperature_is_applied_once(self, processor: FerImageProcessor) -> None:
        """The pipeline gives plain probabilities, and the report those at the temperature."""
        box = Face(Box(0, 0, 8, 8), 0.9)
        processor.crop_template = {**processor.crop_template, "box_margin": 0.0}
        data = Pictures([columns_picture(1), columns_picture(0, 1)], [0, 1], RAF_DB)
        model = reading_model(RAF_DB, temperature=5.0)

        report = evaluate(model, data, processor=processor, detector=ListedFaces({255: (box,)}))

        assert report.detector == "ListedFaces"
        assert report.metrics.nll == pytest.approx(-np.log(np.exp(2) / (np.exp(2) + 6)), abs=0.01)
        assert model.training

    def test_unreadable_pictures_are_counted_or_end_it(
        self, processor: FerImageProcessor, broken: ImageReadError
    ) -> None:
        """As for crops."""
        detector = ListedFaces({255: (Face(Box(0, 0, 8, 8), 0.9),)})
        data = Pictures([columns_picture(1), broken], [0, 0], RAF_DB)
        model = reading_model(RAF_DB)

        report = evaluate(model, data, processor=processor, detector=detector, unreadable="skip")

        assert (report.counts.evaluated, report.counts.unreadable) == (1, 1)
        with pytest.raises(ImageReadError, match="it is truncated"):
            evaluate(model, data, processor=processor, detector=detector)

    def test_no_face_at_all_is_refused(self, processor: FerImageProcessor) -> None:
        """There is nothing to measure, and the reason is the detector."""
        data = Pictures([columns_picture(1)] * 2, [0, 0], RAF_DB)

        with pytest.raises(InvalidOptionError, match="finds a face in at least one of the 2 pictures"):
            evaluate(reading_model(RAF_DB), data, processor=processor, detector=ListedFaces({255: ()}))

    @pytest.mark.parametrize(("option", "value"), [("flip", True), ("num_workers", 2)])
    def test_options_of_crops_are_refused(self, processor: FerImageProcessor, option: str, value: Any) -> None:
        """What would be ignored is an error."""
        options: dict[str, Any] = {option: value}

        with pytest.raises(InvalidOptionError, match=f"{option}: expected .* with a detector"):
            evaluate(
                reading_model(RAF_DB),
                Pictures([columns_picture(1)], [0], RAF_DB),
                processor=processor,
                detector="center_face",
                **options,
            )

    def test_unknown_detectors_are_refused(self, processor: FerImageProcessor) -> None:
        """The names that are known are listed."""
        with pytest.raises(UnknownNameError, match="Unknown detector 'mtcnn'"):
            evaluate(
                reading_model(RAF_DB),
                Pictures([columns_picture(1)], [0], RAF_DB),
                processor=processor,
                detector="mtcnn",
            )

    def test_the_largest_face_counts(self) -> None:
        """Of equal ones the most central; of none, none."""
        small, corner, centre = (
            FaceExpression(Face(box, 0.9), (("anger", 1.0),))
            for box in (Box(45, 45, 55, 55), Box(0, 0, 20, 20), Box(30, 40, 50, 60))
        )

        assert choose_face(ImageResult("a", 100, 100, (small, corner))) is corner
        assert choose_face(ImageResult("a", 100, 100, (corner, centre, small))) is centre
        assert choose_face(ImageResult("a", 100, 100)) is None


def test_too_few_common_classes_are_refused(processor: FerImageProcessor) -> None:
    """A data set that shares one expression with the model cannot be asked."""
    other = LabelSet("other", (Expression.CONTEMPT, Expression.ANGER))

    with pytest.raises(InvalidOptionError, match="at least two expressions of the model"):
        evaluate(reading_model(RAF_DB), Pictures([columns_picture(1)], [1], other), processor=processor)
