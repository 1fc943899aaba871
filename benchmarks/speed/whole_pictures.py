"""Whole pictures: cold start, time, memory, where the time goes, and how it grows.

Every contender has a process of its own, so that its memory can be told and its threads do not meet those of others.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from benchmarks.speed.pictures import draw_faces
from benchmarks.speed.processes import Contender, NotStartedError, Worker
from benchmarks.speed.timing import MIN_ROUNDS, Blocks, calls_in_block, fit_line, summarise

STEP_CALLS = 10


def start_workers(
    contenders: Sequence[Contender], picture: Path, *, threads: int, hf_home: Path, starts: int
) -> tuple[list[Worker], list[dict[str, Any]]]:
    """Start every contender of ours several times, others once, in turn, and keep the last process of each.

    The first start of our backends converts the model for them, so it is a row of its own.

    Args:
        contenders: what to start.
        picture: the first picture.
        threads: for those that have no option for it.
        hf_home: an empty folder for converted models.
        starts: how often to start each of ours.

    Returns:
        the workers, and a row for each start with seconds, or with the reason why it failed.
    """
    workers: list[Worker] = []
    rows: list[dict[str, Any]] = []
    for contender in contenders:
        worker = None
        for number in range(starts if contender.is_ours else 1):
            converts = contender.is_ours and not any(hf_home.rglob("*.onnx")) and bool(contender.options.get("backend"))
            if worker is not None:
                worker.close()
            try:
                worker = Worker(contender, picture, threads, hf_home)
            except NotStartedError as reason:
                rows.append({"contender": contender.name, "reason": str(reason)})
                worker = None
                break
            converts = converts and any(hf_home.rglob("*.onnx"))
            start = {"contender": contender.name, "start": number, "converts": converts}
            rows.append({**start, "version": worker.start["version"], "seconds": worker.start["seconds"]})
        if worker is not None:
            workers.append(worker)
    return workers, rows


def measure_pictures(workers: Sequence[Worker], picture: Path, reference: str, seconds: float) -> list[dict[str, Any]]:
    """Let all contenders analyse a picture in turns, and classify its faces alone.

    Args:
        workers: the contenders.
        picture: the picture.
        reference: the contender that ratios refer to.
        seconds: how long the rounds go on.

    Returns:
        one row for each contender.
    """
    found = {worker.contender.name: worker.ask("prepare", picture) for worker in workers}
    whole, faces = (_ask_in_turns(workers, do, picture, seconds * share) for do, share in SHARES)
    timings, alone = summarise(whole, reference), summarise(faces)
    return [
        {
            "picture": picture.stem,
            "contender": name,
            "num_faces": answer["num_faces"],
            "median_ms": timings[name].median_ms,
            "lowest_ms": timings[name].lowest_ms,
            "ratio": timings[name].ratio,
            "rounds": timings[name].num_rounds,
            "classify_ms_per_face": alone[name].median_ms / max(1, answer["num_faces"]),
        }
        for name, answer in found.items()
    ]


#: What is asked, and which share of the time it gets.
SHARES = (("analyse", 0.75), ("classify", 0.25))


def _ask_in_turns(workers: Sequence[Worker], do: str, picture: Path, seconds: float) -> dict[str, Blocks]:
    """Return milliseconds of each call, by contender and round."""
    blocks: dict[str, Blocks] = {worker.contender.name: [] for worker in workers}
    answers = {worker.contender.name: worker.ask(do, picture) for worker in workers}
    expected = {name: answer["milliseconds"][0] / 1000 for name, answer in answers.items()}
    end = time.perf_counter() + seconds
    num_rounds = 0
    while workers and (num_rounds < MIN_ROUNDS or time.perf_counter() < end):
        first = num_rounds % len(workers)
        for worker in [*workers[first:], *workers[:first]]:
            name = worker.contender.name
            answer = worker.ask(do, picture, calls=calls_in_block(expected[name]))
            blocks[name].append(answer["milliseconds"])
        num_rounds += 1
    return blocks


def measure_memory(workers: Sequence[Worker]) -> list[dict[str, Any]]:
    """Return the peak memory of each process so far, in MB."""
    return [{"contender": worker.contender.name, **worker.ask("memory")} for worker in workers]


def measure_steps(worker: Worker, pictures: Sequence[Path]) -> Iterator[dict[str, Any]]:
    """Yield how long each step of our pipeline takes on each picture, in milliseconds."""
    for picture in pictures:
        whole = worker.ask("analyse", picture, calls=STEP_CALLS)["milliseconds"]
        steps = worker.ask("steps", picture, calls=STEP_CALLS)
        yield {
            "picture": picture.stem,
            "contender": worker.contender.name,
            "steps_ms": steps,
            "whole_ms": statistics.median(whole),
        }


def measure_growth(
    worker: Worker, folder: Path, num_faces: Sequence[int], num_pictures: Sequence[int]
) -> Iterator[dict[str, Any]]:
    """Yield the time by the number of faces in a picture, and by the number of pictures, with the line through each.

    Args:
        worker: one of ours.
        folder: where pictures can be written.
        num_faces: numbers of faces, up to 32.
        num_pictures: numbers of pictures.
    """
    pictures = {number: [draw_faces(folder, number)] for number in num_faces}
    yield {"kind": "faces in a picture", "contender": worker.contender.name, **_growth(worker, pictures)}
    six = draw_faces(folder, 6)
    lists = {number: [six] * number for number in num_pictures}
    yield {"kind": "pictures of 6 faces", "contender": worker.contender.name, **_growth(worker, lists)}


def _growth(worker: Worker, pictures: dict[int, list[Path]]) -> dict[str, Any]:
    """Return the median time of each number over rounds of all of them, and the line through them."""
    blocks: dict[int, list[float]] = {number: [] for number in pictures}
    for _ in range(MIN_ROUNDS):
        for number, paths in pictures.items():
            blocks[number].extend(worker.ask("analyse", *paths)["milliseconds"])
    medians = [statistics.median(times) for times in blocks.values()]
    line = fit_line(list(blocks), medians)
    return {
        "numbers": list(blocks),
        "median_ms": medians,
        "ms_each": line.slope,
        "ms_once": line.intercept,
        "residual": line.residual,
    }
