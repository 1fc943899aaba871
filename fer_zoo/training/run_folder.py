"""The folder of a run: what is in it, where an interrupted run goes on, and how the results get there whole."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree

import yaml
from safetensors import SafetensorError, safe_open

from fer_zoo.errors import InvalidOptionError, RunFolderError
from fer_zoo.results.names import escape_bytes
from fer_zoo.training.averaging import AVERAGE_FILE
from fer_zoo.training.settings import RunSettings
from fer_zoo.training.settings_yaml import read_settings
from fer_zoo.training.settled import list_settled
from fer_zoo.whole_files import write_whole

SETTINGS_FILE, RECORD_FILE = "run.yaml", "training.json"
CHECKPOINTS, UNFINISHED = "checkpoints", ".unfinished"
PICTURES_FILE = "pictures.sha256"  # among the checkpoints, as it is about what they have learnt

MODES = ("auto", "resume", "restart")

WEIGHTS_FILE, STATE_FILE = "model.safetensors", "trainer_state.json"
STATE_FILES = (STATE_FILE, "optimizer.pt", "scheduler.pt")

_CHECKPOINT = re.compile(r"checkpoint-(\d+)")


@dataclass(frozen=True, slots=True)
class RunFolder:
    """The folder of a run.

    Attributes:
        path: the folder, which need not exist yet.
    """

    path: Path

    @property
    def checkpoints(self) -> Path:
        """Where the checkpoints are."""
        return self.path / CHECKPOINTS

    @property
    def is_finished(self) -> bool:
        """Whether a run came to its end here; its record is written last, and counts if it can be read."""
        return self._results() is not None

    def check(self, settings: RunSettings, mode: str) -> None:
        """Refuse to write over anything that was not made by the same run.

        Args:
            settings: of the run that is about to begin.
            mode: ``"auto"`` goes on with the same run if it was interrupted, or begins where there is no checkpoint,
                ``"resume"`` goes on also with one that is finished or had other settings, as long as they can still
                take effect, and ``"restart"`` begins anew.

        Raises:
            RunFolderError: if the folder holds a finished run, one with settings that do not go together with these, or
                something else.
            InvalidOptionError: if there is no such mode, the folder is a file, or its path is not UTF-8.
        """
        if mode not in MODES:
            raise InvalidOptionError("mode", mode, f"one of {', '.join(MODES)}")
        if escape_bytes(str(self.path)) != str(self.path):
            raise InvalidOptionError("output", str(self.path), "a path in UTF-8, as safetensors reads no other")
        if not self.path.exists():
            return
        if not self.path.is_dir():
            raise InvalidOptionError("output", str(self.path), "a folder")
        if not (self.path / SETTINGS_FILE).is_file():
            if any(self.path.iterdir()):
                raise RunFolderError(
                    str(self.path), "is in use, and holds no run", "Choose a new folder, or an empty one."
                )
            return
        if mode == "auto":
            self._check_same_run(settings)
        if mode == "resume" and self._find_checkpoints():
            self._check_resumable(settings)

    def _check_same_run(self, settings: RunSettings) -> None:
        """Refuse a finished run, and one with other settings that has left something to lose.

        A run that came to its end before its first checkpoint has left its settings alone, which are written anew.

        Raises:
            RunFolderError: if it is one.
        """
        if not self._find_checkpoints() and not (self.path / RECORD_FILE).exists():
            return
        advice = "--restart begins anew and deletes it, --resume goes on from its last checkpoint."
        if self.is_finished:
            raise RunFolderError(str(self.path), "holds a finished run", f"Choose another folder; {advice}")
        changed = self.read_settings().differences(settings)
        if changed:
            found = f"holds an interrupted run with other settings: {', '.join(changed)}"
            raise RunFolderError(str(self.path), found, f"Give the same settings or another folder; {advice}")

    def _check_resumable(self, settings: RunSettings) -> None:
        """Refuse settings that differ from those of the checkpoints and could not take effect.

        Raises:
            RunFolderError: if there are any.
        """
        fixed = list_settled(self.read_settings(), settings)
        if fixed:
            raise RunFolderError(
                str(self.path),
                f"holds checkpoints in which other values are settled already: {', '.join(fixed)}",
                f"Leave these as they are in {SETTINGS_FILE}, choose another folder, or begin anew with --restart, "
                "which deletes the checkpoints.",
            )

    def choose_checkpoint(
        self, mode: str, *, num_processes: int = 1, has_average: bool = False
    ) -> tuple[Path | None, list[Path]]:
        """Return what :meth:`find_checkpoint` finds, and nothing where a run begins anew.

        Args:
            mode: see :meth:`check`.
            num_processes: of the run that goes on.
            has_average: whether the run keeps an average of the weights.

        Raises:
            RunFolderError: if there are checkpoints that are not half written, or any with ``"resume"``, and none of
                them can be gone on from.
        """
        if mode == "restart":
            return None, []
        found, passed_over = self.find_checkpoint(num_processes=num_processes, has_average=has_average)
        if found is None:
            for path in passed_over:
                number = max(1, len(list(path.glob("rng_state_*.pth"))))
                if is_complete(path, num_processes=number):
                    expected = f"{num_processes} processes{' and averaged weights' if has_average else ''}"
                    raise RunFolderError(
                        str(self.path),
                        f"holds checkpoints of {number} processes, and none that {expected} can go on from",
                        "Start as many processes with the same settings, or begin anew with --restart.",
                    )
            if passed_over and mode == "resume":
                raise RunFolderError(
                    str(self.path), "holds only checkpoints that are half written", "Begin anew with --restart."
                )
        return found, passed_over

    def _find_checkpoints(self) -> list[Path]:
        """Return all checkpoints, half written ones too, the last one first."""
        if not self.checkpoints.is_dir():
            return []
        found = [(int(m[1]), path) for path in self.checkpoints.iterdir() if (m := _CHECKPOINT.fullmatch(path.name))]
        return [path for _, path in sorted(found, reverse=True)]

    def find_checkpoint(self, *, num_processes: int = 1, has_average: bool = False) -> tuple[Path | None, list[Path]]:
        """Return the last complete checkpoint, and those after it that are only half written.

        Args:
            num_processes: of the run that goes on; each has left a file.
            has_average: whether the run keeps an average of the weights.
        """
        passed_over: list[Path] = []
        for path in self._find_checkpoints():
            if is_complete(path, num_processes=num_processes, has_average=has_average):
                return path, passed_over
            passed_over.append(path)
        return None, passed_over

    def check_pictures(self, digest: str) -> None:
        """Refuse to go on from a checkpoint with other pictures; what was not noted cannot be compared.

        Args:
            digest: of the pictures, see :meth:`~fer_zoo.training.TrainingData.digest`.

        Raises:
            RunFolderError: if the pictures have changed.
        """
        noted = self.checkpoints / PICTURES_FILE
        if noted.is_file() and noted.read_text(encoding="utf-8").strip() != digest:
            raise RunFolderError(
                str(self.path),
                "holds checkpoints of other pictures: those of data.path, or their labels, have changed, so that "
                "pictures that were learnt already could choose the epoch",
                "Put them back, choose another folder, or begin anew with --restart, which deletes the checkpoints.",
            )

    def read_settings(self) -> RunSettings:
        """Return the settings of the run that was here last."""
        return RunSettings.from_layers(read_settings(self.path / SETTINGS_FILE))

    def find_best(self, checkpoint: Path) -> Path | None:
        """Return the best checkpoint when another one was written, in this folder, wherever it was then.

        Args:
            checkpoint: that training goes on from; its state names the best one by its path at that time.

        Returns:
            The folder, ``None`` if there was no best one or it is not here.
        """
        state = json.loads((checkpoint / STATE_FILE).read_text(encoding="utf-8"))
        best = state.get("best_model_checkpoint")
        found = None if best is None else self.checkpoints / re.split(r"[\\/]", best)[-1]
        return found if found is not None and found.is_dir() else None

    def begin(self, settings: RunSettings, header: str, *, restart: bool, pictures: str = "") -> None:
        """Write the settings; on a new start, delete what an earlier run has left.

        Args:
            settings: of the run.
            header: comment above them.
            restart: whether to begin anew.
            pictures: digest of its pictures, which is noted for :meth:`check_pictures`; empty for none.

        Raises:
            RunFolderError: if a checkpoint cannot be deleted, and would be gone on from.
        """
        if restart:
            self._delete_checkpoints()
            for name in self._results() or []:
                (self.path / name).unlink(missing_ok=True)
        rmtree(self.path / UNFINISHED, ignore_errors=True)
        self.path.mkdir(parents=True, exist_ok=True)
        (self.path / RECORD_FILE).unlink(missing_ok=True)
        text = yaml.safe_dump(settings.to_dict(), sort_keys=False, allow_unicode=True)
        write_whole(self.path / SETTINGS_FILE, f"# {header}\n{text}".encode())
        if pictures:
            self.checkpoints.mkdir(parents=True, exist_ok=True)
            write_whole(self.checkpoints / PICTURES_FILE, f"{pictures}\n".encode())

    def _delete_checkpoints(self) -> None:
        """Delete all checkpoints; of what a link leads to only those, as other things may lie there.

        Raises:
            RunFolderError: if any are left.
        """
        for path in self._find_checkpoints() if self.checkpoints.is_symlink() else [self.checkpoints]:
            if path.is_symlink():
                path.unlink()
            else:
                rmtree(path, ignore_errors=True)
        if left := self._find_checkpoints():
            names = ", ".join(path.name for path in left)
            raise RunFolderError(
                str(self.path),
                f"holds checkpoints that cannot be deleted: {names}",
                f"Delete them from {str(self.checkpoints.resolve())!r}, or choose another folder.",
            )

    def _results(self) -> list[str] | None:
        """Return the names of the files that a finished run has left, apart from its settings; ``None`` without one."""
        try:
            record = json.loads((self.path / RECORD_FILE).read_text(encoding="utf-8"))
            return [Path(name).name for name in record["files"]]
        except (OSError, ValueError, KeyError, TypeError):
            return None

    @contextmanager
    def finishing(self) -> Iterator[Path]:
        """Give a folder for the results; they appear, the record last, when the block has come to its end."""
        scratch = self.path / UNFINISHED
        rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        yield scratch
        for path in sorted(scratch.iterdir(), key=lambda path: path.name == RECORD_FILE):
            path.replace(self.path / path.name)
        scratch.rmdir()


def is_complete(checkpoint: Path, *, num_processes: int = 1, has_average: bool = False) -> bool:
    """Return whether a checkpoint was written to its end.

    Args:
        checkpoint: its folder.
        num_processes: each has left the state of its random numbers.
        has_average: whether there must be an average of the weights.
    """
    states = ["rng_state.pth"] if num_processes == 1 else [f"rng_state_{rank}.pth" for rank in range(num_processes)]
    if not all((checkpoint / name).is_file() for name in (*STATE_FILES, *states)):
        return False
    try:
        json.loads((checkpoint / STATE_FILE).read_text(encoding="utf-8"))
        for name in (WEIGHTS_FILE, *([AVERAGE_FILE] if has_average else [])):
            with safe_open(checkpoint / name, "pt"):  # checks the length of the file
                pass
    except (OSError, ValueError, SafetensorError):
        return False
    return True


__all__ = ["MODES", "RECORD_FILE", "SETTINGS_FILE", "RunFolder", "is_complete"]
