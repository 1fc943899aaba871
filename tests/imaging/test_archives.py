"""Pictures in zip and tar archives, and archives that mean harm."""

from __future__ import annotations

import io
import lzma
import struct
import tarfile
import tracemalloc
import zipfile
import zlib
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from fer_zoo.errors import ImageNotFoundError, ImageReadError, ImageTooLargeError
from fer_zoo.imaging import archives
from fer_zoo.imaging.archives import ArchivedPicture, ArchiveReader, find_archived_pictures
from fer_zoo.imaging.locations import fetch, find_locations, load, name_of


def encoded(value: int) -> bytes:
    """Return the PNG of a picture ``(2, 3, 3)`` of one grey value."""
    file = io.BytesIO()
    Image.fromarray(np.full((2, 3, 3), value, np.uint8)).save(file, "PNG")
    return file.getvalue()


def write_zip(path: Path, members: dict[str, bytes]) -> Path:
    """Write a compressed zip."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def write_tar(path: Path, members: dict[str, bytes]) -> Path:
    """Write a tar, compressed as its ending says."""
    mode = {".gz": "w:gz", ".tgz": "w:gz", ".bz2": "w:bz2", ".xz": "w:xz"}.get(path.suffix, "w")
    with tarfile.open(path, mode) as archive:  # type: ignore[call-overload]  # the mode is one of those it knows
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def pictures_of(path: Path) -> dict[str, NDArray[np.uint8] | ImageReadError]:
    """Return what is read of each location in an archive, by its name."""
    found = {}
    with ArchiveReader() as reader:
        for location in find_locations(str(path)):
            found[name_of(location)] = load(fetch(location, reader), name_of(location))
    return found


MEMBERS = {
    "b/2.png": encoded(2),
    "notes.txt": b"no picture",
    "a/1.PNG": encoded(1),
    "__MACOSX/a/._1.png": b"what macOS writes",
    "a/._1.PNG": b"what macOS writes into a tar",
    "broken.jpg": b"no picture",
}


@pytest.mark.parametrize("name", ["in.zip", "in.tar", "in.tar.gz", "in.tgz", "in.tar.bz2", "in.tar.xz"])
def test_pictures_are_found_and_read(name: str, tmp_path: Path) -> None:
    """In the archive's order, by names that show both; other files are passed over, and a broken one has a reason."""
    write: Callable[[Path, dict[str, bytes]], Path] = write_zip if name.endswith("zip") else write_tar
    path = write(tmp_path / name, MEMBERS)

    found = pictures_of(path)

    assert list(found) == [f"{path}!b/2.png", f"{path}!a/1.PNG", f"{path}!broken.jpg"]
    two, one, broken = found.values()
    np.testing.assert_array_equal(two, np.full((2, 3, 3), 2))
    np.testing.assert_array_equal(one, np.full((2, 3, 3), 1))
    assert isinstance(broken, ImageReadError)
    assert str(broken).startswith(f"Cannot read image '{path}!broken.jpg': it is not an image of a known format")
    assert sorted(tmp_path.iterdir()) == [path]


def test_members_can_be_read_in_any_order(tmp_path: Path) -> None:
    """Going back in a compressed tar, and to another archive, gives the right bytes."""
    paths = [write_tar(tmp_path / "in.tar.gz", MEMBERS), write_zip(tmp_path / "in.zip", MEMBERS)]
    found = [item for path in paths for item in find_archived_pictures(path)]

    with ArchiveReader() as reader:
        contents = [reader.read(item) for item in reversed(found) if isinstance(item, ArchivedPicture)]

    assert contents == 2 * [b"no picture", MEMBERS["a/1.PNG"], MEMBERS["b/2.png"]]


