"""Fixtures of the tests on evaluation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from evaluation_pictures import Pictures, columns_picture, reading_model

from fer_zoo.errors import ImageReadError
from fer_zoo.evaluation import EvaluationReport, evaluate
from fer_zoo.labels import get_label_set
from fer_zoo.models import FerImageProcessor


@pytest.fixture
def processor() -> FerImageProcessor:
    """Return an image processor that leaves a picture of 8 x 8 as it is, in [0, 1]."""
    return FerImageProcessor(size={"height": 8, "width": 8}, do_normalize=False)


@pytest.fixture
def make_report(processor: FerImageProcessor) -> Callable[..., EvaluationReport]:
    """Return a function that evaluates four pictures, of which the last one is answered wrongly."""

    def make(**options: Any) -> EvaluationReport:
        label_set = get_label_set("raf_db")
        images = [columns_picture(*np.eye(7)[label]) for label in (0, 1, 1, 2)]
        return evaluate(
            reading_model(label_set), Pictures(images, [0, 1, 1, 3], label_set), processor=processor, **options
        )

    return make


@pytest.fixture
def broken() -> ImageReadError:
    """Return the error of a picture that cannot be read."""
    return ImageReadError("broken.png", "it is truncated")
