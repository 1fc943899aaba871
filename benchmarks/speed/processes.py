"""Contenders in processes of their own: started, asked, and ended."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

WORKER = Path(__file__).with_name("worker.py")
PATIENCE = 300  # seconds for an answer; a library may wait for a network that is not there


@dataclass(frozen=True, slots=True)
class Contender:
    """What runs whole pictures.

    Attributes:
        name: for the tables.
        library: its name in ``libraries.py``.
        python: the Python that it is installed for.
        options: as the library there takes them.
    """

    name: str
    library: str
    python: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_ours(self) -> bool:
        """Whether it is this package."""
        return self.library == "fer_zoo"


class NotStartedError(Exception):
    """A contender that does not run here; the message is the reason."""


class Worker:
    """A contender that is ready to be asked.

    Args:
        contender: what to start.
        picture: path of the first picture.
        threads: of torch, TensorFlow and OpenCV, where the contender has no option for them.
        hf_home: where converted networks are kept.

    Raises:
        NotStartedError: if it does not come up.
    """

    def __init__(self, contender: Contender, picture: Path, threads: int, hf_home: Path) -> None:
        self.contender = contender
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the process
        environment = {
            **os.environ,
            "HF_HOME": str(hf_home),
            "HF_HUB_OFFLINE": "1",
            "OMP_NUM_THREADS": str(threads),
            "TF_NUM_INTRAOP_THREADS": str(threads),
            "TF_CPP_MIN_LOG_LEVEL": "3",
        }
        command = [contender.python, str(WORKER), contender.library, json.dumps(dict(contender.options)), str(picture)]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._errors,
                text=True,
                env=environment,
            )
        except OSError as error:
            self._errors.close()
            raise NotStartedError(f"{contender.python} cannot be started ({error.strerror})") from error
        try:
            self.start: dict[str, Any] = self._answer()
        except NotStartedError:
            self.close()
            raise

    def ask(self, do: str, *pictures: Path, calls: int = 1) -> dict[str, Any]:
        """Ask for something, as ``worker.py`` describes it, and wait for the answer.

        Raises:
            NotStartedError: if the process ends instead.
        """
        question = {"do": do, "pictures": [str(picture) for picture in pictures], "calls": calls}
        if self._process.stdin is None or self._process.poll() is not None:
            raise NotStartedError(self._last_words())
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.kill()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self._errors.close()

    def __enter__(self) -> Self:
        """Return the worker."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the process."""
        self.close()

    def _answer(self) -> dict[str, Any]:
        """Return the next line of output."""
        if self._process.stdout is None:
            raise AssertionError
        timer = threading.Timer(PATIENCE, self._process.kill)
        timer.start()
        line = self._process.stdout.readline()
        timer.cancel()
        if not line:
            self._process.wait()
            raise NotStartedError(self._last_words())
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _last_words(self) -> str:
        """Return the last line that the process wrote of its errors."""
        self._errors.seek(0)
        lines = self._errors.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"ended with status {self._process.returncode}"
