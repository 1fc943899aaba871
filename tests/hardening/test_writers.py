"""What is written is there whole or not at all: killed in the middle, on a full disk, and below a file."""

from __future__ import annotations

import errno
import os
import re
import signal
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from forked import forked
from full_disk import full_disk
from writers import WRITERS, write_forever

from fer_zoo.whole_files import whole_folder, write_whole

#: Those whose folder may have some of its files: each of them is whole.
OF_SINGLE_FILES = {"hub configs", "installed"}

#: In a folder of their own: by them the client of the Hub tries links.
LINK_TRIALS = {"dummy_file_src", "dummy_file_dst"}

#: Takes seconds to convert a network, and its folder appears as that of the other exports.
SLOW = "exported, openvino"


def contents(place: Path) -> dict[str, bytes]:
    """Return the files of a place by their paths in it, without hidden ones."""
    if place.is_file():
        return {"": place.read_bytes()}
    return {
        path.relative_to(place).as_posix(): path.read_bytes()
        for path in place.rglob("*")
        if path.is_file() and not path.name.startswith(".")
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(WRITERS.keys() - {SLOW}))
def test_killed_writer_leaves_whole_files(name: str, tmp_path: Path) -> None:
    """SIGTERM ends a process that writes and writes; whatever stands in a place is what an undisturbed one wrote."""
    ending, write = WRITERS[name]
    expected = []
    for variant in (0, 1):
        place = tmp_path / "expected" / f"{variant}{ending}"
        place.parent.mkdir(exist_ok=True)
        write(place, variant)
        expected.append(contents(place))
    folder = tmp_path / "killed"
    folder.mkdir()
    for number in range(2):
        with forked(write_forever, name, folder, folder=tmp_path, name=str(number)) as process:
            while not (folder / f"1{ending}").exists() and process.process.is_alive():
                time.sleep(0.002)
            process.send_signal(signal.SIGTERM)
            process.wait()

        found = [path for path in folder.iterdir() if not path.name.startswith(".")]
        assert len(found) >= 2
        for place in found:
            known = expected[int(place.name.removesuffix(ending)) % 2]
            if name in OF_SINGLE_FILES:
                found_files = contents(place)
                for tried in [path for path in found_files if Path(path).name in LINK_TRIALS]:
                    del found_files[tried]
                assert found_files.items() <= known.items()
            else:
                assert contents(place) == known


@pytest.mark.parametrize("name", [*sorted(WRITERS.keys() - {SLOW}), pytest.param(SLOW, marks=pytest.mark.slow)])
def test_full_disk_is_said_and_leaves_what_was_there(name: str, tmp_path: Path) -> None:
    """The error names the place, an earlier file stays as it was, and nothing half written is left."""
    ending, write = WRITERS[name]
    with TemporaryDirectory() as elsewhere:
        write(Path(elsewhere, f"out{ending}"), 0)  # what it needs once is there when the disk is full
    place = tmp_path / f"out{ending}"
    if ending:
        place.write_bytes(b"before")

    with full_disk(512), pytest.raises((OSError, ValueError)) as caught:
        write(place, 0)

    assert re.search("File too large|OpenVINO cannot write", str(caught.value))
    assert "None" not in str(caught.value)
    assert str(place) in str(caught.value)
    assert set(tmp_path.iterdir()) <= {place}
    assert contents(place) == ({"": b"before"} if ending else {})


@pytest.mark.parametrize("name", WRITERS)
def test_place_below_a_file_is_said(name: str, tmp_path: Path) -> None:
    """Where a folder is a file, nobody can write, root neither; the error names the place."""
    ending, write = WRITERS[name]
    (tmp_path / "file").write_bytes(b"text")

    place = tmp_path / "file" / f"out{ending}"
    with pytest.raises((OSError, ValueError), match=re.escape(str(place))):
        write(place, 0)

    assert contents(tmp_path) == {"file": b"text"}


@pytest.mark.parametrize("name", ["a b.txt", "été 😀.txt", "two\nlines.txt", "-rf.txt", "x" * 250 + ".txt"])
def test_names_of_any_kind_are_written(name: str, tmp_path: Path) -> None:
    """Spaces, Unicode, line breaks, a leading dash, and as many characters as the system allows."""
    write_whole(tmp_path / name, b"content")

    assert contents(tmp_path) == {name: b"content"}


def test_link_stays_a_link(tmp_path: Path) -> None:
    """The file that it leads to is replaced."""
    (tmp_path / "real.txt").write_bytes(b"before")
    (tmp_path / "link.txt").symlink_to("real.txt")

    write_whole(tmp_path / "link.txt", b"after")

    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real.txt").read_bytes() == b"after"


