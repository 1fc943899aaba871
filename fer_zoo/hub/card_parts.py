"""What the model cards of published models and of training runs share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

#: The report that the figures of a card come from; a model of another package may have none.
EVALUATION: Final = "evaluation.json"

LIBRARY: Final = "fer-zoo"
TASK: Final = "image-classification"
TAGS: Final = ("facial-expression-recognition", "emotion-recognition", "face", "transformers", "safetensors")

#: Word in the name of a figure, and the metric that it stands for; the first that fits counts.
METRICS: Final = (
    ("balanced accuracy", "balanced_accuracy"),
    ("accuracy", "accuracy"),
    ("f1", "f1"),
    ("calibration error", "expected_calibration_error"),
)

LIMITS: Final = """\
## Limits

- The labels say what people saw in a still picture, and people often disagree.
- Expressions that are rare in the training data are recognised less reliably than frequent ones.
- How well it works for people of different age, sex, skin colour or culture has not been measured.
- Faces in profile, covered, very small or badly lit were not measured apart; expect more errors.
- The scores are the model's own estimate and not calibrated for your pictures.

Measure it on your own pictures before you rely on it."""

RESPONSIBLE_USE: Final = """\
## Responsible use

The expression of a face is not a feeling. The model says how a face would have been labelled, not what a person feels,
thinks or intends. Do not use it to judge people, and not on people who have not agreed.

Inferring emotions is regulated. In the European Union, Article 5(1)(f) of the AI Act (Regulation (EU) 2024/1689)
prohibits it at the workplace and in education, except for medical or safety reasons. Elsewhere it counts as high-risk
(Annex III), and people have to be told about it (Article 50(3)). Other countries have rules of their own. This is not
legal advice."""


def metric_of(figure: str) -> str:
    """Return the Hub's identifier of the metric that a figure is named after."""
    return next((metric for word, metric in METRICS if word in figure.lower()), figure.lower().replace(" ", "_"))


def markdown_table(header: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    """Return a table in Markdown."""
    lines = (header, tuple("---" for _ in header), *rows)
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


__all__ = ["EVALUATION", "LIBRARY", "LIMITS", "RESPONSIBLE_USE", "TAGS", "TASK", "markdown_table", "metric_of"]
