"""The expressions, and the order in which each data set numbers them.

The same seven or eight expressions are class 0 to 7 in a different order in every data set. A bare list of strings,
or a bare class index, therefore means nothing on its own: a ``LabelSet`` says which expression an index stands for,
and ``LabelSet.mapping_to`` carries indices from one data set to another.

``LABEL_SETS`` is the one table of orders, with the source of each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from fer_zoo.errors import InvalidOptionError, LabelMappingError, UnknownNameError


class Expression(StrEnum):
    """A facial expression: the six basic ones of Ekman, neutral, and contempt."""

    NEUTRAL = "neutral"
    HAPPINESS = "happiness"
    SURPRISE = "surprise"
    SADNESS = "sadness"
    ANGER = "anger"
    DISGUST = "disgust"
    FEAR = "fear"
    CONTEMPT = "contempt"


@dataclass(frozen=True, slots=True)
class LabelSet:
    """The classes of a data set or a model, in the order of their indices.

    Attributes:
        name: the name under which messages mention the set, for example ``raf_db``.
        classes: the expression of every class; the position is the class index, from 0.

    Raises:
        InvalidOptionError: the name or the classes are empty, a class appears twice or is not an ``Expression``.
    """

    name: str
    classes: tuple[Expression, ...]

    def __post_init__(self) -> None:
        """Refuse a set that could not number a class."""
        object.__setattr__(
            self, "classes", tuple(self.classes)
        )  # a list would leave the frozen set changeable and without a hash
        if not self.name:
            raise InvalidOptionError("name", self.name, "a name that is not empty")
        if not self.classes:
            raise InvalidOptionError("classes", self.classes, "at least one expression")
        if not all(isinstance(expression, Expression) for expression in self.classes):
            raise InvalidOptionError(
                "classes", self.classes, "members of Expression (parse_expression turns text into one)"
            )
        if len(set(self.classes)) != len(self.classes):
            raise InvalidOptionError("classes", ", ".join(self.classes), "every expression at most once")

    @property
    def num_labels(self) -> int:
        """Number of classes."""
        return len(self.classes)

    @property
    def id2label(self) -> dict[int, str]:
        """Name of every class index, as a model configuration stores it; a new dictionary at each call."""
        return {index: expression.value for index, expression in enumerate(self.classes)}

    @property
    def label2id(self) -> dict[str, int]:
        """Class index of every name, the inverse of ``id2label``; a new dictionary at each call."""
        return {expression.value: index for index, expression in enumerate(self.classes)}

    def index(self, expression: Expression) -> int:
        """Return the class index of an expression.

        Raises:
            LabelMappingError: the set has no such class.
        """
        if expression not in self.classes:
            raise LabelMappingError(expression, self.name, self.classes)
        return self.classes.index(expression)

    def mapping_to(self, target: LabelSet) -> LabelMapping:
        """Return how the class indices of this set translate to those of another."""
        return LabelMapping(self, target)

    def __len__(self) -> int:
        """Return the number of classes."""
        return len(self.classes)

    def __iter__(self) -> Iterator[Expression]:
        """Iterate over the expressions in the order of their indices."""
        return iter(self.classes)

    def __contains__(self, expression: object) -> bool:
        """Return whether the set has a class for the expression."""
        return expression in self.classes


@dataclass(frozen=True, slots=True)
class LabelMapping:
    """How the class indices of one label set translate to those of another.

    Classes are matched by expression and never by likeness: contempt has no counterpart in a set of the seven basic
    expressions, and asking for one is an error.

    Attributes:
        source: the set whose indices go in.
        target: the set whose indices come out.
        indices: the target index of every source index, None where the target lacks the expression.
        missing_in_target: the expressions of the source that the target lacks, in the order of the source.
        missing_in_source: the expressions of the target that the source lacks, in the order of the target.
    """

    source: LabelSet
    target: LabelSet
    indices: tuple[int | None, ...] = field(init=False)
    missing_in_target: tuple[Expression, ...] = field(init=False)
    missing_in_source: tuple[Expression, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Match the classes of the two sets."""
        target_index = {expression: index for index, expression in enumerate(self.target)}
        object.__setattr__(self, "indices", tuple(target_index.get(expression) for expression in self.source))
        object.__setattr__(self, "missing_in_target", tuple(e for e in self.source if e not in self.target))
        object.__setattr__(self, "missing_in_source", tuple(e for e in self.target if e not in self.source))

    def apply(self, index: int) -> int:
        """Translate one class index; ``mapping[index]`` is the same.

        Args:
            index: class index in the source, 0 to ``source.num_labels - 1``.

        Returns:
            The class index of the same expression in the target.

        Raises:
            InvalidOptionError: the source has no class of that index.
            LabelMappingError: the target has no class for the expression.
        """
        if not 0 <= index < len(self.source):
            raise InvalidOptionError(
                "index", index, f"a class index of {self.source.name}, 0 to {len(self.source) - 1}"
            )
        translated = self.indices[index]
        if translated is None:
            raise LabelMappingError(self.source.classes[index], self.target.name, self.target)
        return translated

    def __getitem__(self, index: int) -> int:
        """Translate one class index, see ``apply``."""
        return self.apply(index)


