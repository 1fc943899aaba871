"""Folders of pictures: what the walk finds, and the names that it hands out."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fer_zoo.errors import ImageReadError
from fer_zoo.imaging import FreeNames, find_pictures


def touch(*paths: Path) -> None:
    """Make empty files, and their folders."""
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def found(folder: Path, *, skip: Path | None = None) -> list[str]:
    """Return what the walk yields, relative to the folder."""
    return [os.path.relpath(str(item), folder) for item in find_pictures(folder, skip=skip)]


def test_pictures_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    """Files and folders are sorted together, at every depth; the case of an ending does not matter."""
    touch(*(tmp_path / name for name in ("b.JPG", "a/z.png", "a/c/1.webp", "c.heic", "a.txt", "B/1.png")))

    assert found(tmp_path) == ["B/1.png", "a/c/1.webp", "a/z.png", "b.JPG", "c.heic"]


def test_what_macos_keeps_beside_a_picture_is_none(tmp_path: Path) -> None:
    """Its files on disks of other systems begin with ``._`` and end like the picture."""
    (tmp_path / "._a.jpg").touch()
    (tmp_path / "a.jpg").touch()

    assert list(find_pictures(tmp_path)) == [tmp_path / "a.jpg"]


def test_folder_with_the_name_of_a_picture_is_a_folder(tmp_path: Path) -> None:
    """A folder ``x.png`` is walked through, not yielded."""
    touch(tmp_path / "x.png" / "1.png")

    assert found(tmp_path) == ["x.png/1.png"]


def test_loop_of_links_ends(tmp_path: Path) -> None:
    """A link back up, and a link to itself, are passed over; a link to a folder elsewhere is followed."""
    touch(tmp_path / "in/deep/1.png", tmp_path / "elsewhere/2.png")
    (tmp_path / "in/deep/up").symlink_to(tmp_path / "in")
    (tmp_path / "in/self").symlink_to(tmp_path / "in/self")
    (tmp_path / "in/link").symlink_to(tmp_path / "elsewhere")

    assert found(tmp_path / "in") == ["deep/1.png", "link/2.png"]


def test_link_to_a_picture_that_is_gone_is_found(tmp_path: Path) -> None:
    """A dead link counts as a picture, so that reading it can say so; so does one that leads to itself."""
    (tmp_path / "dead.png").symlink_to(tmp_path / "gone.png")
    (tmp_path / "self.png").symlink_to(tmp_path / "self.png")

    assert found(tmp_path) == ["dead.png", "self.png"]


def test_pipe_is_no_picture(tmp_path: Path) -> None:
    """A named pipe, which would be waited for, is passed over, whatever its ending."""
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "link.png").symlink_to(tmp_path / "pipe.png")

    assert found(tmp_path) == []


def test_a_folder_can_be_left_out(tmp_path: Path) -> None:
    """The folder to skip is recognised through a link too, and need not exist."""
    touch(tmp_path / "a/1.png", tmp_path / "crops/2.png")
    (tmp_path / "link").symlink_to(tmp_path / "crops")

    assert found(tmp_path, skip=tmp_path / "crops") == ["a/1.png"]
    assert found(tmp_path / "a", skip=tmp_path / "missing") == ["1.png"]


def test_folder_that_cannot_be_looked_into_is_named(tmp_path: Path) -> None:
    """The reason takes the place of its pictures."""
    (item,) = find_pictures(tmp_path / "missing")

    assert isinstance(item, ImageReadError)
    assert item.source == str(tmp_path / "missing")
    assert item.reason == "the folder cannot be looked into (No such file or directory)"


@pytest.mark.parametrize(
    ("wishes", "names"),
    [
        (["a", "b", "a", "a"], ["a", "b", "a-2", "a-3"]),
        (["a-2", "a", "a"], ["a-2", "a", "a-3"]),
        (["Face", "face"], ["Face", "face-2"]),
    ],
)
def test_names_are_given_once(wishes: list[str], names: list[str]) -> None:
    """A taken name gets a number, and capital letters make no other name."""
    free = FreeNames()

    assert [free.take(wish) for wish in wishes] == names


def test_names_given_before_are_taken() -> None:
    """Names of an earlier run are not given again."""
    assert FreeNames(["train/A"]).take("train/a") == "train/a-2"


def test_folders_full_of_links_to_each_other_end(tmp_path: Path) -> None:
    """Twelve folders with links to all others have more than 10^8 paths; each is entered through one link."""
    for number in range(12):
        (tmp_path / f"{number:02}").mkdir()
        for other in range(12):
            (tmp_path / f"{number:02}" / f"to-{other:02}").symlink_to(tmp_path / f"{other:02}")
        touch(tmp_path / f"{number:02}" / "a.png")

    names = found(tmp_path)

    assert {f"{number:02}/a.png" for number in range(12)} <= set(names)
    assert len(names) <= 24


def test_folders_nested_too_deeply_are_an_error(tmp_path: Path) -> None:
    """More folders in each other than Python can follow give a reason and not its error."""
    before = Path.cwd()
    os.chdir(tmp_path)
    try:
        for _ in range(1500):
            Path("d").mkdir()
            os.chdir("d")
        *_, last = find_pictures(tmp_path)
        for _ in range(1500):
            os.chdir("..")
            Path("d").rmdir()
    finally:
        os.chdir(before)

    assert isinstance(last, ImageReadError)
    assert last.source.startswith(str(tmp_path))
