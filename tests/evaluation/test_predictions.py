"""Logits beside labels: reading, batching, flipping, and classes that differ."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from evaluation_pictures import Pictures, columns_picture, reading_model
from PIL import Image

from fer_zoo.errors import ImageReadError, InvalidOptionError, UnknownNameError
from fer_zoo.evaluation import Predictions, predict
from fer_zoo.evaluation.loading import load_classifier
from fer_zoo.labels import Expression, LabelSet, get_label_set
from fer_zoo.models import FerImageProcessor

RAF_DB = get_label_set("raf_db")
IMAGES = [columns_picture(*np.eye(7)[i % 7] * 0.8, size=8) for i in range(10)]
LABELS = [i % 7 for i in range(10)]

EXPECTED = np.eye(7)[LABELS] * 8  # a brightness of 0.8, times ten


def test_model_that_gives_tuples(processor: FerImageProcessor) -> None:
    """``return_dict=False`` in the configuration makes no difference."""
    model, data = reading_model(RAF_DB, return_dict=False), Pictures(IMAGES, LABELS, RAF_DB)

    found = predict(model, data, processor)

    assert isinstance(model(torch.zeros(1, 3, 8, 8)), tuple)
    np.testing.assert_allclose(found.logits, EXPECTED, atol=1e-5)


@pytest.mark.filterwarnings("ignore:This DataLoader will create 2 worker processes:UserWarning")  # on a single core
@pytest.mark.parametrize("options", [{"batch_size": 1}, {"batch_size": 3}, {}, {"batch_size": 4, "num_workers": 2}])
def test_logits_are_in_the_order_of_the_data(processor: FerImageProcessor, options: Any) -> None:
    """Whatever the batches and who reads them, each row is that of its picture, in evaluation mode."""
    model = reading_model(RAF_DB, temperature=5.0)

    found = predict(model, Pictures(IMAGES, LABELS, RAF_DB), processor, **options)

    np.testing.assert_allclose(found.logits, EXPECTED, atol=1e-5)
    assert (found.labels.tolist(), found.indices.tolist()) == (LABELS, list(range(10)))
    assert found.flipped_logits is None
    assert model.training
    assert model.dropout.training


def test_votes_become_the_class_with_most(processor: FerImageProcessor) -> None:
    """Of equals, the first one counts; numbers of any type do."""
    votes = [[0, 3, 7, 0, 0, 0, 0], [0.5, 0, 0, 0.5, 0, 0, 0], np.eye(7)[6], torch.eye(7)[4].tolist()]

    found = predict(reading_model(RAF_DB), Pictures(IMAGES[:4], votes, RAF_DB), processor)

    assert found.labels.tolist() == [2, 0, 6, 4]


def test_flipped_pictures_are_averaged_as_probabilities(processor: FerImageProcessor) -> None:
    """A picture whose first column and last column speak for classes 0 and 2 is half sure of each."""
    pair = LabelSet("three", (Expression.ANGER, Expression.FEAR, Expression.NEUTRAL))
    image = columns_picture(1, 0, 0.5, 0, 0, 0.5, 1, 0)  # mirrored: 0, 1, 0.5

    found = predict(reading_model(pair), Pictures([image], [0], pair), processor, flip=True)

    assert found.flipped_logits is not None
    np.testing.assert_allclose(found.logits, [[10, 0, 5]], atol=0.05)
    np.testing.assert_allclose(found.flipped_logits, [[0, 10, 5]], atol=0.05)
    soft = np.exp([10, 0, 5]) / np.exp([10, 0, 5]).sum()
    np.testing.assert_allclose(
        found.probabilities(), [[(soft[0] + soft[1]) / 2, (soft[0] + soft[1]) / 2, soft[2]]], atol=1e-3
    )
    warm = np.exp([5, 0, 2.5]) / np.exp([5, 0, 2.5]).sum()
    np.testing.assert_allclose(found.probabilities(2.0)[0, 2], warm[2], atol=2e-3)


def test_unreadable_pictures_are_named_or_end_it(processor: FerImageProcessor, broken: ImageReadError) -> None:
    """By default the error comes through as it is, also out of a worker; else the rest is evaluated."""
    data = Pictures([IMAGES[0], broken, IMAGES[2]], LABELS[:3], RAF_DB)
    model = reading_model(RAF_DB)

    for num_workers in (0, 1):
        with pytest.raises(ImageReadError, match="it is truncated"):
            predict(model, data, processor, num_workers=num_workers)
    found = predict(model, data, processor, unreadable="skip", batch_size=1)

    assert (found.labels.tolist(), found.indices.tolist()) == ([0, 2], [0, 2])
    assert found.unreadable == ("Cannot read image 'broken.png': it is truncated.",)
    assert model.training


def test_nothing_readable_gives_no_rows(processor: FerImageProcessor, broken: ImageReadError) -> None:
    """The arrays keep their shapes."""
    found = predict(reading_model(RAF_DB), Pictures([broken], [0], RAF_DB), processor, unreadable="skip")

    assert (found.logits.shape, found.labels.shape) == ((0, 7), (0,))


@pytest.mark.parametrize("label", [7, -1, 1.5, [1, 2, 3], [0] * 7, "anger"])
def test_labels_outside_the_set_are_refused(processor: FerImageProcessor, label: Any) -> None:
    """The picture is named, and what is accepted."""
    data = Pictures(IMAGES[:2], [0, label], RAF_DB)

    with pytest.raises(InvalidOptionError, match=r"the label of picture 1 of drawn \(test\).*from 0 to 6, or 7 votes"):
        predict(reading_model(RAF_DB), data, processor)


def test_pictures_without_a_label_are_refused(processor: FerImageProcessor) -> None:
    """What cannot be judged is no result."""
    with pytest.raises(InvalidOptionError, match="a data set with labels: picture 1 has none"):
        predict(reading_model(RAF_DB), Pictures(IMAGES[:2], [0, None], RAF_DB), processor)


@pytest.mark.parametrize("label", [None, 7])
def test_error_of_a_label_comes_out_of_a_worker_as_it_is(processor: FerImageProcessor, label: int | None) -> None:
    """It is the one of this process, and is not skipped with pictures that cannot be read."""
    data = Pictures(IMAGES[:2], [0, label], RAF_DB)

    with pytest.raises(InvalidOptionError, match="picture 1"):
        predict(reading_model(RAF_DB), data, processor, num_workers=1, unreadable="skip")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"batch_size": 0}, "batch_size: expected a whole number of at least 1"),
        ({"num_workers": -1}, "num_workers: expected a whole number of at least 0"),
        ({"unreadable": "ignore"}, "unreadable: expected 'raise' or 'skip'"),
    ],
)
def test_wrong_options_are_refused(processor: FerImageProcessor, options: Any, message: str) -> None:
    """The option is named with its range."""
    with pytest.raises(InvalidOptionError, match=message):
        predict(reading_model(RAF_DB), Pictures(IMAGES, LABELS, RAF_DB), processor, **options)


def test_what_is_no_data_set_is_refused(processor: FerImageProcessor) -> None:
    """A list of pictures has no label set; the error says what is expected."""
    not_a_dataset: Any = IMAGES

    with pytest.raises(InvalidOptionError, match="'list' for dataset: expected a data set with len"):
        predict(reading_model(RAF_DB), not_a_dataset, processor)


class TestBetween:
    """Model and data with other classes."""

    MODEL = LabelSet("model", (Expression.ANGER, Expression.FEAR, Expression.SADNESS))
    DATA = LabelSet("data", (Expression.CONTEMPT, Expression.SADNESS, Expression.ANGER))

    def predictions(self) -> Predictions:
        """Return three answers of the model with labels of the data: contempt, sadness, anger."""
        return Predictions(
            logits=np.array([[1.0, 2.0, 3.0], [4.0, 9.0, 5.0], [6.0, 0.0, 4.0]]),
            labels=np.array([0, 1, 2]),
            classes=self.DATA.classes,
            indices=np.array([4, 5, 6]),
            missed_labels=np.array([0, 0, 2]),
        )

    def test_common_classes_are_left_in_the_order_of_the_data(self) -> None:
        """Contempt is dropped and counted, found or missed; fear is no answer any more."""
        found = self.predictions().between(self.MODEL, self.DATA)

        assert found.classes == (Expression.SADNESS, Expression.ANGER)
        np.testing.assert_array_equal(found.logits, [[5, 4], [4, 6]])
        assert (found.labels.tolist(), found.indices.tolist()) == ([0, 1], [5, 6])
        assert found.missed_labels.tolist() == [1]
        assert found.dropped == {"contempt": 3}

    def test_probabilities_are_those_of_the_model_renormalised(self) -> None:
        """Leaving logits out before the softmax divides the probabilities by the sum of the common ones."""
        plain = self.predictions().probabilities()[1]

        found = self.predictions().between(self.MODEL, self.DATA).probabilities()[0]

        np.testing.assert_allclose(found, [plain[2] / (plain[0] + plain[2]), plain[0] / (plain[0] + plain[2])])

    def test_equal_classes_in_another_order_are_only_sorted(self) -> None:
        """Nothing is dropped, and each label still means its expression."""
        turned = LabelSet("turned", tuple(reversed(self.MODEL.classes)))
        predictions = Predictions(np.array([[1.0, 2.0, 3.0]]), np.array([2]), turned.classes, np.array([0]))

        found = predictions.between(self.MODEL, turned)

        np.testing.assert_array_equal(found.logits, [[3, 2, 1]])
        assert (found.labels.tolist(), found.dropped) == ([2], {})

    def test_fewer_than_two_common_classes_are_refused(self) -> None:
        """One class is no question; both sets are named."""
        other = LabelSet("other", (Expression.CONTEMPT, Expression.ANGER))

        with pytest.raises(InvalidOptionError, match="at least two expressions of the model "):
            self.predictions().between(self.MODEL, other)


class TestLoading:
    """From a name to a classifier."""

    def test_a_published_name_brings_its_processor(self) -> None:
        """The embedded model comes with its grey image processor and its label set."""
        classifier = load_classifier("fer_zoo/mhan", device="cpu")

        assert classifier.name == "fer_zoo/mhan"
        assert classifier.processor.color_mode == "grey"
        assert classifier.label_set.classes == get_label_set("fer_plus").classes

    def test_a_model_needs_its_processor(self) -> None:
        """A model does not know how its pictures were prepared."""
        with pytest.raises(InvalidOptionError, match="the image processor of the model"):
            load_classifier(reading_model(RAF_DB))

    def test_labels_that_are_no_expressions_are_refused(self, processor: FerImageProcessor) -> None:
        """The default labels of transformers say nothing about expressions."""
        model = reading_model(RAF_DB)
        model.config.id2label = {0: "LABEL_0", 1: "LABEL_1"}

        with pytest.raises(UnknownNameError, match="Unknown expression 'LABEL_0'"):
            _ = load_classifier(model, processor).label_set

    def test_unknown_names_are_refused(self) -> None:
        """The names that are known are listed."""
        with pytest.raises(UnknownNameError, match="Did you mean 'mhan'"):
            load_classifier("mahn")


def test_pictures_may_have_any_mode_of_pillow(processor: FerImageProcessor) -> None:
    """A data set of one's own may forget to convert; grey pictures are read as RGB."""

    class Grey(Pictures):
        def __getitem__(self, index: int) -> dict[str, Any]:
            """Return a picture in mode L."""
            item = super().__getitem__(index)
            picture: Image.Image = item["image"]
            return {**item, "image": picture.convert("L")}

    found = predict(reading_model(RAF_DB), Grey(IMAGES, LABELS, RAF_DB), processor)

    np.testing.assert_allclose(found.logits, EXPECTED, atol=1e-5)
