"""From a face to its explanation, and back into the picture."""

from __future__ import annotations

import dataclasses
import math
import tracemalloc

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from fer_zoo import Box, Face, FaceExpressionPipeline, FerImageProcessor, HanPffConfig, HanPffForImageClassification
from fer_zoo.errors import ArgumentTypeError, InvalidOptionError, UnknownNameError
from fer_zoo.explain import Explanation, Method, attention_maps, explain_face, grad_cam, overlay
from fer_zoo.explain.overlay import VIRIDIS, color_heat
from fer_zoo.imaging import crop_transform
from fer_zoo.labels import get_label_set
from fer_zoo.results import Landmarks

Array = NDArray[np.uint8]


@pytest.fixture(scope="module")
def smile(embedded_pipeline: FaceExpressionPipeline, astronaut: Array) -> Face:
    """Return the face in the portrait."""
    (face,) = embedded_pipeline.detector.detect([astronaut])[0]
    return face


def pixel_values(pipe: FaceExpressionPipeline, crop: Array) -> torch.Tensor:
    """Return ``(1, 3, S, S)``, S being the size of the model's crops."""
    features = pipe.image_processor([crop], return_tensors="pt", input_data_format="channels_last")
    values: torch.Tensor = features["pixel_values"]
    return values


def rotated(degrees: float) -> Landmarks:
    """Return five points of a face around (100, 80), turned clockwise as seen."""
    turn = complex(math.cos(math.radians(degrees)), math.sin(math.radians(degrees)))
    upright = (complex(-16, -16), complex(16, -16), complex(0, 2), complex(-13, 20), complex(13, 20))
    points = [complex(100, 80) + turn * point for point in upright]
    first, second, third, fourth, fifth = ((point.real, point.imag) for point in points)
    return first, second, third, fourth, fifth


