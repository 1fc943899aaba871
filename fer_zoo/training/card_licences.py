"""The licences on the model card of a run: whose terms apply to weights that were learnt from these data."""

from __future__ import annotations

from collections.abc import Iterator

from fer_zoo.datasets import DATASETS
from fer_zoo.hub.card_parts import markdown_table
from fer_zoo.licences import TRAINED_ON_FER_PLUS, Licence
from fer_zoo.registry import find_entry
from fer_zoo.training.settings import DataSettings

UNKNOWN_TERMS = "not known to fer-zoo"


def data_licences(
    settings: DataSettings, base_model: str | None, *, teachers: list[str] | None = None, takes_unlabelled: bool = True
) -> Iterator[Licence]:
    """Yield the terms of the weights, and of all data that they were learned from.

    Args:
        settings: the data.
        base_model: what the weights came from.
        teachers: models whose answers were learnt.
        takes_unlabelled: whether the method looks at pictures without labels.
    """
    yield Licence(
        "weights", "to be stated by who publishes them", "this run", "They were learned from the data named below."
    )
    rows: list[Licence] = []
    sources = [("base model", base_model)] if base_model is not None else []
    for part, name in (*sources, *(("teacher", name) for name in teachers or [])):
        entry = find_entry(name)
        inherited = () if entry is None or entry.licences is None else entry.licences.training_data
        rows.extend(inherited or (Licence(f"{part} {name}", UNKNOWN_TERMS, name, "Its own card may state them."),))
    kinds = [settings.kind, *([settings.unlabelled["kind"]] if takes_unlabelled and settings.unlabelled else [])]
    for kind in kinds:
        rows.extend(TRAINED_ON_FER_PLUS.training_data if kind == "fer_plus" else (licence_of(kind),))
    yield from dict.fromkeys(rows)


def licence_of(kind: str) -> Licence:
    """Return the terms of a data set, plainly so where they are not known."""
    card = DATASETS[kind].card
    if card.homepage:
        return Licence(f"{card.title} pictures and labels", card.terms, card.homepage, dataset=card.name)
    return Licence(
        "training pictures and labels",
        UNKNOWN_TERMS,
        "pictures of one's own",
        "Who publishes the weights has to know whether the terms of the pictures allow it.",
    )


def licence_table(licences: list[Licence]) -> str:
    """Return the ledger."""
    rows = ((row.part, row.terms, row.source, row.note) for row in licences)
    return markdown_table(("Part", "Terms", "Source", "Note"), rows)


__all__ = ["data_licences", "licence_table"]
