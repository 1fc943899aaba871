"""The same job on many machines: Ray Data with a pool of actors, each of which holds one model.

The groups of pictures are those of :mod:`fer_zoo.pipelines.batch`, and so are the results, the output and what is kept
after an interruption: a run may be begun with one engine and gone on with by the other. Actors that die are started
again and their groups repeated. A picture that kills its actor is found, and becomes a row with the reason. Of a group
that kills its actors only as a whole, the pictures are analysed one by one.
"""

from __future__ import annotations

import logging
import pickle
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from os import PathLike, fspath
from pathlib import Path
from typing import Any, Final, NamedTuple

import torch

from fer_zoo.detection import FaceDetector
from fer_zoo.errors import WorkerError
from fer_zoo.packages import import_optional
from fer_zoo.pipelines.batch import OnProgress, Sources, describe_run, run_groups
from fer_zoo.pipelines.groups import AnalysisOptions, Group, analyze_apart, analyze_group
from fer_zoo.pipelines.result_store import BatchSummary
from fer_zoo.ranges import check_counts, check_not_negative
from fer_zoo.results import ImageResult

STRIKES: Final = 2  # actors that a picture or a whole group may kill; one may have died of something else
POISON: Final = f"the process that analysed it died {STRIKES} times"
PURPOSE: Final = "The engine 'ray'"


@dataclass(frozen=True, slots=True)
class RayResources:
    """What the pool of actors takes up.

    Attributes:
        num_workers: actors, each with a model of its own.
        num_cpus: CPUs of each actor; fractions are shares of one.
        num_gpus: GPUs of each actor; fractions are shares of one, whose memory is not divided by Ray.

    Raises:
        InvalidOptionError: if a number is out of its range.
    """

    num_workers: int = 1
    num_cpus: float = 1.0
    num_gpus: float = 0.0

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_counts(num_workers=self.num_workers)
        check_not_negative(num_cpus=self.num_cpus, num_gpus=self.num_gpus)


def analyze_files_with_ray(
    sources: Sources,
    output: str | PathLike[str],
    *,
    model: str | PathLike[str] = "mhan",
    detector: str | FaceDetector = "center_face",
    device: str | None = None,
    pipeline_options: Mapping[str, Any] | None = None,
    options: AnalysisOptions | None = None,
    resources: RayResources | None = None,
    overwrite: bool = False,
    on_progress: OnProgress | None = None,
) -> BatchSummary:
    """Do what :func:`fer_zoo.pipelines.analyze_files` does on a cluster of Ray, with the same output.

    The machines must see the pictures by the same names: a shared folder, or URIs that pyarrow opens. The output and
    its ``.partial`` folder are written by this process. The cluster is the one that this process is connected to, else
    that of ``RAY_ADDRESS``, else one that is started on this machine. The names of all pictures are held in memory.

    Args:
        sources: as for :func:`~fer_zoo.pipelines.analyze_files`.
        output: as for :func:`~fer_zoo.pipelines.analyze_files`.
        model: a published name, a folder that every machine sees, or a repository on the Hub.
        detector: a name, or a detector that can be pickled.
        device: where the models run; by default a GPU if the actors have a share of one, else the CPU.
        pipeline_options: further options of :func:`fer_zoo.pipelines.pipeline`: ``backend``, ``precision``, ``flip``…
        options: of the analysis; what they leave open is as for the pipeline.
        resources: how many actors there are and what each takes up.
        overwrite: as for :func:`~fer_zoo.pipelines.analyze_files`.
        on_progress: as for :func:`~fer_zoo.pipelines.analyze_files`.

    Raises:
        MissingPackageError: if Ray is not installed.
        WorkerError: if the actors cannot go on; what they finished is kept.
        InvalidOptionError: as for :func:`~fer_zoo.pipelines.analyze_files`.
    """
    ray, data = (import_optional(module, PURPOSE, "ray") for module in ("ray", "ray.data"))
    options, resources = options or AnalysisOptions(), resources or RayResources()
    local = fspath(model)
    name = str(Path(local).resolve()) if Path(local).is_dir() else local
    making = {"model": name, "detector": detector, "device": device, **(pipeline_options or {})}

    def analyze(groups: Iterator[Group]) -> Iterator[tuple[Group, list[ImageResult]]]:
        by_digest = {group.digest: group for group in groups}
        if not by_digest:
            return
        with _connected(ray):
            answers = (
                data.from_items([{"group": pickle.dumps(group)} for group in by_digest.values()])
                .repartition(len(by_digest))  # a task for each group, so that no more than one is repeated
                .map_batches(
                    GroupWorker,
                    batch_size=1,
                    compute=data.ActorPoolStrategy(size=resources.num_workers),
                    num_cpus=resources.num_cpus,
                    num_gpus=resources.num_gpus,
                    fn_constructor_args=[making, options, resources, ray.remote(num_cpus=0)(AttemptLedger).remote()],
                )
            )
            try:
                for answer in answers.iter_rows():
                    yield by_digest[answer["digest"]], pickle.loads(answer["results"])  # noqa: S301  # our own bytes
            except ray.exceptions.RayError as error:
                raise WorkerError(str(error).strip().splitlines()[-1]) from error

    from fer_zoo.pipelines import pipeline  # it is made of the modules beside this one

    described = describe_run(pipeline(**{**making, "device": "cpu"}), options)
    return run_groups(sources, output, analyze, described, overwrite=overwrite, on_progress=on_progress)


