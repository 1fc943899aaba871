"""Processes that begin at once: forked from one that has imported torch, transformers and Gradio beforehand.

A fresh interpreter takes seconds to import them. What a test needs a fresh one for, such as what happens at import, is
not for these.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import runpy
import signal
import socket
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

WAIT_SECONDS = 120  # a shared machine may be slow


@dataclass
class Forked:
    """A process that was forked.

    Attributes:
        process: what multiprocessing knows of it.
        out: file with what it printed.
        err: file with what it printed as errors.
    """

    process: Any
    out: Path
    err: Path

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.process.pid, number)

    def wait(self) -> int:
        """Wait for its end and return its exit status, below 0 where a signal ended it."""
        self.process.join(WAIT_SECONDS)
        assert self.process.exitcode is not None, f"still running: {self.out.read_text()} {self.err.read_text()}"
        return int(self.process.exitcode)

    def lines(self) -> Iterator[str]:
        """Give the lines that it prints as they come, until it ends."""
        with self.out.open(encoding="utf-8") as file:
            line = ""
            while True:
                ended = not self.process.is_alive()
                line += file.readline()
                if line.endswith("\n"):
                    yield line
                    line = ""
                elif ended:
                    return
                else:
                    time.sleep(0.01)


@contextmanager
def forked(
    function: Callable[..., object],
    *arguments: object,
    folder: Path,
    name: str = "process",
    environment: Mapping[str, str] | None = None,
) -> Iterator[Forked]:
    """Run a function of a module in a process of its own, and kill it at the end if it still runs.

    Args:
        function: is found by its module and name.
        arguments: of the function; they are pickled.
        folder: where the files with its output are made.
        name: of these files.
        environment: variables that are set in it beforehand.

    Yields:
        The running process.
    """
    files = (folder / f"{name}.out", folder / f"{name}.err")
    for file in files:
        file.touch()
    process = context().Process(target=_enter, args=(files, dict(environment or {}), function, arguments))
    with pytest.MonkeyPatch.context() as patch:  # the process that forks begins with the first of them
        patch.setenv("PYTHONPATH", os.pathsep.join(path for path in sys.path if path))
        process.start()
    try:
        yield Forked(process, *files)
    finally:
        if process.is_alive():
            process.kill()
        process.join()


def command_line(*arguments: str) -> None:
    """Run ``fer-zoo`` with arguments; what :func:`forked` is mostly asked for."""
    from fer_zoo.cli import app

    app(arguments, prog_name="fer-zoo")


def command_line_at_debug(*arguments: str) -> None:
    """Run ``fer-zoo`` with everything that any library logs on its standard error."""
    logging.basicConfig(level=logging.DEBUG)
    command_line(*arguments)


def run_script(path: Path) -> None:
    """Run a script as ``python path`` does, and print line by line."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    runpy.run_path(str(path), run_name="__main__")


def run_together(number: int, function: Callable[..., object], *arguments: object, folder: Path) -> str:
    """Run a function in so many processes that are set up as ``torchrun`` does it, and return what they printed."""
    with ExitStack() as stack:
        processes = [
            stack.enter_context(
                forked(function, *arguments, folder=folder, name=f"rank{rank}", environment=environment)
            )
            for rank, environment in enumerate(_ranks(number))
        ]
        for process in processes:
            assert process.wait() == 0, process.err.read_text(encoding="utf-8")
    return "".join(process.out.read_text(encoding="utf-8") for process in processes)


def _ranks(number: int) -> list[dict[str, str]]:
    """Return the variables that ``torchrun`` would set in so many processes, one mapping for each."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    common = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(number)}
    common |= {"LOCAL_WORLD_SIZE": str(number), "OMP_NUM_THREADS": "1"}
    return [{**common, "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in range(number)]


@cache
def context() -> Any:
    """Return multiprocessing's fork server, with what it imports beforehand."""
    server: Any = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload(["forked_imports"])
    return server


def _enter(
    files: tuple[Path, Path], environment: dict[str, str], function: Callable[..., object], arguments: tuple[Any, ...]
) -> None:
    """Set up the process and run the function."""
    for stream, file in zip((1, 2), files, strict=True):
        handle = os.open(file, os.O_WRONLY | os.O_APPEND)
        os.dup2(handle, stream)
        os.close(handle)
    os.environ.update(environment)
    # The shell starts what it runs in the background with SIGINT ignored, and the tests may be that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    tempfile.tempdir = None  # asked for again, as TMPDIR may be another
    function(*arguments)