@pytest.mark.parametrize("is_there", [False, True])
def test_disk_has_a_file_before_it_gets_its_name(
    is_there: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A power cut then leaves no empty file under the name: everything is synced, and before anything is renamed."""
    place = tmp_path / "place"
    if is_there:
        place.mkdir()
    synced: dict[int, set[int]] = {}  # by inode: the files that had their names at that moment

    def sync(descriptor: int) -> None:
        files = (file for file in place.rglob("*.txt") if ".partial" not in str(file))
        synced[os.fstat(descriptor).st_ino] = {file.stat().st_ino for file in files}

    monkeypatch.setattr(os, "fsync", sync)
    with whole_folder(place) as partial:
        (partial / "a.txt").write_bytes(b"a")
        (partial / "deep").mkdir()
        (partial / "deep" / "b.txt").write_bytes(b"b")
    write_whole(place / "c.txt", b"c")

    assert set(synced) == {(place / name).stat().st_ino for name in ("a.txt", "deep/b.txt", "c.txt")}
    assert all(inode not in named for inode, named in synced.items())


@pytest.mark.parametrize("error", [errno.EINVAL, errno.ENOTSUP, errno.EIO])
def test_file_systems_without_a_sync(error: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are written to all the same; a disk that fails is said, by the name of the file."""

    def fail(descriptor: int) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os, "fsync", fail)
    if error == errno.EIO:
        with pytest.raises(OSError, match=r"a\.txt"):
            write_whole(tmp_path / "a.txt", b"a")
        assert contents(tmp_path) == {}
    else:
        write_whole(tmp_path / "a.txt", b"a")
        assert contents(tmp_path) == {"a.txt": b"a"}


def test_permissions_of_a_replaced_file_stay(tmp_path: Path) -> None:
    """What only its owner could read is not shown to others by being written again, alone or in a folder."""
    for name in ("a.txt", "b.txt"):
        (tmp_path / name).write_bytes(b"before")
        (tmp_path / name).chmod(0o600)

    write_whole(tmp_path / "a.txt", b"after")
    with whole_folder(tmp_path) as partial:
        (partial / "b.txt").write_bytes(b"after")

    assert contents(tmp_path) == {"a.txt": b"after", "b.txt": b"after"}
    assert {(tmp_path / name).stat().st_mode & 0o777 for name in ("a.txt", "b.txt")} == {0o600}


def test_device_is_written_to_directly() -> None:
    """``/dev/null`` is not replaced by a file."""
    write_whole("/dev/null", b"content")

    assert not Path("/dev/null").is_file()


def fail_in_the_middle(folder: Path) -> None:
    """Write half of a folder."""
    with whole_folder(folder) as partial:
        (partial / "a.txt").write_bytes(b"half")
        raise RuntimeError("stop")


@pytest.mark.parametrize("kept", ["", "a", "a/b"])
def test_folders_above_one_that_failed_go_too(kept: str, tmp_path: Path) -> None:
    """Those that were made for it; those that were there stay."""
    (tmp_path / kept).mkdir(parents=True, exist_ok=True)
    before = set(tmp_path.rglob("*"))

    with pytest.raises(RuntimeError, match="stop"):
        fail_in_the_middle(tmp_path / "a" / "b" / "c")

    assert set(tmp_path.rglob("*")) == before


def test_folder_in_use_keeps_its_other_files(tmp_path: Path) -> None:
    """Files of the same name are replaced, others stay, and a failure changes none."""
    (tmp_path / "own.txt").write_bytes(b"own")
    (tmp_path / "a.txt").write_bytes(b"before")
    with pytest.raises(RuntimeError, match="stop"):
        fail_in_the_middle(tmp_path)
    assert contents(tmp_path) == {"own.txt": b"own", "a.txt": b"before"}

    with whole_folder(tmp_path) as partial:
        (partial / "a.txt").write_bytes(b"after")
        (partial / "deep").mkdir()
        (partial / "deep" / "b.txt").write_bytes(b"new")

    assert contents(tmp_path) == {"own.txt": b"own", "a.txt": b"after", "deep/b.txt": b"new"}


@pytest.mark.parametrize("name", [".", "there"])
def test_folder_that_is_there_stays_the_same_folder(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be the current folder or a mount point: it is filled, not replaced, and keeps its permissions."""
    place = tmp_path / name
    place.mkdir(exist_ok=True)
    place.chmod(0o2775)
    monkeypatch.chdir(place if name == "." else tmp_path)
    before = place.stat()

    with whole_folder(name) as partial:
        (partial / "a.txt").write_bytes(b"new")

    after = place.stat()
    assert (after.st_ino, after.st_mode) == (before.st_ino, before.st_mode)
    assert contents(place) == {"a.txt": b"new"}
    assert Path.cwd().is_dir()


def test_file_in_the_place_of_a_folder_is_refused_before_the_work(tmp_path: Path) -> None:
    """Nobody waits for what has no place in the end."""
    (tmp_path / "file").write_bytes(b"mine")

    with (
        pytest.raises(NotADirectoryError, match=re.escape(str(tmp_path / "file"))),
        whole_folder(tmp_path / "file"),
    ):
        pytest.fail("the block was entered")

    assert contents(tmp_path) == {"file": b"mine"}


def test_errors_of_other_files_keep_their_names(tmp_path: Path) -> None:
    """What cannot be read is not taken for what cannot be written."""
    with (
        pytest.raises(FileNotFoundError, match=r"source\.json'$"),
        whole_folder(tmp_path / "new"),
    ):
        (tmp_path / "source.json").read_bytes()
