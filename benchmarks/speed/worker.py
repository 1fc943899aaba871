"""One contender in a process of its own: whole pictures in, times out.

``processes.py`` starts this file with the Python of the contender, so it needs nothing but the standard library and
what the contender is. Its first line of output says how long importing, constructing and the first picture took; then
each line of input is a question, and each line of output the answer, in JSON.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
from functools import partial
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from libraries import LIBRARIES, Clock


def answer_question(contender: Any, question: dict[str, Any]) -> dict[str, Any]:
    """Return the answer to a line of input.

    Args:
        contender: the library.
        question: ``do`` is ``"memory"``, ``"prepare"``, ``"analyse"``, ``"classify"`` (what was prepared) or
            ``"steps"``; ``pictures`` are paths, and ``calls`` is how often to do it after once for warming up.
    """
    do, pictures, calls = question["do"], question["pictures"], question["calls"]
    if do == "memory":
        return {"peak_megabytes": peak_megabytes()}
    if do == "prepare":
        return {"num_faces": contender.prepare_faces(pictures[0])}
    if do == "steps":
        found = [contender.steps(pictures[0]) for _ in range(calls + 1)][1:]
        return {name: statistics.median(times[name] for times in found) for name in found[0]}
    call = contender.classify_faces if do == "classify" else partial(contender.analyse, pictures)
    call()
    clock = Clock()
    milliseconds = []
    for _ in range(calls):
        clock.time("call", call)
        milliseconds.append(clock.milliseconds["call"])
    return {"milliseconds": milliseconds}


def peak_megabytes() -> float | None:
    """Return the peak of the resident memory of this process, in units of 10^6 bytes, where Linux tells.

    ``getrusage`` would count what the parent had when it started this process.
    """
    path = Path("/proc/self/status")
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return next((int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM:")), None)


def main() -> None:
    """Make the contender, then answer questions until the input ends."""
    folder = str(Path(__file__).parent)
    sys.path[:] = [entry for entry in sys.path if entry != folder]  # its file names must not hide packages
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is not an answer
    name, options, picture = sys.argv[1], json.loads(sys.argv[2]), sys.argv[3]
    clock = Clock()
    library = LIBRARIES[name]
    clock.time("import", lambda: [import_module(module) for module in library.modules])
    contender = clock.time("construct", lambda: library(options))
    clock.time("first picture", lambda: contender.analyse([picture]))
    start = {key: milliseconds / 1000 for key, milliseconds in clock.milliseconds.items()}
    print(json.dumps({"seconds": start, "version": version(library.package)}), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(answer_question(contender, json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
