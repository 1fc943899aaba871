"""The command: ``python -m benchmarks.speed``."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.speed.classifiers import measure_agreement, measure_batch
from benchmarks.speed.contenders import CONTENDERS, Workshop, make_contenders
from benchmarks.speed.cuda import measure_cuda
from benchmarks.speed.faces import read_faces
from benchmarks.speed.hardware import count_cores, describe_hardware
from benchmarks.speed.pictures import PORTRAIT, draw_group
from benchmarks.speed.plot import draw_plot
from benchmarks.speed.processes import Contender
from benchmarks.speed.report import write_markdown
from benchmarks.speed.subjects import load_subject
from benchmarks.speed.whole_pictures import (
    measure_growth,
    measure_memory,
    measure_pictures,
    measure_steps,
    start_workers,
)

START = time.perf_counter()
SECTIONS = ("classifier", "pictures", "cuda")
#: Our pipelines, by the name of the contender of the classifier that they run.
PIPELINES: dict[str, dict[str, str]] = {
    "torch eager fp32": {},
    "onnxruntime fp32": {"backend": "onnxruntime"},
    "openvino fp32": {"backend": "openvino", "precision": "fp32"},
    "openvino bf16": {"backend": "openvino", "precision": "bf16"},
}
OTHERS = {"fer": "fer", "fer, MTCNN": "fer_mtcnn", "deepface": "deepface", "EmotiEffLib": "emotiefflib"}


def main(arguments: list[str] | None = None) -> None:
    """Measure, write the files, and print the tables."""
    words = sys.argv[1:] if arguments is None else arguments
    options = parse(words)
    torch.set_num_threads(options.threads)
    report: dict[str, Any] = {
        "command": shlex.join(["python", "-m", "benchmarks.speed", *(Path(word).name for word in words)]),
        "hardware": describe_hardware(),
        "threads": options.threads,
        "classifier": [],
        "agreement": [],
        "starts": [],
        "memory": [],
        "pictures": [],
        "steps": [],
        "growth": [],
        "cuda": [],
    }
    with tempfile.TemporaryDirectory() as name:
        if "classifier" in options.sections:
            measure_classifiers(options, Path(name), report)
        if "pictures" in options.sections:
            measure_whole_pictures(options, Path(name), report)
        if "cuda" in options.sections and torch.cuda.is_available():
            for model in options.models:
                tell(f"{model} on {torch.cuda.get_device_name()}")
                report["cuda"].extend(measure_cuda(load_subject(model)))
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "speed.json").write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    markdown = write_markdown(report)
    for path in filter(None, (options.output / "speed.md", options.markdown)):
        path.write_text(markdown, encoding="utf-8")
    draw_plot(report, options.output / "speed.png")
    print(markdown)


def measure_classifiers(options: argparse.Namespace, folder: Path, report: dict[str, Any]) -> None:
    """Add the rows of the classifier alone."""
    for name in options.models:
        subject = load_subject(name)
        faces = None
        if options.faces is not None:
            faces = read_faces(options.faces, subject.processor, options.num_calibration, options.num_test)
        tell(f"{name}: converting")
        workshop = Workshop(subject, options.threads, None if faces is None else faces.calibration, folder)
        runs, reasons = make_contenders(workshop, options.contenders)
        report["classifier"].extend(
            {"model": name, "is_trained": subject.is_trained, "batch": None, "contender": contender, "reason": reason}
            for contender, reason in reasons.items()
        )
        for size in options.batch_sizes:
            tell(f"{name}, batch {size}: {', '.join(runs)}")
            rows = measure_batch(subject, runs, size, seconds=options.seconds, longest=options.longest)
            report["classifier"].extend(rows)
        if faces is not None and subject.is_trained:
            tell(f"{name}: agreement on {len(faces.test)} faces")
            report["agreement"].extend(measure_agreement(subject, runs, faces.test))


def measure_whole_pictures(options: argparse.Namespace, folder: Path, report: dict[str, Any]) -> None:
    """Add the rows of whole pictures."""
    photographs = options.photographs or [PORTRAIT, draw_group(folder)]
    contenders = list_contenders(options, load_subject(options.models[0]).path(folder))
    tell("starting every contender")
    workers, report["starts"] = start_workers(
        contenders, photographs[0], threads=options.threads, hf_home=folder / "hf", starts=options.starts
    )
    try:
        for picture in photographs:
            tell(f"{picture.name}: {', '.join(worker.contender.name for worker in workers)}")
            reference = f"fer-zoo, {options.contenders[0]}"
            report["pictures"].extend(measure_pictures(workers, picture, reference, options.seconds))
        report["memory"] = measure_memory(workers)
        ours = [worker for worker in workers if worker.contender.is_ours and "scrfd" not in worker.contender.options]
        last = {row["contender"]: row["median_ms"] for row in report["pictures"]}
        if ours:
            fastest = min(ours, key=lambda worker: last[worker.contender.name])
            tell(f"steps and growth of {fastest.contender.name}")
            report["steps"] = list(measure_steps(fastest, photographs))
            report["growth"] = list(measure_growth(fastest, folder, options.num_faces, options.num_pictures))
    finally:
        for worker in workers:
            worker.close()


def list_contenders(options: argparse.Namespace, model: str) -> list[Contender]:
    """Return what runs whole pictures, ours with this model."""
    own = {"threads": options.threads, "model": model}
    chosen = {name: {**own, **PIPELINES[name]} for name in options.contenders if name in PIPELINES}
    listed = [Contender(f"fer-zoo, {name}", "fer_zoo", sys.executable, chosen[name]) for name in chosen]
    if options.scrfd is not None and chosen:
        name, fastest = list(chosen.items())[-1]
        scrfd = {**fastest, "scrfd": str(options.scrfd)}
        listed.append(Contender(f"fer-zoo, {name}, detector of insightface", "fer_zoo", sys.executable, scrfd))
    if options.others is not None:
        listed.extend(Contender(name, OTHERS[name], options.others) for name in options.libraries)
    return listed


def parse(arguments: list[str]) -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description=__doc__)
    add = parser.add_argument
    add("--output", type=Path, default=Path("speed"), help="folder for speed.json, speed.md and speed.png")
    add("--markdown", type=Path, help="write the tables here too")
    add("--sections", nargs="+", choices=SECTIONS, default=SECTIONS)
    add("--models", nargs="+", default=["mhan", "han_pff"], help="the first one is that of whole pictures")
    add(
        "--contenders",
        nargs="+",
        choices=CONTENDERS,
        default=[name for name in CONTENDERS if name != "torch fused bf16"],
    )
    add("--batch-sizes", nargs="+", type=int, default=[1, 8, 32, 256])
    add("--faces", type=Path, help="folder of face crops: for agreement, and to calibrate int8")
    add("--num-calibration", type=int, default=128)
    add("--num-test", type=int, default=512)
    add("--photographs", nargs="+", type=Path, help="by default a portrait, and the same six times")
    add("--others", metavar="PYTHON", help="that fer, deepface and emotiefflib are installed for")
    add("--libraries", nargs="+", choices=OTHERS, default=list(OTHERS), help="those of --others that are run")
    add("--scrfd", type=Path, help="ONNX file of insightface's detector")
    add("--seconds", type=float, default=6, help="for the rounds of each batch size and each picture")
    add("--longest", type=float, default=4, help="seconds; beyond batch 32 what takes longer is left out")
    add("--starts", type=int, default=2, help="cold starts of each contender")
    add("--num-faces", nargs="+", type=int, default=[1, 2, 4, 8, 16, 32], help="in a picture, for its growth")
    add("--num-pictures", nargs="+", type=int, default=[1, 2, 4, 8], help="likewise")
    add("--threads", type=int, default=count_cores())
    return parser.parse_args(arguments)


def tell(message: str) -> None:
    """Say on the error output what is going on."""
    print(f"{time.perf_counter() - START:4.0f} s  {message}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
