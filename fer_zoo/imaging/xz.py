"""Files of xz, decompressed with a bound on memory: how much is needed is in the file, which may say anything."""

from __future__ import annotations

import io
import lzma
from pathlib import Path
from typing import IO, Any, Final

MAX_MEMORY: Final = 100_000_000  # bytes; what ``xz -9`` writes needs 65 MiB
CHUNK_BYTES: Final = 1 << 16


class _XzReader(io.RawIOBase):
    """The decompressed bytes of a file, as ``lzma.open`` gives them, which has no bound.

    Args:
        path: a file in the format xz, of one stream or several.

    Raises:
        OSError: if the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._rewind()

    def readable(self) -> bool:
        """Return true."""
        return True

    def seekable(self) -> bool:
        """Return true; to go back is to begin again."""
        return True

    def tell(self) -> int:
        """Return the position in decompressed bytes."""
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer, or a part of it; 0 is the end.

        Raises:
            lzma.LZMAError: if the file is damaged, or needs more than ``MAX_MEMORY``.
            EOFError: if it ends in the middle of a stream.
        """
        content = self._read(len(buffer))
        buffer[: len(content)] = content
        self._position += len(content)
        return len(content)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a position in decompressed bytes, or to the end if that comes before.

        Raises:
            io.UnsupportedOperation: if the position is counted from the end, which is not known.
        """
        if whence == io.SEEK_END:
            raise io.UnsupportedOperation("the size of what is compressed is not known")
        target = offset + (self._position if whence == io.SEEK_CUR else 0)
        if target < self._position:
            self._rewind()
        skipped = bytearray(CHUNK_BYTES)
        while self._position < target:
            if not self.readinto(memoryview(skipped)[: target - self._position]):
                break
        return self._position

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()

    def _rewind(self) -> None:
        """Begin again."""
        self._file.seek(0)
        self._stream = _new_stream()
        self._position = 0

    def _read(self, size: int) -> bytes:
        """Return up to so many bytes, and none only at the end."""
        content = b""
        while not content:
            data = b""
            if self._stream.eof:
                data = self._stream.unused_data.lstrip(b"\0")  # streams are padded to a multiple of four bytes
                while not data:
                    if not (block := self._file.read(CHUNK_BYTES)):
                        return b""
                    data = block.lstrip(b"\0")
                self._stream = _new_stream()
            elif self._stream.needs_input and not (data := self._file.read(CHUNK_BYTES)):
                raise EOFError("it ends in the middle of a stream")
            content = self._stream.decompress(data, size)
        return content


def _new_stream() -> lzma.LZMADecompressor:
    """Return what decompresses one stream."""
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=MAX_MEMORY)


def open_xz(path: Path) -> IO[bytes]:
    """Open a file of xz as the stream of its decompressed bytes.

    Raises:
        OSError: if it cannot be opened.
    """
    return io.BufferedReader(_XzReader(path))


__all__ = ["MAX_MEMORY", "open_xz"]
