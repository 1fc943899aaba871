"""A real ``fer-zoo demo`` in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass
class DemoServer:
    """``fer-zoo demo``, running.

    Attributes:
        url: where the page is.
        process: the server.
        folder: the folder that its temporary folder lies in.
    """

    url: str
    process: subprocess.Popen[str]
    folder: Path


def start_demo(folder: Path, *arguments: str, password: str | None = None) -> DemoServer:
    """Start ``fer-zoo demo`` at a free port, with its temporary files below a folder, and wait until it is ready."""
    env = {**os.environ, "TMPDIR": str(folder), "HF_HUB_OFFLINE": "1", "NO_COLOR": "1", "OMP_NUM_THREADS": "1"}
    if password is not None:
        env["FER_ZOO_DEMO_PASSWORD"] = password
    command = [sys.executable, "-c", "from fer_zoo.cli import app; app()", "demo", "--port", "0", *arguments]
    with (folder / "stderr.txt").open("w") as stderr:
        process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=stderr, text=True)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("fer-zoo demo: http"), (line, (folder / "stderr.txt").read_text())
    return DemoServer(line.split()[2], process, folder)


def stop_demo(server: DemoServer, number: signal.Signals = signal.SIGINT) -> int:
    """End a server by a signal and return its exit status."""
    server.process.send_signal(number)
    status = server.process.wait(timeout=60)
    if server.process.stdout is not None:
        server.process.stdout.close()
    return status
