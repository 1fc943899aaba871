"""A folder of photographs in, a folder of aligned crops out: what a model is trained on as it will meet it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from os import PathLike
from pathlib import Path

from fer_zoo.errors import FerZooError, ImageReadError, InvalidOptionError
from fer_zoo.imaging import find_pictures, read_image
from fer_zoo.imaging.read import DEFAULT_MAX_PIXELS
from fer_zoo.pipelines.crop_report import CroppedFace, CropRow, CropSummary
from fer_zoo.pipelines.crop_store import CropStore
from fer_zoo.pipelines.face_cropper import FaceCropper
from fer_zoo.pipelines.groups import describe_error
from fer_zoo.pipelines.threads import AHEAD, map_in_order, usable_cpus
from fer_zoo.ranges import check_counts, check_positive


@dataclass(frozen=True, slots=True)
class _Task:
    """A picture to crop.

    Attributes:
        path: where it is, or why a folder cannot be looked into.
        image: its path relative to the source folder, with forward slashes.
        stem: path of its crops in the destination, without number and ending.
    """

    path: Path | ImageReadError
    image: str
    stem: str


def crop_folder(
    source: str | PathLike[str],
    destination: str | PathLike[str],
    cropper: FaceCropper | None = None,
    *,
    quality: int | None = None,
    max_pixels: int = DEFAULT_MAX_PIXELS,
    workers: int | None = None,
    limit: int | None = None,
    overwrite: bool = False,
    on_row: Callable[[CropRow], object] | None = None,
) -> CropSummary:
    """Cut the faces out of all pictures below a folder; the folders of the crops are those of the pictures.

    ``SRC/train/happy/a.jpg`` becomes ``DEST/train/happy/a.png``, ``a_1.png``, ``a_2.png``… where all faces are cropped.
    A further picture with the same stem, ``a.gif``, becomes ``a-2.png``. The report ``DEST/crop_report.jsonl`` has a
    row for every picture (:func:`read_crop_report`), also for one without a face and one that cannot be read.

    After an interruption of any kind the same call goes on where it stopped: finished pictures are left alone, new ones
    are taken up, and unreadable ones are tried again. Crops and report are the same with any number of workers.
    One run at a time may write to a folder.

    Args:
        source: folder with the photographs. Links to folders are followed.
        destination: folder for the crops; it may be inside the source folder, and is then left out of it.
        cropper: model, detector, size and choice of faces; by default those of :class:`FaceCropper`.
        quality: write JPEG of this quality, from 1 to 100, without subsampling of colours; by default PNG, which loses
            nothing.
        max_pixels: pictures with more pixels are rows with an error; each worker holds one picture in memory.
        workers: threads that read, crop and write; by default one for each CPU that the process may use.
        limit: how many pictures to work on in this run at most, not counting those that an earlier run could not read
            and that are tried again; by default all.
        overwrite: remove the crops that an earlier run wrote into the destination, whatever its options, and begin
            anew.
        on_row: called with every new row, in the order of the names, after it was written.

    Returns:
        the figures of the whole report.

    Raises:
        InvalidOptionError: if an option is out of its range, the source is no folder, or the destination cannot be
            written to, holds other things, was begun with other options, or holds the source.
        UnknownNameError: (without a cropper) see :class:`FaceCropper`.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from fer_zoo.pipelines import crop_folder
        >>> with TemporaryDirectory() as folder:
        ...     summary = crop_folder("examples/images", folder, limit=1)
        >>> summary.num_cropped, summary.num_without_face, summary.num_unreadable
        (1, 0, 0)
    """
    photographs, crops = _checked_folders(Path(source), Path(destination))
    _check_options(quality=quality, max_pixels=max_pixels, workers=workers, limit=limit)
    cropper = cropper or FaceCropper()
    options = {"source": str(photographs.resolve()), **cropper.to_dict(), "jpeg_quality": quality}
    number = workers or usable_cpus()
    with (
        CropStore(crops, options, overwrite=overwrite, quality=quality) as store,
        ThreadPoolExecutor(number, thread_name_prefix="crop") as pool,
    ):
        tasks = _unfinished_tasks(photographs, store, limit)
        work = partial(_crop_picture, cropper, store, max_pixels)
        with closing(map_in_order(pool, work, tasks, AHEAD * number)) as rows:
            for row in rows:
                store.add(row)
                if on_row is not None:
                    on_row(row)
        return store.summarize()


def _crop_picture(cropper: FaceCropper, store: CropStore, max_pixels: int, task: _Task) -> CropRow:
    """Crop one picture, and write the crops."""
    if isinstance(task.path, ImageReadError):
        return CropRow(task.image, task.stem, error=task.path.reason)
    try:
        image = read_image(task.path, max_pixels=max_pixels)
        found = cropper.find_faces(image)
        faces = cropper.choose(found)
        crops = cropper.cut_out(image, faces)
    except ImageReadError as error:
        return CropRow(task.image, task.stem, error=error.reason)
    except FerZooError as error:
        return CropRow(task.image, task.stem, error=str(error))
    except Exception as error:  # noqa: BLE001  # of the detector's own; a bad picture must not end a long run
        return CropRow(task.image, task.stem, error=f"cropping it failed ({describe_error(error)})")
    try:
        names = store.write_crops(crops, task.stem, are_numbered=cropper.faces == "all")
    except OSError as error:
        return CropRow(task.image, task.stem, error=f"its crop cannot be written ({error.strerror or error})")
    cropped = tuple(CroppedFace(name, face) for name, face in zip(names, faces, strict=True))
    return CropRow(task.image, task.stem, image.shape[1], image.shape[0], len(found), cropped)


def _unfinished_tasks(source: Path, store: CropStore, limit: int | None) -> Iterator[_Task]:
    """Yield what is left to do, in the order of the names, which settles who gets which name.

    What is tried again does not count for the limit, and is tried behind it too: its row is not in the report any more.
    """
    retries, taken = set(store.unreadable), 0
    for found in find_pictures(source, skip=store.folder):
        if taken == limit and not retries:
            return
        relative = Path(found.source if isinstance(found, ImageReadError) else found).relative_to(source)
        image = relative.as_posix()
        if image in store.finished or (taken == limit and image not in retries):
            continue
        taken += image not in retries
        retries.discard(image)
        is_picture = not isinstance(found, ImageReadError)
        yield _Task(found, image, store.names.take(relative.with_suffix("").as_posix()) if is_picture else "")


def _checked_folders(source: Path, destination: Path) -> tuple[Path, Path]:
    """Return both folders.

    Raises:
        InvalidOptionError: if one is no folder, or the crops would lie among or above the photographs.
    """
    if not source.is_dir():
        raise InvalidOptionError("source", str(source), "a folder of pictures")
    if destination.exists() and not destination.is_dir():
        raise InvalidOptionError("destination", str(destination), "a folder, this is a file")
    if source.resolve().is_relative_to(destination.resolve()):
        expected = f"a folder that does not hold the photographs, which are in {str(source)!r}"
        raise InvalidOptionError("destination", str(destination), expected)
    return source, destination


def _check_options(*, quality: int | None, max_pixels: int, workers: int | None, limit: int | None) -> None:
    """Refuse options out of their range.

    Raises:
        InvalidOptionError: naming the option.
    """
    if quality is not None and quality not in range(1, 101):
        raise InvalidOptionError("quality", quality, "a number from 1 to 100, or None for PNG")
    check_counts(workers=workers, limit=limit)
    check_positive(max_pixels=max_pixels)


__all__ = ["crop_folder"]
