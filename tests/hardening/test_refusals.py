"""Code in checkpoints is not run, secrets are not logged, and pictures that unpack to too much are not unpacked."""

from __future__ import annotations

import logging
import os
import pickle
import zlib
from collections.abc import Callable
from pathlib import Path
from struct import pack
from typing import Any

import pytest
import torch

from fer_zoo.errors import CheckpointError, FerZooError, HubError, ImageReadError, ImageTooLargeError
from fer_zoo.hub import push
from fer_zoo.imaging import read_image
from fer_zoo.models import MhanForImageClassification
from fer_zoo.pipelines import pipeline
from fer_zoo.registry import get_entry

SECRET = "hf_averysecrettokenofmine"  # noqa: S105  # of nobody


class Code:
    """Makes a file when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        """Say what unpickling has to call."""
        return os.mkdir, (str(self.mark),)


def write_pickle(path: Path, content: object) -> None:
    """Write an object as Python pickles it."""
    path.write_bytes(pickle.dumps(content))


def write_torch(path: Path, content: object) -> None:
    """Write an object as torch does."""
    torch.save({"model_state_dict": {"fc.bias": content}}, path)


def test_code_in_the_weights_of_a_folder_is_not_run(tmp_path: Path) -> None:
    """A folder whose only weights are a pickle does not load, and neither does one whose safetensors are a pickle."""
    for name in ("config.json", "preprocessor_config.json"):
        (tmp_path / name).write_bytes((get_entry("mhan").folder / name).read_bytes())
    write_torch(tmp_path / "pytorch_model.bin", Code(tmp_path / "ran"))
    with pytest.raises((FerZooError, OSError)):
        pipeline(model=tmp_path, device="cpu")
    write_pickle(tmp_path / "model.safetensors", Code(tmp_path / "ran"))
    with pytest.raises(CheckpointError, match="does not load"):
        MhanForImageClassification.from_pretrained(tmp_path)

    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("length", [0, 8, 2**40, 2**63])
def test_header_of_safetensors_that_lies_about_its_length_is_refused(length: int, tmp_path: Path) -> None:
    """Nothing of that size is read or reserved."""
    for name in ("config.json", "preprocessor_config.json"):
        (tmp_path / name).write_bytes((get_entry("mhan").folder / name).read_bytes())
    (tmp_path / "model.safetensors").write_bytes(pack("<Q", length) + b'{"a": 1}')

    with pytest.raises(CheckpointError, match="does not load"):
        MhanForImageClassification.from_pretrained(tmp_path)


def png_of(width: int, height: int) -> bytes:
    """Return a grey PNG of one colour, some hundred bytes for each million pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return pack(">I", len(content)) + kind + content + pack(">I", zlib.crc32(kind + content))

    packer = zlib.compressobj(9)
    rows = b"".join(packer.compress(bytes(width + 1)) for _ in range(min(height, 100)))
    header = pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    pixels = rows + packer.flush()
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b"")


def test_decompression_bomb_is_refused_by_its_header() -> None:
    """A few kilobytes that announce 400 million pixels are not unpacked; with the limit raised, damage is found."""
    bomb = png_of(20_000, 20_000)

    assert len(bomb) < 10_000
    with pytest.raises(ImageTooLargeError, match="20000 x 20000 pixels, above the limit of 100000000"):
        read_image(bomb)


def test_text_that_unpacks_to_too_much_is_refused() -> None:
    """A comment in a PNG that unpacks to 200 MB is not unpacked."""
    small = png_of(4, 4)
    text = b"zTXt", b"Comment\x00\x00" + zlib.compress(bytes(200_000_000), 9)
    chunk = pack(">I", len(text[1])) + text[0] + text[1] + pack(">I", zlib.crc32(b"".join(text)))

    with pytest.raises(ImageReadError, match="Decompressed data too large"):
        read_image(small[:33] + chunk + small[33:])


def test_token_is_in_no_log_and_no_message(caplog: pytest.LogCaptureFixture, tmp_path: Path) -> None:
    """With logging at its most talkative, a push that fails says nothing of the token."""
    with caplog.at_level(logging.DEBUG), pytest.raises(HubError) as caught:
        push("mhan", "me/mhan", token=SECRET, endpoint="http://127.0.0.1:9")

    assert SECRET not in caplog.text
    assert SECRET not in f"{caught.value!s} {caught.value!r}"


def test_password_in_a_url_is_in_no_message(caplog: pytest.LogCaptureFixture) -> None:
    """An error about a URL names it without user and password."""
    with caplog.at_level(logging.DEBUG), pytest.raises(ImageReadError) as caught:
        read_image(f"http://me:{SECRET}@127.0.0.1:9/a.png")

    assert SECRET not in caplog.text + str(caught.value)