def test_links_and_names_that_lead_elsewhere_do_no_harm(tmp_path: Path) -> None:
    """A link is not followed, and a name is only shown."""
    path = write_tar(tmp_path / "in.tar", {"../../etc/1.png": encoded(1)})
    with tarfile.open(path, "a") as archive:
        link = tarfile.TarInfo("passwords.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)

    assert list(pictures_of(path)) == [f"{path}!../../etc/1.png"]


def test_two_members_of_one_name_are_two_pictures(tmp_path: Path) -> None:
    """Each gives its own bytes."""
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        archive.writestr("a.png", encoded(1))
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.png", encoded(2))
    found = list(find_archived_pictures(tmp_path / "in.zip"))

    with ArchiveReader() as reader:
        assert [reader.read(item) for item in found if isinstance(item, ArchivedPicture)] == [encoded(1), encoded(2)]


@pytest.mark.parametrize("name", ["in.zip", "in.tar", "in.tar.gz"])
@pytest.mark.parametrize("content", [b"", b"\x1f\x8bnothing", b"PK\x03\x04nothing", b"nothing" * 200])
def test_what_is_no_archive_has_a_reason(name: str, content: bytes, tmp_path: Path) -> None:
    """There is one row, which names the archive."""
    (tmp_path / name).write_bytes(content)

    (error,) = find_archived_pictures(tmp_path / name)

    assert isinstance(error, ImageReadError)
    assert error.source == str(tmp_path / name)
    assert error.reason.startswith("the archive, or the rest of it, cannot be read (")


def test_archive_that_is_not_there_or_empty_has_a_reason(tmp_path: Path) -> None:
    """As folders have."""
    (missing,) = find_locations(str(tmp_path / "missing.zip"))
    (empty,) = find_locations(str(write_zip(tmp_path / "empty.zip", {"notes.txt": b""})))

    assert isinstance(missing, ImageNotFoundError)
    assert missing.reason == "there is no such file"
    assert isinstance(empty, ImageNotFoundError)
    assert empty.reason.startswith("the archive has no pictures (.avif, ")


def test_archive_that_was_cut_short_keeps_what_is_whole(tmp_path: Path) -> None:
    """The pictures before the cut are read, and the one in it has a reason."""
    path = write_tar(tmp_path / "in.tar", {"1.png": encoded(1), "2.png": encoded(2)})
    path.write_bytes(path.read_bytes()[: 512 + 512 + 512 + 20])

    one, two, *rest = pictures_of(path).values()

    np.testing.assert_array_equal(one, np.full((2, 3, 3), 1))
    assert isinstance(two, ImageReadError)
    assert two.reason == "the archive ends in the middle of it"
    assert all(isinstance(error, ImageReadError) for error in rest)


def test_encrypted_member_has_a_reason(tmp_path: Path) -> None:
    """Without its password it cannot be read, and the others can."""
    path = write_zip(tmp_path / "in.zip", {"1.png": encoded(1), "2.png": encoded(2)})
    content = bytearray(path.read_bytes())
    entry = content.index(b"PK\x01\x02")  # the first in the list of contents
    content[entry + 8] |= 1  # its flag for encryption
    content[6] |= 1  # and that of the member itself
    path.write_bytes(content)

    one, two = pictures_of(path).values()

    assert isinstance(one, ImageReadError)
    assert "is encrypted" in one.reason
    np.testing.assert_array_equal(two, np.full((2, 3, 3), 2))


def test_bomb_in_a_zip_is_not_expanded(tmp_path: Path) -> None:
    """11 MB of zeros in 11 kB are no picture."""
    path = write_zip(tmp_path / "in.zip", {"bomb.bmp": bytes(11_000_000), "1.png": encoded(1)})

    bomb, one = pictures_of(path).values()

    assert isinstance(bomb, ImageTooLargeError)
    assert "to 11,000,000 bytes, as archive bombs do" in bomb.reason
    assert isinstance(one, np.ndarray)


def test_member_above_the_limit_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its size stands in the list of contents."""
    monkeypatch.setattr(archives, "MAX_PICTURE_BYTES", 5)

    (error,) = pictures_of(write_zip(tmp_path / "in.zip", {"1.png": b"123456"})).values()

    assert isinstance(error, ImageTooLargeError)
    assert error.reason == "it has 6 bytes, above the limit of 5 in archives"


def test_bomb_in_a_tar_ends_its_list(tmp_path: Path) -> None:
    """A member is not passed over by decompressing 20 MB of zeros from 20 kB; what came before it is read."""
    path = write_tar(tmp_path / "in.tar.gz", {"1.png": encoded(1), "zeros": bytes(20_000_000), "2.png": encoded(2)})

    one, error = pictures_of(path).values()

    assert isinstance(one, np.ndarray)
    assert isinstance(error, ImageReadError)
    assert "it expands more than 200-fold, as archive bombs do" in error.reason


def test_header_of_a_tar_may_not_fill_the_memory(tmp_path: Path) -> None:
    """A long name of 3 MB, which tarfile would read whole, ends the list."""
    path = tmp_path / "in.tar"
    info = tarfile.TarInfo("././@LongLink")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, 3_000_000
    path.write_bytes(info.tobuf() + bytes(3_000_320))

    (error,) = find_archived_pictures(path)

    assert isinstance(error, ImageReadError)
    assert "the headers of a member have more than 1,000,000 bytes" in error.reason


def pax_sparse(numbers: int) -> bytes:
    """Return a sparse member as PAX writes it (GNU.sparse 1.0), with a map of so many numbers at its beginning."""
    info = tarfile.TarInfo("a.png")
    content = b"%d\n" % (numbers // 2) + b"0\n" * numbers
    info.size = len(content)
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.name": "a.png"}
    return info.tobuf(tarfile.PAX_FORMAT) + content + bytes(-len(content) % 512)


def old_sparse(blocks: int) -> bytes:
    """Return a sparse member as GNU tar once wrote it, with so many further blocks for its map."""
    info = tarfile.TarInfo("a.png")
    info.type = tarfile.GNUTYPE_SPARSE
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[482] = 1  # a block follows
    header[148:156] = b"%06o\0 " % (sum(header[:148]) + 8 * 32 + sum(header[156:]))  # the checksum
    block = b"00000000001\0" * 42 + b"\1" + bytes(7)  # 21 places with their lengths, and another block follows
    return bytes(header) + block * (blocks - 1) + block[:504] + bytes(8)


@pytest.mark.parametrize(
    ("small", "large"), [(pax_sparse(1000), pax_sparse(3_000_000)), (old_sparse(10), old_sparse(10_000))]
)
def test_map_of_a_sparse_member_may_not_fill_the_memory(small: bytes, large: bytes, tmp_path: Path) -> None:
    """A map of 5 MB, which tarfile would read block by block, ends the list; a small one is passed over."""
    after = write_tar(tmp_path / "after.tar", {"1.png": encoded(1)}).read_bytes()
    (tmp_path / "small.tar").write_bytes(small + after)
    (tmp_path / "large.tar").write_bytes(large + after)

    tracemalloc.start()
    (picture,) = find_archived_pictures(tmp_path / "small.tar")
    (error,) = find_archived_pictures(tmp_path / "large.tar")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert str(picture) == f"{tmp_path / 'small.tar'}!1.png"
    assert isinstance(error, ImageReadError)
    assert "the headers of a member have more than 1,000,000 bytes" in error.reason
    assert peak < 15_000_000  # bytes; the numbers of a map take many times their digits


def test_headers_of_many_members_do_not_add_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit is that of one member."""
    monkeypatch.setattr(archives, "MAX_HEADER_BYTES", 2000)
    path = write_tar(tmp_path / "in.tar", {f"{number}.png": b"1" for number in range(20)})

    assert [type(found) for found in find_archived_pictures(path)] == 20 * [ArchivedPicture]


def test_headers_for_all_members_of_a_tar_are_not_kept(tmp_path: Path) -> None:
    """20 MB of them, of which each is below the limit, leave nothing in the memory, and the pictures are listed."""
    path, members = tmp_path / "in.tar", []
    for number in range(40):
        info = tarfile.TarInfo(f"{number}.png")
        everyone = tarfile.TarInfo.create_pax_global_header({f"FER.{number}": "x" * 500_000})
        members.append(everyone + info.tobuf(tarfile.PAX_FORMAT))
    path.write_bytes(b"".join(members) + bytes(1024))
    del members

    tracemalloc.start()
    found = [type(item) for item in find_archived_pictures(path)]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert found == 40 * [ArchivedPicture]
    assert peak < 10_000_000  # bytes


def test_zip_cannot_give_more_than_it_announces(tmp_path: Path) -> None:
    """A size that was changed in the list of contents bounds what is read, and does not fit the checksum."""
    path = write_zip(tmp_path / "in.zip", {"1.bmp": bytes(range(256)) * 100})
    content = bytearray(path.read_bytes())
    entry = content.index(b"PK\x01\x02")
    struct.pack_into("<I", content, entry + 24, 100)  # the size once decompressed
    path.write_bytes(content)

    (error,) = pictures_of(path).values()

    assert isinstance(error, ImageReadError)
    assert "Bad CRC-32" in error.reason


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_zip_member_of_another_method_is_not_decompressed(method: int, tmp_path: Path) -> None:
    """What zipfile would decompress whole has a reason, and the other pictures are read."""
    path = tmp_path / "in.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("1.png", encoded(1), method)
        archive.writestr("2.png", encoded(2), zipfile.ZIP_STORED)

    one, two = pictures_of(path).values()

    assert isinstance(one, ImageReadError)
    assert f"compressed by method {method}; in zip archives only stored and deflated files are read" in one.reason
    np.testing.assert_array_equal(two, np.full((2, 3, 3), 2))


def test_zip_member_is_decompressed_as_far_as_it_announces(tmp_path: Path) -> None:
    """50 MB of zeros that pass for 100 bytes do not come into the memory."""
    path = write_zip(tmp_path / "in.zip", {"1.bmp": bytes(50_000_000)})
    content = bytearray(path.read_bytes())
    struct.pack_into("<I", content, content.index(b"PK\x01\x02") + 24, 100)
    path.write_bytes(content)
    (picture,) = find_archived_pictures(path)
    assert isinstance(picture, ArchivedPicture)

    tracemalloc.start()
    with ArchiveReader() as reader, pytest.raises(ImageReadError, match="Bad CRC-32"):
        reader.read(picture)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert peak < 5_000_000  # bytes


def test_last_member_of_a_tar_is_no_bomb_either(tmp_path: Path) -> None:
    """60 MB of zeros from 9 kB are not listed, although no header follows them that would be beyond the limit."""
    path = tmp_path / "in.tar.xz"
    info = tarfile.TarInfo("bomb.bmp")
    info.size = 60_000_000
    path.write_bytes(lzma.compress(info.tobuf() + bytes(info.size), preset=0))

    (error,) = find_archived_pictures(path)

    assert isinstance(error, ImageReadError)
    assert "it expands more than 200-fold, as archive bombs do" in error.reason


def test_memory_of_a_compressed_tar_is_limited(tmp_path: Path) -> None:
    """A file that says that a dictionary of 1 GiB is needed, which any few bytes can say, gets none."""
    path, greedy = tmp_path / "in.tar.xz", tmp_path / "greedy.tar.xz"
    members = write_tar(tmp_path / "in.tar", {"1.png": encoded(1)}).read_bytes()
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 0, "dict_size": 1 << 23}]
    path.write_bytes(lzma.compress(members, filters=filters))
    content = bytearray(path.read_bytes())
    block = content.index(b"\x21\x01\x16")  # LZMA2, one byte of properties: 8 MiB
    content[block + 2] = 36  # 1 GiB
    header = 4 * (content[12] + 1)
    content[12 + header - 4 : 12 + header] = zlib.crc32(content[12 : 12 + header - 4]).to_bytes(4, "little")
    greedy.write_bytes(content)

    assert [str(found) for found in find_archived_pictures(path)] == [f"{path}!1.png"]
    (error,) = find_archived_pictures(greedy)

    assert isinstance(error, ImageReadError)
    assert "Memory usage limit exceeded" in error.reason


