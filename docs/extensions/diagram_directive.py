"""The directive ``diagram`` of the documentation: draws what ``diagrams`` reads, under the caption that it is given."""

from __future__ import annotations

from typing import Any

from diagrams import draw, read_diagram
from docutils import nodes
from docutils.parsers.rst import Directive


class DiagramDirective(Directive):
    """A figure with a diagram in SVG; builders that write no HTML leave it out."""

    required_arguments = 1
    final_argument_whitespace = True
    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the figure."""
        title = self.arguments[0]
        try:
            svg = draw(read_diagram(list(self.content)), title)
        except ValueError as error:
            raise self.error(f"The diagram {title!r} cannot be drawn: {error}") from error
        figure = nodes.figure(classes=["flow"])
        figure += nodes.raw("", svg, format="html")
        figure += nodes.caption(title, title)
        return [figure]


def setup(app: Any) -> dict[str, bool]:
    """Add the directive to Sphinx."""
    app.add_directive("diagram", DiagramDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
