"""The model card of a run: what was trained on what, how good it is, and whose terms apply."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml
from huggingface_hub import EvalResult, ModelCard, ModelCardData
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]  # it is public there
from transformers import PreTrainedModel

from fer_zoo.datasets import DATASETS
from fer_zoo.evaluation import EvaluationReport
from fer_zoo.evaluation.markdown import percent
from fer_zoo.hub.card_parts import LIBRARY, LIMITS, RESPONSIBLE_USE, TAGS, TASK, markdown_table
from fer_zoo.licences import CENTER_FACE, CODE
from fer_zoo.models import FerImageProcessor
from fer_zoo.registry import find_entry
from fer_zoo.training.card_licences import data_licences, licence_table
from fer_zoo.training.data import TrainingData
from fer_zoo.training.methods import METHODS
from fer_zoo.training.recipes import get_recipe
from fer_zoo.training.record import RunRecord

TEXT = """\
# {name}

{architecture}, {num_labels} expressions, {num_parameters:,} parameters, trained with fer-zoo, a Python library that
finds every face of a picture, aligns it and says which expression it shows.

The model takes a face crop of {height} x {width} pixels, {color}. How a crop is framed is stored in
`preprocessor_config.json`, and the pipeline applies it.

## Use

```shell
pip install fer-zoo
```

```python
from fer_zoo import pipeline

pipe = pipeline(model="path/to/{name}")  # this folder, or its repository on the Hub
faces = pipe("photo.jpg")
```

## Training

{origin}

{data}

{counts}

The recipe is `{recipe}`: {recipe_summary}. {recipe_source}

{changes}

{effort}

`run.yaml` holds all settings, and repeats the run with `fer-zoo train --config run.yaml --output DIR`.

## Figures

{figures}

## Calibration

{calibration}

{limits}

{responsible_use}

## Licences

