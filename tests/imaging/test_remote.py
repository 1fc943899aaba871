"""Pictures by URIs that pyarrow opens, on the file system of this machine."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer_zoo.errors import ImageNotFoundError, ImageReadError, ImageTooLargeError, MissingPackageError
from fer_zoo.imaging import remote
from fer_zoo.imaging.locations import find_locations, load, name_of
from fer_zoo.imaging.remote import RemotePicture, find_remote_pictures, read_remote


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with two pictures and another file, one in a folder whose name has a space."""
    (tmp_path / "a b").mkdir()
    Image.fromarray(np.full((2, 3, 3), 7, np.uint8)).save(tmp_path / "a b/1.png")
    (tmp_path / "z.jpg").write_bytes(b"no picture")
    (tmp_path / "notes.txt").touch()
    return tmp_path


def test_pictures_below_a_folder_are_found_and_read(folder: Path) -> None:
    """In the order of the names, shown by their URIs."""
    one, broken = find_locations(f"file://{folder}")

    assert isinstance(one, RemotePicture)
    assert (name_of(one), name_of(broken)) == (f"file://{folder}/a b/1.png", f"file://{folder}/z.jpg")
    np.testing.assert_array_equal(load(one, "one"), np.full((2, 3, 3), 7))
    assert not isinstance(broken, ImageReadError)
    error = load(broken, name_of(broken))
    assert isinstance(error, ImageReadError)
    assert error.source == f"file://{folder}/z.jpg"


def test_one_file_is_one_picture(folder: Path) -> None:
    """Whatever its ending."""
    (found,) = find_remote_pictures(f"file://{folder}/notes.txt")

    assert isinstance(found, RemotePicture)
    assert found.path == f"{folder}/notes.txt"


def test_what_is_not_there_has_a_reason(folder: Path) -> None:
    """When the folder is looked for, and when a picture has gone since."""
    (missing,) = find_locations(f"file://{folder}/missing")
    one = next(find_remote_pictures(f"file://{folder}"))
    (folder / "a b/1.png").unlink()

    assert isinstance(missing, ImageNotFoundError)
    assert isinstance(one, RemotePicture)
    assert isinstance(load(one, "one"), ImageNotFoundError)


def test_large_file_is_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its size is asked for first."""
    one = next(find_remote_pictures(f"file://{folder}"))
    monkeypatch.setattr(remote, "MAX_PICTURE_BYTES", 5)

    assert isinstance(one, RemotePicture)
    with pytest.raises(ImageTooLargeError, match="above the limit of 5"):
        read_remote(one)


def test_names_hide_passwords_and_options() -> None:
    """A URI that is no good is shown without what is secret in it."""
    (error,) = find_remote_pictures("hdfs://user:secret@/x?replication=none")

    assert isinstance(error, ImageReadError)
    assert error.source == "hdfs:///x"
    assert "secret" not in str(error)


def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that installs it."""
    monkeypatch.setitem(sys.modules, "pyarrow.fs", None)

    with pytest.raises(MissingPackageError, match=r"'pyarrow'.* pip install"):
        list(find_remote_pictures("s3://bucket/folder"))
