"""The diagrams of the documentation: what is read, where boxes stand, and which way arrows go."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from docs.extensions.diagrams import draw, read_diagram, route

#: Labels of four characters make boxes of 2 * 14 + 4 * 6.7 = 54.8 pixels; rows are 30 high and 30 apart, from 6 on.
WIDTH = 54.8


def test_boxes_stand_in_the_middle_of_their_row() -> None:
    """Two boxes of one row are 22 pixels apart, and one below stands between them."""
    boxes = read_diagram(["a: left ; b: more", "c: down"]).boxes

    assert [boxes[name].x for name in "abc"] == pytest.approx([6 + WIDTH / 2, 6 + 1.5 * WIDTH + 22, 6 + WIDTH + 11])
    assert [boxes[name].y for name in "abc"] == [6, 6, 66]
    assert [boxes[name].row for name in "abc"] == [0, 0, 1]


def test_a_note_makes_its_row_higher_and_counts_for_the_width() -> None:
    """All boxes have one width, that of the longest text; boxes beside one with a note are as high."""
    boxes = read_diagram(["a: one | 64 x 28 x 28 ; b: two", "c: [data] three"]).boxes

    assert [boxes[name].width for name in "abc"] == pytest.approx([28 + 12 * 6.7] * 3)
    assert [boxes[name].height for name in "abc"] == [44, 44, 30]
    assert (boxes["a"].note, boxes["c"].style, boxes["c"].label) == ("64 x 28 x 28", "data", "three")


def test_an_empty_place_keeps_its_column() -> None:
    """``.`` moves what stands beside it, and is no box."""
    boxes = read_diagram(["a: left ; b: more", ". ; c: down"]).boxes

    assert sorted(boxes) == ["a", "b", "c"]
    assert boxes["c"].x == boxes["b"].x


def test_arrows_take_the_shortest_free_way() -> None:
    """Straight down; with a bend to another column; to the neighbour in the row; and around what is in the way."""
    diagram = read_diagram(["a: left ; b: more", "c: down ; d: also", "e: last ; .", "a -> c -> d", "a -> d", "a -> e"])
    a, c, d, e = (diagram.boxes[name] for name in "acde")

    down, across, bent, around = route(diagram)

    assert down == [(a.x, 36), (a.x, 66)]
    assert across == [(c.x + WIDTH / 2, 81), (d.x - WIDTH / 2, 81)]
    assert bent == [(a.x, 36), (a.x, 51), (d.x, 51), (d.x, 66)]
    lane = 6 - 16  # left of everything, as a box stands on the right of where it starts
    assert around == [(a.side(-1), 21), (pytest.approx(lane), 21), (pytest.approx(lane), 141), (e.side(-1), 141)]


def test_arrows_around_others_keep_apart() -> None:
    """Each has a lane of its own, further out by 16 pixels, on the right where nothing stands beside the start."""
    diagram = read_diagram(["a: left", "b: more", "c: down", "a -> c", "a -> c"])
    edge = 6 + WIDTH

    lanes = [path[1][0] for path in route(diagram)]

    assert lanes == pytest.approx([edge + 16, edge + 32])


def test_the_drawing_is_well_formed_and_says_what_it_shows() -> None:
    """It has the title, every text once with its special characters, a frame for each box and a line for each arrow."""
    svg = draw(read_diagram(["a: x < y & z | note", "b: down", "a -> b"]), "What <happens>")

    root = ElementTree.fromstring(svg)  # noqa: S314 - written by the line above
    space = "{http://www.w3.org/2000/svg}"
    assert root.findtext(f"{space}title") == "What <happens>"
    assert [text.text for text in root.iter(f"{space}text")] == ["x < y & z", "note", "down"]
    assert len(list(root.iter(f"{space}rect"))) == 2
    assert [line.get("points") for line in root.iter(f"{space}polyline")] == ["50.2,50.0 50.2,80.0"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["a left"], "Expected a box as 'name: label | note', found 'a left'"),
        (["a: "], "Expected a box"),
        (["a: left", "a: more"], "Two boxes have the name 'a'"),
        (["a: left", "a -> b -> c"], "Arrows name boxes that are not there: b, c"),
    ],
)
def test_mistakes_are_named(lines: list[str], message: str) -> None:
    """A box without a label, a name given twice and an arrow to nowhere stop the build."""
    with pytest.raises(ValueError, match=message):
        read_diagram(lines)
