"""How the crops that a run learns from are framed, so that its model meets faces in the same frame later."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from fer_zoo.errors import InvalidOptionError
from fer_zoo.imaging import CropTemplate
from fer_zoo.pipelines.crop_report import read_crop_template
from fer_zoo.training.settings import RunSettings


def find_crop_template(settings: RunSettings) -> CropTemplate | None:
    """Return what is recorded beside the crops of a run, if the settings do not say it.

    Args:
        settings: of the run.

    Returns:
        the template, or ``None`` if the settings name one or nothing is recorded.

    Raises:
        InvalidOptionError: if there are several, as each split and the pictures without labels may have been cropped on
            their own.
        AnnotationError: if a record cannot be understood.
    """
    if "crop_template" in settings.processor:
        return None
    found = dict(_recorded_templates(settings))
    templates = list(found.values())
    if any(template != templates[0] for template in templates):
        places = ", ".join(map(str, found))
        expected = f"crops that are all framed for one model (those in {places} are not), or processor.crop_template"
        raise InvalidOptionError("data.path", settings.data.path, expected)
    return templates[0] if templates else None


def _recorded_templates(settings: RunSettings) -> Iterator[tuple[Path, CropTemplate]]:
    """Yield the folders of crops of a run, each with its template."""
    sources = [settings.data.path, settings.data.unlabelled.get("path")]
    for path in (Path(source) for source in sources if source):
        if not path.exists():
            continue
        folder = path if path.is_dir() else path.parent
        for place in (folder, *sorted(filter(Path.is_dir, folder.iterdir()))):
            template = read_crop_template(place)
            if template is not None:
                yield place, template


__all__ = ["find_crop_template"]
