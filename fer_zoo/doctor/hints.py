"""One remark about a picture or a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Level = Literal["note", "warning"]


@dataclass(frozen=True, slots=True)
class Hint:
    """Something worth knowing.

    Attributes:
        code: what it is about, such as ``"tiny_face"``; stays the same between versions.
        level: ``"note"`` for what does no harm, ``"warning"`` for a likely cause of wrong answers.
        message: a sentence or two: what was found, and what to do.
    """

    code: str
    level: Level
    message: str


__all__ = ["Hint", "Level"]