def _label_set(name: str, order: str) -> LabelSet:
    """Build a set from the values of its expressions, written in the order of their indices."""
    return LabelSet(name, tuple(Expression(word) for word in order.split()))


_SETS: Final = (
    # Li, Deng, Du: Reliable crowdsourcing and deep locality-preserving learning for expression recognition in the
    # wild. CVPR 2017. Its label files count from 1; index 0 here is their 1.
    _label_set("raf_db", "surprise fear disgust happiness sadness anger neutral"),
    # Mollahosseini, Hasani, Mahoor: AffectNet, a database for facial expression, valence, and arousal computing in
    # the wild. IEEE Transactions on Affective Computing 10(1), 2019. Its codes 8 to 10 (none, uncertain, no face) are
    # not expressions. Many papers leave out contempt, hence the two sets.
    _label_set("affectnet_7", "neutral happiness sadness surprise fear disgust anger"),
    _label_set("affectnet_8", "neutral happiness sadness surprise fear disgust anger contempt"),
    # Barsoum, Zhang, Canton Ferrer, Zhang: Training deep networks for facial expression recognition with crowd-sourced
    # label distribution. ICMI 2016. The columns of fer2013new.csv, without "unknown" and "NF" (not a face).
    _label_set("fer_plus", "neutral happiness surprise sadness anger disgust fear contempt"),
    # Goodfellow et al.: Challenges in representation learning, a report on three machine learning contests. ICONIP
    # 2013.
    _label_set("fer2013", "anger disgust fear happiness sadness surprise neutral"),
    # Lee, Kim, Kim, Park, Sohn: Context-aware emotion recognition networks. ICCV 2019. Classes are folders (Anger,
    # Disgust, Fear, Happy, Neutral, Sad, Surprise), numbered in alphabetical order.
    _label_set("caer_s", "anger disgust fear happiness neutral sadness surprise"),
    # Lucey et al.: The extended Cohn-Kanade dataset (CK+), a complete dataset for action unit and emotion-specified
    # expression. CVPR Workshops 2010. The codes of its emotion label files; neutral (0) is the first frame of each
    # sequence.
    _label_set("ck_plus", "neutral anger contempt disgust fear happiness sadness surprise"),
)

LABEL_SETS: Final[Mapping[str, LabelSet]] = MappingProxyType({label_set.name: label_set for label_set in _SETS})
"""Every known label set under its name; it cannot be changed."""


def get_label_set(name: str) -> LabelSet:
    """Return a known label set.

    Args:
        name: a key of ``LABEL_SETS``, for example ``raf_db``.

    Raises:
        UnknownNameError: there is no set of that name; the message lists the names and the closest one.
    """
    if name not in LABEL_SETS:
        raise UnknownNameError("label set", name, LABEL_SETS)
    return LABEL_SETS[name]


# The nouns are the values of Expression; these are the other words that data sets use in their folders and tables.
_SPELLINGS: Final[Mapping[str, Expression]] = MappingProxyType(
    {expression.value: expression for expression in Expression}
    | {
        "happy": Expression.HAPPINESS,
        "surprised": Expression.SURPRISE,
        "sad": Expression.SADNESS,
        "angry": Expression.ANGER,
        "disgusted": Expression.DISGUST,
        "fearful": Expression.FEAR,
        "contemptuous": Expression.CONTEMPT,
    }
)


def parse_expression(text: str) -> Expression:
    """Return the expression that a word of a data set stands for.

    Args:
        text: a noun or an adjective, such as ``Happy``, ``happiness`` or ``ANGRY``; case and outer white space do not
            matter.

    Raises:
        UnknownNameError: the word stands for no expression; the message lists the accepted words and the closest one.
    """
    word = text.strip().lower()
    if word not in _SPELLINGS:
        raise UnknownNameError("expression", text, _SPELLINGS)
    return _SPELLINGS[word]