class TestExplainFace:
    """One face, explained."""

    def test_grad_cam_explains_the_predicted_expression(
        self, embedded_pipeline: FaceExpressionPipeline, astronaut: Array, smile: Face
    ) -> None:
        """The heat is that of the crop which the pipeline classifies, and its expression is the predicted one."""
        processor = embedded_pipeline.image_processor

        explanation = explain_face(embedded_pipeline.model, processor, astronaut, smile)

        (crop,) = processor.crop_faces(astronaut, [smile])
        expected = grad_cam(embedded_pipeline.model, pixel_values(embedded_pipeline, crop), "happiness")[0]
        np.testing.assert_array_equal(explanation.heat, expected)
        assert (explanation.face, explanation.method, explanation.target) == (smile, "grad_cam", "happiness")
        transform = crop_transform(smile, processor.template, processor.size["height"])
        np.testing.assert_array_equal(explanation.transform, transform)

    def test_any_picture_that_can_be_read(
        self, embedded_pipeline: FaceExpressionPipeline, astronaut: Array, smile: Face
    ) -> None:
        """A picture of Pillow and an array of numbers in [0, 1] are explained, and drawn into, as one of bytes is."""
        model, processor = embedded_pipeline.model, embedded_pipeline.image_processor
        expected = explain_face(model, processor, astronaut, smile)

        for image in (Image.fromarray(astronaut), astronaut / 255.0):
            explanation = explain_face(model, processor, image, smile)
            np.testing.assert_array_equal(explanation.heat, expected.heat)
            np.testing.assert_array_equal(overlay(image, [explanation]), overlay(astronaut, [expected]))

    def test_target_chooses_the_expression(
        self, embedded_pipeline: FaceExpressionPipeline, astronaut: Array, smile: Face
    ) -> None:
        """What speaks for sadness lies elsewhere."""
        model, processor = embedded_pipeline.model, embedded_pipeline.image_processor

        happy = explain_face(model, processor, astronaut, smile)
        sad = explain_face(model, processor, astronaut, smile, target="sadness")

        assert sad.target == "sadness"
        assert np.abs(happy.heat - sad.heat).max() > 0.1

    def test_attention_is_the_stretched_mean_of_the_maps(
        self, embedded_pipeline: FaceExpressionPipeline, astronaut: Array, smile: Face
    ) -> None:
        """It spans [0, 1], has no expression, and its strongest place is that of the mean map."""
        model, processor = embedded_pipeline.model, embedded_pipeline.image_processor
        size = model.config.image_size

        explanation = explain_face(model, processor, astronaut, smile, method="attention")

        (crop,) = processor.crop_faces(astronaut, [smile])
        mean = attention_maps(model, pixel_values(embedded_pipeline, crop))[0].mean(axis=0)
        row, column = divmod(int(explanation.heat.argmax()), size)
        assert (explanation.method, explanation.target, explanation.heat.shape) == ("attention", None, (size, size))
        assert (explanation.heat.min(), explanation.heat.max()) == (0, 1)
        assert (row // 16, column // 16) == divmod(int(mean.argmax()), size // 16)

    def test_picture_that_is_the_crop_is_not_cropped_again(
        self, embedded_pipeline: FaceExpressionPipeline, astronaut: Array
    ) -> None:
        """The whole picture is resized as the pipeline does it for ``whole_image``, sides of their own scales."""
        crop = np.ascontiguousarray(astronaut[50:190, 160:290])
        size = embedded_pipeline.model.config.image_size
        face = Face(Box(0, 0, 130, 140), 1.0)

        explanation = explain_face(embedded_pipeline.model, embedded_pipeline.image_processor, crop, face, is_crop=True)

        expected = grad_cam(embedded_pipeline.model, pixel_values(embedded_pipeline, crop))[0]
        np.testing.assert_array_equal(explanation.heat, expected)
        np.testing.assert_allclose(explanation.transform, [[size / 130, 0, 0], [0, size / 140, 0]])
        assert (overlay(crop, [explanation]) != crop).any(axis=2).mean() > 0.95

    def test_crop_may_be_a_view(self, embedded_pipeline: FaceExpressionPipeline, astronaut: Array) -> None:
        """With red and blue exchanged by a negative stride, as OpenCV's pictures are turned to RGB."""
        model, processor = embedded_pipeline.model, embedded_pipeline.image_processor
        view = np.ascontiguousarray(astronaut[50:190, 160:290, ::-1])[..., ::-1]
        face = Face(Box(0, 0, 130, 140), 1.0)

        explanation = explain_face(model, processor, view, face, is_crop=True)

        expected = explain_face(model, processor, view.copy(), face, is_crop=True)
        np.testing.assert_array_equal(explanation.heat, expected.heat)

    @pytest.mark.parametrize("method", ["grad_cam", "attention"])
    def test_han_pff(self, method: Method, astronaut: Array, smile: Face) -> None:
        """The other model is explained with the same call; here with random weights."""
        torch.manual_seed(0)
        labels = get_label_set("raf_db")
        config = HanPffConfig(
            hidden_sizes=[8, 16, 32, 64], vector_size=32, id2label=labels.id2label, label2id=labels.label2id
        )
        model = HanPffForImageClassification(config)
        model.eval()
        processor = FerImageProcessor(size={"height": 224, "width": 224})

        explanation = explain_face(model, processor, astronaut, smile, method=method)

        assert explanation.heat.shape == (224, 224)
        assert 0 <= explanation.heat.min() <= explanation.heat.max() == 1
        assert not model.training
        assert all(parameter.grad is None for parameter in model.parameters())

    def test_explanations_are_frozen(self) -> None:
        """A later stage cannot fill in another target."""
        explanation = Explanation(Face(Box(0, 0, 1, 1), 1.0), "attention", None, np.ones((2, 2), np.float32), np.eye(3))

        with pytest.raises(dataclasses.FrozenInstanceError):
            explanation.target = "fear"  # type: ignore[misc]

    def test_wrong_options_are_named(
        self, embedded_pipeline: FaceExpressionPipeline, astronaut: Array, smile: Face
    ) -> None:
        """Unknown methods and expressions, and an expression for attention, which has none."""
        model, processor = embedded_pipeline.model, embedded_pipeline.image_processor

        with pytest.raises(UnknownNameError, match=r"Unknown method 'gradcam'. Did you mean 'grad_cam'\?"):
            explain_face(model, processor, astronaut, smile, method="gradcam")  # type: ignore[arg-type]
        with pytest.raises(UnknownNameError, match=r"Unknown expression 'sad'. .* Known: anger, contempt"):
            explain_face(model, processor, astronaut, smile, target="sad")
        with pytest.raises(InvalidOptionError, match="'fear' for target: expected none with 'attention'"):
            explain_face(model, processor, astronaut, smile, method="attention", target="fear")


def test_face_with_its_expression_is_refused(embedded_pipeline: FaceExpressionPipeline, astronaut: Array) -> None:
    """What ``analyze`` gives has the face inside; a pipeline has the model inside; both are named."""
    pipe = embedded_pipeline
    (face,) = pipe.analyze(astronaut).faces

    with pytest.raises(
        ArgumentTypeError, match=r"'FaceExpression' for face: expected a Face, .* result\.faces\[0\]\.face"
    ):
        explain_face(pipe.model, pipe.image_processor, astronaut, face)  # type: ignore[arg-type]
    with pytest.raises(ArgumentTypeError, match=r"'FaceExpressionPipeline' for model: expected .* pipe\.model"):
        explain_face(pipe, pipe.image_processor, astronaut, face.face)


class TestOverlay:
    """Heat drawn back into the picture."""

    grey = np.full((160, 200, 3), 100, np.uint8)

    @staticmethod
    def peak(face: Face, template_size: int = 112) -> Explanation:
        """Return an explanation that is hot at the nose of the ArcFace template only."""
        processor = FerImageProcessor()
        heat = np.zeros((template_size, template_size), np.float32)
        x, y = (round(fraction * template_size) for fraction in processor.template.landmarks[2])
        heat[y - 2 : y + 2, x - 2 : x + 2] = 1
        return Explanation(face, "grad_cam", "fear", heat, crop_transform(face, processor.template, template_size))

    @pytest.mark.parametrize("degrees", [0, 30, -75, 180])
    def test_heat_lands_on_the_nose_of_a_turned_face(self, degrees: float) -> None:
        """The hottest place of the crop is drawn where the face has its nose, however the face is turned."""
        landmarks = rotated(degrees)
        face = Face(Box(60, 40, 140, 120), 1.0, landmarks)

        drawn = overlay(self.grey, [self.peak(face)], alpha=1.0)

        rows, columns = np.nonzero(drawn[..., 0] > 150)  # only the yellow end of the colours has as much red
        assert math.dist((columns.mean() + 0.5, rows.mean() + 0.5), landmarks[2]) < 1.5

    @pytest.mark.parametrize("degrees", [0, 30, -75])
    def test_picture_outside_the_crop_is_unchanged(self, degrees: float) -> None:
        """Exactly the pixels whose centre lies in the crop are drawn on."""
        face = Face(Box(60, 40, 140, 120), 1.0, rotated(degrees))
        explanation = self.peak(face)
        y, x = np.mgrid[:160, :200] + 0.5
        u, v = np.tensordot(explanation.transform, np.stack([x, y, np.ones_like(x)]), axes=1)
        inside = (u >= 0) & (u < 112) & (v >= 0) & (v < 112)

        drawn = overlay(self.grey, [explanation])

        assert 0.1 < inside.mean() < 0.9
        assert np.array_equal((drawn != self.grey).any(axis=2), inside)
        assert (self.grey == 100).all()  # the original is not drawn on

    def test_crops_may_reach_out_of_the_picture(self) -> None:
        """What lies outside is left out, all of it if the whole crop does."""
        whole = FerImageProcessor().template
        explanations = [
            Explanation(face, "grad_cam", "fear", np.ones((8, 8), np.float32), crop_transform(face, whole, 8))
            for face in (Face(Box(-50, -50, 50, 50), 1.0), Face(Box(900, 900, 999, 999), 1.0))
        ]

        drawn = overlay(self.grey, explanations, alpha=1.0)

        assert (drawn[:50, :50] == (253, 231, 37)).all()
        assert (drawn[50:] == 100).all()
        assert (drawn[:, 50:] == 100).all()

    def test_higher_heat_wins_where_crops_overlap(self) -> None:
        """The order of the faces does not matter."""
        template = FerImageProcessor().template
        cold, hot = (
            Explanation(face, "grad_cam", "fear", np.full((8, 8), value, np.float32), crop_transform(face, template, 8))
            for face, value in ((Face(Box(0, 0, 80, 80), 1.0), 0.0), (Face(Box(40, 0, 120, 80), 1.0), 1.0))
        )

        drawn = overlay(self.grey, [cold, hot], alpha=1.0)

        assert np.array_equal(drawn, overlay(self.grey, [hot, cold], alpha=1.0))
        assert (drawn[:80, :40] == (68, 1, 84)).all()
        assert (drawn[:80, 40:120] == (253, 231, 37)).all()

    def test_alpha_mixes_colours_and_picture(self) -> None:
        """A quarter of (253, 231, 37) and three quarters of 100."""
        explanation = Explanation(
            Face(Box(0, 0, 8, 8), 1.0), "attention", None, np.ones((8, 8), np.float32), np.eye(3)[:2]
        )

        assert overlay(self.grey, [explanation], alpha=0.25)[0, 0].tolist() == [138, 133, 84]
        assert np.array_equal(overlay(self.grey, [explanation], alpha=0.0), self.grey)

    def test_a_face_as_large_as_the_picture_takes_little_memory(self) -> None:
        """Some bytes for each pixel, where the colours of all of them as numbers would take 70."""
        picture = np.full((2000, 2000, 3), 100, np.uint8)
        heat = np.ones((8, 8), np.float32)
        explanation = Explanation(Face(Box(0, 0, 2000, 2000), 1.0), "attention", None, heat, np.eye(3)[:2] / 250)

        tracemalloc.start()
        drawn = overlay(picture, [explanation], alpha=1.0)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

        assert (drawn == VIRIDIS[-1]).all()
        assert peak < 20 * 2000 * 2000

    @pytest.mark.parametrize("alpha", [-0.1, 1.5, math.nan])
    def test_alpha_out_of_its_range_is_refused(self, alpha: float) -> None:
        """Also one that is no number."""
        with pytest.raises(InvalidOptionError, match="for alpha: expected a number from 0 to 1"):
            overlay(self.grey, [], alpha=alpha)

    def test_no_face_gives_an_equal_picture(self) -> None:
        """It is a copy, so that drawing on it leaves the original alone."""
        drawn = overlay(self.grey, [])

        assert np.array_equal(drawn, self.grey)
        assert drawn is not self.grey

    def test_colours_get_lighter_with_heat(self) -> None:
        """Brightness (ITU-R BT.601) rises all the way, so the map also reads in grey."""
        brightness = color_heat(np.linspace(0, 1, 256, dtype=np.float32)) @ np.array([0.299, 0.587, 0.114])

        assert (np.diff(brightness) > 0).all()
        assert np.array_equal(color_heat(np.array([0.0, 1.0], np.float32)), VIRIDIS[[0, -1]])