def test_compressed_tar_of_several_streams(tmp_path: Path) -> None:
    """As tools that compress on many cores write it, with padding between them; pictures in any order."""
    path, pictures = tmp_path / "in.tar.xz", {f"{number}.png": encoded(number) for number in range(5)}
    members = write_tar(tmp_path / "in.tar", pictures).read_bytes()
    parts = [lzma.compress(members[start : start + 1500]) for start in range(0, len(members), 1500)]
    path.write_bytes(bytes(8).join(parts))

    found = [item for item in find_archived_pictures(path) if isinstance(item, ArchivedPicture)]

    assert [item.member for item in found] == list(pictures)
    with ArchiveReader() as reader:
        for item in reversed(found):
            assert reader.read(item) == pictures[item.member]


def test_compressed_tar_that_is_cut_off(tmp_path: Path) -> None:
    """What is before the cut is listed, and then the reason."""
    path = tmp_path / "in.tar.xz"
    members = write_tar(tmp_path / "in.tar", {"1.png": encoded(1), "2.png": encoded(2)}).read_bytes()
    path.write_bytes(lzma.compress(members[:1024]) + lzma.compress(members[1024:])[:40])

    first, error = find_archived_pictures(path)

    assert str(first) == f"{path}!1.png"
    assert isinstance(error, ImageReadError)
    assert "it ends in the middle of a stream" in error.reason


@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.XHDTYPE])
def test_negative_size_in_a_tar_ends_its_list(kind: bytes, tmp_path: Path) -> None:
    """A header that leads back to itself, or to before it, is not read again and again."""
    path = write_tar(tmp_path / "in.tar", {"1.png": encoded(1)})
    info = tarfile.TarInfo("2.png")
    info.type = kind
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    header[124:136] = tarfile.itn(-1024, 12, tarfile.GNU_FORMAT)  # type: ignore[attr-defined]
    header[148:156] = b"%06o\0 " % (sum(header[:148]) + 8 * 32 + sum(header[156:]))  # the checksum
    path.write_bytes(path.read_bytes()[:1024] + header + bytes(1024))

    found = list(islice(find_archived_pictures(path), 10))

    assert [type(item) for item in found] == [ArchivedPicture, ImageReadError]
    assert "a header has a negative size" in str(found[1])