@contextmanager
def _connected(ray: Any) -> Iterator[None]:
    """Be connected to a cluster while the block runs, without the progress bars and notes of Ray Data."""
    context = import_optional("ray.data", PURPOSE, "ray").DataContext.get_current()
    logger, shows_bars = logging.getLogger("ray.data"), context.enable_progress_bars
    level, is_ours = logger.level, not ray.is_initialized()
    if is_ours:
        ray.init(log_to_driver=False, logging_level="ERROR", include_dashboard=False)
    context.enable_progress_bars = False
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        context.enable_progress_bars = shows_bars
        logger.setLevel(level)
        if is_ours:
            ray.shutdown()


class Attempt(NamedTuple):
    """What an actor that begins a group must know of those before it.

    Attributes:
        number: how often the group was begun, this time included.
        poisoned: the pictures to leave out, by their place in the group from 0, and the reasons.
        dies_together: whether too many actors have died while none of its pictures was looked at alone.
    """

    number: int
    poisoned: dict[int, str]
    dies_together: bool


class AttemptLedger:
    """Knows which groups were begun and not finished, and which picture was under way; an actor of its own.

    What an actor knows dies with it, so this is written down elsewhere.
    """

    def __init__(self) -> None:
        self._attempts: Counter[str] = Counter()
        self._under_way: dict[str, int] = {}
        self._strikes: Counter[tuple[str, int]] = Counter()
        self._deaths_together: Counter[str] = Counter()

    def begin(self, digest: str) -> Attempt:
        """Note that a group is begun.

        Args:
            digest: of the group.
        """
        self._attempts[digest] += 1
        if digest in self._under_way:  # the one that worked on it did not come to the next
            self._strikes[digest, self._under_way.pop(digest)] += 1
        elif self._attempts[digest] > 1:
            self._deaths_together[digest] += 1
        poisoned = {
            place: POISON for (known, place), count in self._strikes.items() if known == digest and count >= STRIKES
        }
        return Attempt(self._attempts[digest], poisoned, self._deaths_together[digest] >= STRIKES)

    def note(self, digest: str, place: int | None) -> None:
        """Note which picture of a group is under way, by its place from 0; ``None`` if none is."""
        if place is None:
            self._under_way.pop(digest, None)
        else:
            self._under_way[digest] = place


class GroupWorker:
    """What an actor of the pool does: it makes its pipeline once, and analyses groups.

    Args:
        making: options of :func:`fer_zoo.pipelines.pipeline`.
        options: of the analysis.
        resources: of the actor.
        ledger: handle of the actor that is an :class:`AttemptLedger`.
    """

    def __init__(self, making: dict[str, Any], options: AnalysisOptions, resources: RayResources, ledger: Any) -> None:
        from fer_zoo.pipelines import pipeline  # see above

        torch.set_num_threads(max(1, int(resources.num_cpus)))  # others have the rest of the machine
        self._pipe = pipeline(**making)
        self._options = options
        self._ledger = ledger

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[Any]]:
        """Analyse a group; one that an actor has died of, first picture by picture to find the one to blame.

        Where there is none, and actors have died of the whole group, its results are those of the single pictures.

        Args:
            batch: with ``group``, a list of one pickled :class:`Group`.

        Returns:
            ``digest`` of the group and its pickled ``results``, lists of one each.
        """
        ray = import_optional("ray", PURPOSE, "ray")
        group: Group = pickle.loads(batch["group"][0])  # noqa: S301  # our own bytes
        digest = group.digest
        number, poisoned, dies_together = ray.get(self._ledger.begin.remote(digest))
        results: list[ImageResult] = []
        if number > 1:
            results, poisoned = analyze_apart(
                self._pipe,
                group,
                self._options,
                poisoned,
                on_picture=lambda place: ray.get(self._ledger.note.remote(digest, place)),
            )
        if not dies_together:
            results = analyze_group(self._pipe, group, self._options, poisoned=poisoned)
        return {"digest": [digest], "results": [pickle.dumps(results)]}


__all__ = ["Attempt", "AttemptLedger", "GroupWorker", "RayResources", "analyze_files_with_ray"]
