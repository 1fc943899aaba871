"""What ``read_image`` accepts, how it names an input, and what it says about the rest."""

import io
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from locked import without_access
from PIL import Image

import fer_zoo
from fer_zoo.errors import FerZooError, ImageNotFoundError, ImageReadError, InvalidOptionError
from fer_zoo.imaging.read import describe_source, read_image

COLOUR = [10, 20, 30]


@pytest.fixture
def data() -> bytes:
    """A PNG file of 4 by 3 pixels in one colour."""
    buffer = io.BytesIO()
    Image.new("RGB", (4, 3), tuple(COLOUR)).save(buffer, "PNG")
    return buffer.getvalue()


class TestPaths:
    """Files on disk."""

    @pytest.mark.parametrize(
        "name", ["photo.png", "no extension", "two\nlines.png", "Grüße 顔.png", "wrong.jpg", "a://b"]
    )
    def test_file_names(self, tmp_path: Path, data: bytes, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Names with spaces, line breaks and any script work; what counts is the content, not the extension."""
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)
        monkeypatch.chdir(tmp_path)

        for source in (path, str(path), name.replace("://", ":/")):
            image = read_image(source)
            assert image.shape == (3, 4, 3)
            assert (image == COLOUR).all()

    def test_any_path_like(self, tmp_path: Path, data: bytes) -> None:
        """An entry of a directory, which is an os.PathLike, is a path."""
        (tmp_path / "photo.png").write_bytes(data)

        with os.scandir(tmp_path) as entries:
            assert read_image(next(entries)).shape == (3, 4, 3)

    @pytest.mark.parametrize("name", ["missing.png", "photo.png/inside.png"])
    def test_missing_file(self, tmp_path: Path, data: bytes, name: str) -> None:
        """A path that does not exist is a FileNotFoundError that names the path as it was given."""
        (tmp_path / "photo.png").write_bytes(data)
        path = tmp_path / name

        with pytest.raises(FileNotFoundError) as caught:
            read_image(path)

        assert isinstance(caught.value, ImageNotFoundError)
        assert str(caught.value) == f"Cannot read image {str(path)!r}: there is no such file."

    def test_line_breaks_in_names_are_escaped_in_messages(self, tmp_path: Path) -> None:
        """The message stays on one line whatever the name."""
        with pytest.raises(ImageNotFoundError) as caught:
            read_image(tmp_path / "two\nlines.png")

        assert "\n" not in str(caught.value)

    def test_directory(self, tmp_path: Path) -> None:
        """A directory is an error that says so."""
        with pytest.raises(ImageReadError, match="it is a directory; pass the files in it one by one"):
            read_image(tmp_path)

    @pytest.mark.skipif(os.name == "nt", reason="needs permissions of POSIX")
    @pytest.mark.parametrize("locked", ["photos/photo.png", "photos"])
    def test_permission_denied(self, locked: str, tmp_path: Path, data: bytes) -> None:
        """A file that may not be read, or is in a folder that may not be searched, is an error that says so."""
        path = tmp_path / "photos" / "photo.png"
        path.parent.mkdir()
        path.write_bytes(data)

        with without_access(tmp_path / locked), pytest.raises(ImageReadError, match="permission to read it is denied"):
            read_image(path)

    @pytest.mark.parametrize(
        ("path", "reason"), [("", "the path is empty"), ("a\0b", "null"), ("a" * 5000, "cannot be opened .*too long")]
    )
    def test_impossible_paths(self, path: str, reason: str) -> None:
        """A path that no file can have is an ImageReadError."""
        with pytest.raises(ImageReadError, match=reason):
            read_image(path)

    def test_empty_file(self, tmp_path: Path) -> None:
        """A file of 0 bytes is empty."""
        path = tmp_path / "empty.png"
        path.touch()

        with pytest.raises(ImageReadError, match=r"empty\.png': it is empty"):
            read_image(path)

    @pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
    def test_named_pipe(self, tmp_path: Path, data: bytes) -> None:
        """A pipe, which cannot be rewound, is read to its end."""
        path = tmp_path / "pipe"
        os.mkfifo(path)
        writer = threading.Thread(target=path.write_bytes, args=(data,))
        writer.start()

        image = read_image(path)
        writer.join()

        assert image.shape == (3, 4, 3)


class TestBytesAndFiles:
    """Encoded pictures in memory and open files."""

    @pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
    def test_bytes(self, data: bytes, kind: type[bytes] | type[bytearray] | type[memoryview]) -> None:
        """All kinds of bytes are the content of a file."""
        assert (read_image(kind(data)) == COLOUR).all()

    def test_strided_memoryview(self, data: bytes) -> None:
        """A memory view that skips bytes is read as it looks."""
        doubled = bytes(value for byte in data for value in (byte, 0))

        assert (read_image(memoryview(doubled)[::2]) == COLOUR).all()

    def test_file_object_is_read_from_where_it_stands(self, data: bytes) -> None:
        """What comes before the current position is not part of the picture, and the file stays open."""
        file = io.BytesIO(b"something else" + data)
        file.seek(len(b"something else"))

        image = read_image(file)

        assert (image == COLOUR).all()
        assert not file.closed

    def test_open_file(self, tmp_path: Path, data: bytes) -> None:
        """A file opened in binary mode is read and stays open."""
        path = tmp_path / "photo.png"
        path.write_bytes(data)

        with path.open("rb") as file:
            assert read_image(file).shape == (3, 4, 3)
            assert not file.closed

    def test_file_at_its_end(self, data: bytes) -> None:
        """A file that was read before gives no bytes, and the error says how to rewind it."""
        file = io.BytesIO(data)
        file.read()

        with pytest.raises(ImageReadError, match=r"it gives no bytes; if it was read before, call seek\(0\)"):
            read_image(file)

    def test_text_file(self, tmp_path: Path) -> None:
        """A file opened in text mode is an error that says which mode is needed."""
        path = tmp_path / "photo.png"
        path.write_text("text", encoding="utf-8")

        with path.open(encoding="utf-8") as file, pytest.raises(ImageReadError, match="binary mode, 'rb'"):
            read_image(file)  # type: ignore[arg-type]

    def test_picture_in_text_mode(self, tmp_path: Path, data: bytes) -> None:
        """A picture opened in text mode, which fails to decode as text, is one clear error too."""
        path = tmp_path / "photo.png"
        path.write_bytes(data)

        with path.open(encoding="utf-8") as file, pytest.raises(ImageReadError, match="reading from it failed"):
            read_image(file)  # type: ignore[arg-type]

    def test_closed_file(self) -> None:
        """A closed file is an error."""
        file = io.BytesIO()
        file.close()

        with pytest.raises(ImageReadError, match=r"reading from it failed .*closed file"):
            read_image(file)


class TestOtherObjects:
    """Inputs that are no pictures, and options."""

    @pytest.mark.parametrize("source", [None, 7, 1.5, [1, 2], {"path": "a"}, object(), np.uint8(1)])
    def test_unsupported_types(self, source: object) -> None:
        """Any other object is an error that names its type and lists what is accepted."""
        expected = (
            rf"'object of type {type(source).__name__}': this type is not supported; pass a path, an http\(s\) URL"
        )

        with pytest.raises(ImageReadError, match=expected) as caught:
            read_image(source)  # type: ignore[arg-type]

        assert isinstance(caught.value, FerZooError)
        assert isinstance(caught.value, ValueError)

    @pytest.mark.parametrize("option", ["max_pixels", "timeout", "max_bytes"])
    @pytest.mark.parametrize("value", [0, -1])
    def test_limits_are_positive(self, option: str, value: int, data: bytes) -> None:
        """A limit of 0 or less is refused, by name."""
        with pytest.raises(InvalidOptionError, match=f"Invalid value {value} for {option}"):
            read_image(data, **{option: value})  # type: ignore[arg-type]  # a name in a variable

    def test_result_is_writable(self, data: bytes) -> None:
        """The result is an array of its own, which may be written to."""
        for source in (data, Image.new("RGB", (2, 2)), np.zeros((2, 2, 3), dtype=np.uint8), torch.zeros(3, 2, 2)):
            image = read_image(source)
            assert image.flags.writeable
            assert image.flags.c_contiguous


class TestDescribeSource:
    """How errors and result rows name an input."""

    @pytest.mark.parametrize(
        ("source", "description"),
        [
            ("photos/a b.png", "photos/a b.png"),
            (Path("photos/a.png"), str(Path("photos/a.png"))),
            ("https://example.org/a.png?size=3", "https://example.org/a.png?size=3"),
            ("https://me:secret@example.org:8080/a@b.png", "https://example.org:8080/a@b.png"),
            ("http://me:secret@[::1/a.png", "http://[::1/a.png"),
            ("data:image/png;base64,AAAA", "data URL (26 characters)"),
            (b"0123456789ab", "bytes (12 bytes)"),
            (bytearray(3), "bytearray (3 bytes)"),
            (memoryview(b"abcd"), "memoryview (4 bytes)"),
            (io.BytesIO(b"a"), "file object BytesIO"),
            (Image.new("RGB", (640, 480)), "PIL image (640x480, RGB)"),
            (np.zeros((480, 640, 3)), "array of shape (480, 640, 3)"),
            (torch.zeros(3, 4, 5), "tensor of shape (3, 4, 5)"),
            (None, "object of type NoneType"),
        ],
        ids=lambda value: value if isinstance(value, str) else type(value).__name__,
    )
    def test_description(self, source: object, description: str) -> None:
        """Every kind of input has a short name without secrets."""
        assert describe_source(source) == description

    def test_open_file_is_named(self, tmp_path: Path) -> None:
        """An open file is described by its name."""
        path = tmp_path / "photo.png"
        path.touch()

        with path.open("rb") as file:
            assert describe_source(file) == f"file object {path}"


def test_pictures_are_read_without_torch(data: bytes) -> None:
    """Reading a file and describing an object do not import torch."""
    program = (
        "import sys, types\n"
        "sys.modules['torch'] = None\n"  # makes an import fail
        f"package = types.ModuleType('fer_zoo'); package.__path__ = {list(fer_zoo.__path__)}\n"
        "sys.modules['fer_zoo'] = package\n"
        "from fer_zoo.imaging.read import describe_source, read_image\n"
        "assert read_image(sys.stdin.buffer).shape == (3, 4, 3)\n"
        "assert describe_source(None) == 'object of type NoneType'"
    )

    subprocess.run([sys.executable, "-c", program], input=data, check=True)
