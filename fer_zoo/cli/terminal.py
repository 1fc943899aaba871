"""What may be printed: names of files and of what is in archives come from anywhere."""

from __future__ import annotations

import inspect
import io
import json
import re
import sys
from typing import Final

#: What lays out a message.
LAYOUT: Final = "\n\t"

#: Control characters, separators of lines, what turns the direction of text, and bytes of names that are not UTF-8.
_UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def escape_what_cannot_be_encoded() -> None:
    """Let stdout and stderr write a character that they cannot encode as an escape, where they would raise an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def printable(text: object, *, keep: str = "") -> str:
    """Return text with an escape of Python for every character that a terminal would obey.

    Args:
        text: anything that is shown.
        keep: characters that stay, such as ``LAYOUT``.
    """

    def escape(match: re.Match[str]) -> str:
        return match[0] if match[0] in keep else match[0].encode("unicode_escape").decode("ascii")

    return _UNPRINTABLE.sub(escape, str(text))


def join_lines(docstring: str) -> str:
    """Return a docstring with each of its paragraphs on one line, to be wrapped to the width of the terminal."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in inspect.cleandoc(docstring).split("\n\n"))


def encode_json(values: object, *, indent: int | None = None) -> str:
    """Return JSON to print, all ASCII where a character of it cannot be printed; names come back as they were.

    Args:
        values: plain Python values.
        indent: spaces for each level; by default all is on one line.
    """
    text = json.dumps(values, ensure_ascii=False, indent=indent)
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        is_printable = False
    else:
        is_printable = printable(text, keep="\n") == text
    return text if is_printable else json.dumps(values, indent=indent)


__all__ = ["LAYOUT", "encode_json", "escape_what_cannot_be_encoded", "join_lines", "printable"]
