"""Diagrams of the documentation: boxes in rows with arrows between them, drawn as SVG from a few lines of text.

A row is a line of boxes, separated by ``;``. A box is ``name: label | note``; the note stands below the label, smaller.
``.`` leaves a place empty. A line with ``->`` draws arrows along a chain of names. For example::

    x: feature map | 64 x 7 x 7
    local: local branch ; global: global branch
    sum: sum, ReLU
    x -> local -> sum
    x -> global -> sum

An arrow goes straight to a neighbour in its row, down where no box is in its way, and else around the others at the
side: on the left from a box that has another on its right. ``[data]`` before a label (``x: [data] feature map``) marks
what flows, in contrast to what is done to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from itertools import pairwise
from zlib import crc32

CHARACTER = 6.7  # pixels: mean width at the size of a label
PADDING = 14  # pixels left and right of the text
BOX_HEIGHT, LABELLED_HEIGHT = 30, 44  # pixels, of boxes without and with a note
GAP_X, GAP_Y = 22, 30  # pixels between boxes
LANE = 16  # pixels between the arrows that go around
MARGIN = 6  # pixels around everything
BACKGROUND = "var(--color-background-secondary, #f8f9fb)"  # of boxes, as the theme calls it


@dataclass(frozen=True, slots=True)
class Box:
    """A box of a diagram, placed.

    Attributes:
        label: what it says.
        note: what stands below that; may be empty.
        style: ``"data"`` for what flows, or ``""`` for what is done to it.
        row: number of its row, from 0.
        x: centre, in pixels.
        y: upper edge, in pixels.
        width: in pixels.
        height: in pixels.
    """

    label: str
    note: str
    style: str
    row: int
    x: float
    y: float
    width: float
    height: float

    @property
    def bottom(self) -> float:
        """The lower edge."""
        return self.y + self.height

    @property
    def middle(self) -> float:
        """Half way between the upper and the lower edge."""
        return self.y + self.height / 2

    def side(self, direction: int) -> float:
        """Return the right edge for 1, and the left edge for -1."""
        return self.x + direction * self.width / 2

    def covers(self, x: float) -> bool:
        """Return whether a vertical line touches the box."""
        return abs(x - self.x) < self.width / 2 + LANE / 2


@dataclass(frozen=True, slots=True)
class Diagram:
    """Boxes by their names, and the arrows between them."""

    boxes: dict[str, Box]
    arrows: tuple[tuple[str, str], ...]


def read_diagram(lines: list[str]) -> Diagram:
    """Return the diagram that lines of text describe, with its boxes placed.

    Raises:
        ValueError: if a box has no name, a name is given twice, or an arrow names a box that is not there.
    """
    filled = [line.strip() for line in lines if line.strip()]
    rows = [[part.strip() for part in line.split(";")] for line in filled if "->" not in line]
    boxes = place_rows(rows)
    arrows: list[tuple[str, str]] = []
    for line in filled:
        names = [part.strip() for part in line.split("->")]
        arrows.extend(pairwise(names))
    unknown = sorted({name for arrow in arrows for name in arrow} - boxes.keys())
    if unknown:
        raise ValueError(f"Arrows name boxes that are not there: {', '.join(unknown)}.")
    return Diagram(boxes, tuple(arrows))


def place_rows(rows: list[list[str]]) -> dict[str, Box]:
    """Return the boxes of rows of ``name: label | note``, each row in the middle of the diagram.

    Raises:
        ValueError: if a box has no name, or a name is given twice.
    """
    texts = [[read_box(part) if part != "." else None for part in row] for row in rows]
    width = 2 * PADDING + max(CHARACTER * len(text) for row in texts for box in row if box for text in box[1:3])
    step = width + GAP_X
    centre = MARGIN + max(len(row) for row in rows) * step / 2 - GAP_X / 2
    boxes: dict[str, Box] = {}
    y: float = MARGIN
    for number, row in enumerate(texts):
        height = LABELLED_HEIGHT if any(box and box[2] for box in row) else BOX_HEIGHT
        for place, text in enumerate(row):
            if text is None:
                continue
            name, label, note, style = text
            if name in boxes:
                raise ValueError(f"Two boxes have the name {name!r}.")
            x = centre + (place - (len(row) - 1) / 2) * step
            boxes[name] = Box(label, note, style, number, x, y, width, height)
        y += height + GAP_Y
    return boxes


def read_box(text: str) -> tuple[str, str, str, str]:
    """Return name, label, note and style of ``name: [style] label | note``.

    Raises:
        ValueError: if there is no name or no label.
    """
    name, colon, rest = text.partition(":")
    label, _, note = rest.partition("|")
    label = label.strip()
    style = ""
    if label.startswith("[data]"):
        style, label = "data", label.removeprefix("[data]").strip()
    if not colon or not name.strip() or not label:
        raise ValueError(f"Expected a box as 'name: label | note', found {text!r}.")
    return name.strip(), label, note.strip(), style


def route(diagram: Diagram) -> list[list[tuple[float, float]]]:
    """Return the corners of every arrow: ``(x, y)`` in pixels, from its start to its head."""
    boxes = diagram.boxes.values()
    outside = {side: side * max(side * box.side(side) for box in boxes) for side in (-1, 1)}
    paths = []
    for start, end in diagram.arrows:
        source, target = diagram.boxes[start], diagram.boxes[end]
        between = [box for box in boxes if source.row < box.row < target.row]
        if source.row == target.row:
            side = 1 if source.x < target.x else -1
            paths.append([(source.side(side), source.middle), (target.side(-side), target.middle)])
        elif not any(box.covers(target.x) for box in between):
            paths.append(bend(source, target, source.bottom + GAP_Y / 2))
        elif not any(box.covers(source.x) for box in between):
            paths.append(bend(source, target, target.y - GAP_Y / 2))
        else:
            side = -1 if any(box.row == source.row and box.x > source.x for box in boxes) else 1
            outside[side] += side * LANE
            lane = outside[side]
            way_out = [(source.side(side), source.middle), (lane, source.middle)]
            paths.append([*way_out, (lane, target.middle), (target.side(side), target.middle)])
    return paths


def bend(source: Box, target: Box, turn: float) -> list[tuple[float, float]]:
    """Return the corners of an arrow from the lower edge of a box to the upper edge of another one."""
    first, last = (source.x, source.bottom), (target.x, target.y)
    return [first, last] if source.x == target.x else [first, (source.x, turn), (target.x, turn), last]


def draw(diagram: Diagram, title: str) -> str:
    """Return a diagram as SVG that takes the colours of the page.

    Args:
        diagram: what to draw.
        title: what it shows, for those who cannot see it.
    """
    paths = route(diagram)
    boxes = diagram.boxes.values()
    left = min([*(box.side(-1) for box in boxes), *(x for path in paths for x, _ in path)]) - MARGIN
    right = max([*(box.side(1) for box in boxes), *(x for path in paths for x, _ in path)]) + MARGIN
    width, height = right - left, max(box.bottom for box in boxes) + MARGIN
    head = f"arrow-{crc32(title.encode()):08x}"  # several diagrams share a page, and ids are its own
    parts = [
        f'<svg class="flow" role="img" viewBox="{left:.0f} 0 {width:.0f} {height:.0f}" width="{width:.0f}"',
        'xmlns="http://www.w3.org/2000/svg" style="max-width: 100%; height: auto" fill="none" stroke="currentColor">',
        f"<title>{escape(title)}</title>",
        f'<defs><marker id="{head}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8"',
        'orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="currentColor" stroke="none"/></marker></defs>',
    ]
    for path in paths:
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in path)
        parts.append(f'<polyline points="{points}" marker-end="url(#{head})"/>')
    parts.extend(draw_box(box) for box in boxes)
    return "\n".join([*parts, "</svg>"])


def draw_box(box: Box) -> str:
    """Return one box with its text."""
    radius = box.height / 2 if box.style == "data" else 4
    text = 'fill="currentColor" stroke="none" text-anchor="middle"'
    lines = [
        f'<rect x="{box.side(-1):.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}" '
        f'rx="{radius:.0f}" style="fill: {BACKGROUND}"/>'
    ]
    baseline = box.middle + (-4 if box.note else 4)
    lines.append(f'<text x="{box.x:.1f}" y="{baseline:.1f}" font-size="13" {text}>{escape(box.label)}</text>')
    if box.note:
        note = f'<text x="{box.x:.1f}" y="{box.middle + 13:.1f}" font-size="11" opacity="0.8" {text}>'
        lines.append(f"{note}{escape(box.note)}</text>")
    return "\n".join(lines)


__all__ = ["Box", "Diagram", "draw", "read_diagram"]