{licences}
"""


def training_card(
    name: str,
    model: PreTrainedModel,
    processor: FerImageProcessor,
    data: TrainingData,
    record: RunRecord,
    report: EvaluationReport | None,
) -> ModelCard:
    """Return the card of a model that a run has trained.

    The licence of the weights is left to the one who publishes them: it depends on the data.

    Args:
        name: of the model.
        model: the classifier.
        processor: its image processor.
        data: what it was trained with.
        record: of the run.
        report: how good it is; ``None`` if it was not measured.
    """
    settings = record.settings
    licences = list(
        data_licences(
            settings.data,
            record.base_model,
            teachers=settings.model.teachers if METHODS[settings.method].takes_teachers else [],
            takes_unlabelled=METHODS[settings.method].takes_unlabelled,
        )
    )
    metadata = ModelCardData(
        license="other",
        license_name="see-the-licences-in-this-card",
        library_name=LIBRARY,
        pipeline_tag=TASK,
        tags=list(TAGS),
        datasets=list(dict.fromkeys(row.dataset for row in licences if row.dataset)) or None,
        base_model=hub_name(record.base_model),
        metrics=["accuracy", "balanced_accuracy", "f1"] if report is not None else None,
        model_name=name if report is not None else None,
        eval_results=None if report is None else list(eval_results(report)),
    )
    recipe = get_recipe(record.settings.recipe)
    text = TEXT.format(
        name=name,
        architecture=type(model).__name__,
        num_labels=model.config.num_labels,
        num_parameters=model.num_parameters(),
        height=processor.size["height"],
        width=processor.size["width"],
        color="made grey" if processor.color_mode == "grey" else "in colour",
        origin=describe_origin(record),
        data=describe_data(data, record),
        counts=count_table(record),
        recipe=recipe.name,
        recipe_summary=recipe.summary,
        recipe_source=recipe.source,
        changes=describe_changes(record),
        effort=describe_effort(record),
        figures=describe_figures(report, chosen=what_was_chosen(record) if data.reports_on_choice else []),
        calibration=describe_calibration(record),
        limits=LIMITS,
        responsible_use=RESPONSIBLE_USE,
        licences=licence_table([CODE, *licences, CENTER_FACE]),
    )
    return ModelCard(f"---\n{metadata}\n---\n\n{text}")


def describe_origin(record: RunRecord) -> str:
    """Return where the weights come from, the teachers among it."""
    method = METHODS[record.settings.method]
    names = ", ".join(f"`{name}`" for name in record.settings.model.teachers)
    taught = f" It learned from the answers of {names} (distillation)." if method.takes_teachers and names else ""
    if record.base_model is None:
        return f"Training began with random weights.{taught}"
    new = f" Its classifier did not know {', '.join(record.new_classes)} before." if record.new_classes else ""
    return f"Training began with the weights of `{record.base_model}`.{new}{taught}"


def describe_data(data: TrainingData, record: RunRecord) -> str:
    """Return what the parts of the data are."""
    settings = record.settings.data
    lines = [f"The data set is {DATASETS[settings.kind].card.title}; learned from: split `{data.train.split}`."]
    if settings.targets == "votes":
        lines.append("The targets are the votes of the people who labelled the pictures.")
    if data.unlabelled is not None and METHODS[record.settings.method].takes_unlabelled:
        title = DATASETS[settings.unlabelled["kind"]].card.title
        how = "by the adaptive confidence margin (Ada-CM)" if record.settings.method == "ada_cm" else "by distillation"
        lines.append(
            f"Learned from without labels, {how}: {len(data.unlabelled):,} pictures of {title}, "
            f"split `{data.unlabelled.split}`."
        )
    if data.eval is not None:
        is_share = data.eval.split == data.train.split
        part = "a share of it that was cut off" if is_share else f"split `{data.eval.split}`"
        chose = "The epoch was chosen by" if record.best_metric is not None else "The last weights are kept. Watched on"
        lines.append(f"{chose}: {part}.")
    if data.test is not None:
        lines.append(f"The figures are of: split `{data.test.split}`.")
    if settings.without_twins:
        lines.append(f"Left out of measuring, as training has them too: {record.num_twins:,} pictures.")
    return " ".join(lines)


def count_table(record: RunRecord) -> str:
    """Return the number of pictures by class and part; learnt votes may name no class."""
    watched = "Epoch chosen by" if record.best_metric is not None else "Watched on"
    titles = {"train": "Learned from", "eval": watched, "test": "Measured on"}
    parts = list(record.counts)
    rows: list[tuple[object, ...]] = [
        (expression, *(f"{record.counts[part].get(expression, 0):,}" for part in parts))
        for expression in record.counts[parts[0]]
    ]
    rows.append(("all", *(f"{sum(record.counts[part].values()):,}" for part in parts)))
    return markdown_table(("Expression", *(titles[part] for part in parts)), rows)


def describe_changes(record: RunRecord) -> str:
    """Return by what the run differs from its recipe."""
    changes = record.changes()
    if not changes:
        return "Nothing of it was changed."
    text = yaml.safe_dump(changes, sort_keys=True, allow_unicode=True, default_flow_style=None).rstrip()
    return f"Changed or set beyond it:\n\n```yaml\n{text}\n```"


def describe_effort(record: RunRecord) -> str:
    """Return how long it took, where and when."""
    where = record.environment
    versions = ", ".join(f"{name} {version}" for name, version in where.versions.items())
    processes = "" if record.num_processes == 1 else f", {record.num_processes} processes"
    lines = [
        f"{record.epochs:g} epochs, {record.num_steps:,} steps on {where.hardware}{processes}, finished on "
        f"{where.date}; {record.seconds:,.0f} s since training last began or went on.",
        f"Versions: {versions}.",
    ]
    if where.command:
        lines.append(f"Command: `{where.command}`")
    return "\n\n".join(lines)


def what_was_chosen(record: RunRecord) -> list[str]:
    """Return what the pictures for that have chosen."""
    chosen = {"epoch": record.best_metric, "temperature": record.calibration}
    return [name for name, value in chosen.items() if value is not None]


def describe_figures(report: EvaluationReport | None, *, chosen: Sequence[str]) -> str:
    """Return the measured figures.

    Args:
        report: of the evaluation.
        chosen: what was chosen by the same pictures, or by some of them, which makes the figures look better than they
            are.
    """
    if report is None:
        return "Nothing was measured: there were no pictures for it."
    metrics = report.metrics
    accuracy = metrics.accuracy
    rows = [
        ("accuracy", f"{percent(accuracy.value)} (95 % interval {percent(accuracy.low)} to {percent(accuracy.high)})"),
        ("balanced accuracy", percent(metrics.balanced_accuracy)),
        ("macro-F1", percent(metrics.macro_f1)),
        ("expected calibration error", percent(metrics.ece)),
    ]
    lines = [
        markdown_table(("Measured", "Result"), rows),
        f"On {accuracy.total:,} aligned crops of {report.dataset}, {report.split}; `evaluation.md` has the figures of "
        "each class.",
    ]
    if chosen:
        names = f"{' and the '.join(chosen)} {'was' if len(chosen) == 1 else 'were'}"
        lines.append(f"The {names} chosen by pictures that are among these, so expect somewhat less on others.")
    return "\n\n".join(lines)


def describe_calibration(record: RunRecord) -> str:
    """Return how the temperature was fitted."""
    found = record.calibration
    if found is None:
        return f"The scores are not calibrated: {record.not_calibrated.rstrip('.')}."
    return (
        f"The temperature {found.temperature:.3f}, stored in the configuration, was fitted on the "
        f"{found.num_pictures:,} pictures that training was watched on. Cross-fitted there, it changes the expected "
        f"calibration error from {percent(found.ece_before)} to {percent(found.ece_after)}."
    )


def eval_results(report: EvaluationReport) -> Iterator[EvalResult]:
    """Yield the figures as the Hub takes them."""
    figures = {
        "accuracy": report.metrics.accuracy.value,
        "balanced_accuracy": report.metrics.balanced_accuracy,
        "f1": report.metrics.macro_f1,
    }
    for metric, value in figures.items():
        yield EvalResult(
            task_type=TASK,
            dataset_type=report.dataset,
            dataset_name=report.dataset,
            dataset_split=report.split,
            metric_type=metric,
            metric_name=metric.replace("_", " "),
            metric_value=round(value, 6),
        )


def hub_name(base_model: str | None) -> str | None:
    """Return a base model's repository on the Hub; ``None`` for a folder, which nobody else has."""
    if base_model is None:
        return None
    entry = find_entry(base_model)
    if entry is not None:
        return entry.repo_id
    try:
        validate_repo_id(base_model)
    except HFValidationError:
        return None
    return base_model if "/" in base_model and not Path(base_model).is_dir() else None


__all__ = ["training_card"]
