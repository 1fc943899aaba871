"""The model card of a published model: metadata for the Hub, and what a user has to know."""

from __future__ import annotations

import json
from collections.abc import Iterator

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from fer_zoo.errors import WeightsNotFoundError
from fer_zoo.hub.card_parts import EVALUATION, LIBRARY, LIMITS, RESPONSIBLE_USE, TAGS, TASK, markdown_table, metric_of
from fer_zoo.licences import LicenceLedger
from fer_zoo.registry import ModelEntry

TEXT = """\
# {entry.name}

{entry.summary}: {classes}, {entry.num_parameters:,} parameters. It is part of fer-zoo,
a Python library that finds every face of a picture, aligns it and says which expression it shows.

The model takes a face crop of {height} x {width} pixels, {color}. How a crop is framed is stored in
`preprocessor_config.json`, and the pipeline applies it.

## Use

```shell
pip install fer-zoo
```

The weights are installed with the package, so nothing is downloaded:

```python
from fer_zoo import pipeline

pipe = pipeline("face-expression", model="{entry.repo_id}")
faces = pipe("photo.jpg")
```

A revision loads them from the Hub instead, and `fer-zoo pull` keeps them in a folder:

```python
pipe = pipeline("face-expression", model="{entry.repo_id}", revision="main")
```

```shell
fer-zoo pull {entry.repo_id} {entry.name}
```

The entry points of transformers work after `import fer_zoo`. To use them without the network, put the model into the
cache of the Hub once:

```shell
fer-zoo models install {entry.name}
```

```python
import fer_zoo
import transformers

pipe = transformers.pipeline("face-expression", model="{entry.repo_id}")
model = transformers.AutoModelForImageClassification.from_pretrained("{entry.repo_id}")
```

The task `face-expression` finds the faces of a photograph. The model alone, and the task `image-classification` of
transformers, find none: give them face crops, as `fer-zoo crop` cuts them.

## Classes

{class_table}

## Training data

{training_data}

## Figures

{figures}

{limits}

{responsible_use}

## Licences

{licences}

## Citation

The architecture: {entry.paper}. Please cite it, and fer-zoo as its `CITATION.cff` says.
"""


def model_card(entry: ModelEntry) -> ModelCard:
    """Return the card of a published model, written from its entry in the registry.

    ``library_name`` is fer-zoo and not transformers: the Hub shows the code to copy by it, and plain transformers does
    not know the architecture before ``import fer_zoo``.
    """
    licences = _ledger(entry)
    data = ModelCardData(
        license=licences.weights.terms.lower(),
        library_name=LIBRARY,
        pipeline_tag=TASK,
        tags=list(TAGS),
        datasets=list(licences.datasets),
        metrics=sorted({metric_of(name) for name in entry.figures}) or None,
        model_name=entry.name if entry.figures else None,
        eval_results=list(_eval_results(entry)) or None,
    )
    return ModelCard(f"---\n{data}\n---\n\n{_text(entry)}")


def _ledger(entry: ModelEntry) -> LicenceLedger:
    """Return the licences of a published model.

    Raises:
        WeightsNotFoundError: if the model has no weights yet, and so nothing to tell of.
    """
    if entry.licences is None:
        raise WeightsNotFoundError(entry.name, "Only models with weights have a card.")
    return entry.licences


def _text(entry: ModelEntry) -> str:
    """Return what stands below the metadata."""
    licences = _ledger(entry)
    processor = json.loads((entry.folder / "preprocessor_config.json").read_text(encoding="utf-8"))
    classes = [str(expression) for expression in entry.label_set]
    data = (f"- {row.part}: {row.source}. {row.note}".rstrip() for row in licences.training_data)
    return TEXT.format(
        entry=entry,
        classes=f"{len(classes)} expressions",
        height=processor["size"]["height"],
        width=processor["size"]["width"],
        color="made grey" if processor["color_mode"] == "grey" else "in colour",
        class_table=markdown_table(("Index", "Expression"), enumerate(classes)),
        training_data="\n".join(data),
        figures=_figures(entry),
        limits=LIMITS,
        responsible_use=RESPONSIBLE_USE,
        licences=markdown_table(
            ("Part", "Terms", "Source", "Note"),
            ((row.part, row.terms, row.source, row.note) for row in licences),
        ),
    )


def _figures(entry: ModelEntry) -> str:
    """Return the measured figures and where they come from."""
    if not entry.figures:
        return "No figures have been published for these weights yet."
    rows = ((name, f"{value:.1f} %") for name, value in entry.figures.items())
    parts = (markdown_table(("Measured", "Result"), rows), entry.figures_source, *_figures_of_classes(entry))
    return "\n\n".join(filter(None, parts))


def _figures_of_classes(entry: ModelEntry) -> tuple[str, ...]:
    """Return the figures of each class and what they mean, from the report beside the weights; nothing without one."""
    report = entry.folder / EVALUATION
    if not report.exists():
        return ()
    classes = json.loads(report.read_text(encoding="utf-8"))["metrics"]["per_class"]
    rows = (
        (row["label"], row["support"], *(_percent(row[name]) for name in ("precision", "recall", "f1")))
        for row in classes
    )
    meaning = "Precision is the share of the answers that are right, recall that of the pictures that are recognised."
    return markdown_table(("Class", "Pictures", "Precision", "Recall", "F1"), rows), meaning


def _percent(share: float | None) -> str:
    """Return a share in percent; a dash if there is none."""
    return "-" if share is None else f"{100 * share:.1f} %"


def _eval_results(entry: ModelEntry) -> Iterator[EvalResult]:
    """Yield the figures as the Hub takes them: fractions instead of percent."""
    for name, value in entry.figures.items():
        yield EvalResult(
            task_type=TASK,
            dataset_type=entry.label_set_name,
            dataset_name=entry.label_set_name,
            metric_type=metric_of(name),
            metric_name=name,
            metric_value=round(value / 100, 6),
        )


__all__ = ["model_card"]
