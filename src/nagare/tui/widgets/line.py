"""One line of text with parts that can be clicked: what header, footer, tabs and banner are made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.content import Content
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from nagare.tui.ascii_text import to_ascii
from nagare.tui.renderables.theme import find_palette

_PLAIN = Style()


@dataclass(frozen=True, slots=True)
class Part:
    """A run of text; ``action`` is what a click on it does, ``tooltip`` what the mouse is told."""

    text: str
    style: Style = _PLAIN
    action: str = ""
    tooltip: str = ""

    @property
    def width(self) -> int:
        """The cells it takes."""
        return cell_len(self.text)


def _in_ascii(parts: list[Part]) -> list[Part]:
    return [replace(part, text=to_ascii(part.text)) for part in parts]


class Line(Widget):
    """A line with parts on the left and on the right; what does not fit is left out from the left's end."""

    DEFAULT_CSS = """
    Line { height: 1; width: 1fr; }
    """

    class Clicked(Message):
        """A part with an action was clicked."""

        def __init__(self, action: str) -> None:
            """Keep the action."""
            super().__init__()
            self.action = action

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002  Textual's own names
        """Begin with no parts drawn."""
        super().__init__(id=id, classes=classes)
        self._spans: list[tuple[int, int, Part]] = []

    def parts(self) -> tuple[list[Part], list[Part]]:
        """Return the parts of the left and of the right end."""
        raise NotImplementedError

    def render_line(self, y: int) -> Strip:
        """Draw the line and note where its parts lie."""
        width = self.size.width
        if y:
            return Strip.blank(width, self.rich_style)
        left, right = self.parts()
        if find_palette(self).ascii:
            left, right = _in_ascii(left), _in_ascii(right)
        segments = self._place(left, right, width)
        return Strip(segments).adjust_cell_length(width).apply_style(self.rich_style)

    def _place(self, left: Iterable[Part], right: Iterable[Part], width: int) -> list[Segment]:
        self._spans.clear()
        tail = list(right)
        tail_width = sum(part.width for part in tail)
        segments: list[Segment] = []
        column = 0
        for part in left:
            if column + part.width > width - tail_width:
                break
            column = self._put(segments, part, column)
        if width - tail_width > column:
            segments.append(Segment(" " * (width - tail_width - column)))
            column = width - tail_width
        for part in tail:
            column = self._put(segments, part, column)
        return segments

    def _put(self, segments: list[Segment], part: Part, column: int) -> int:
        segments.append(Segment(part.text, part.style))
        if part.action or part.tooltip:
            self._spans.append((column, column + part.width, part))
        return column + part.width

    def part_at(self, column: int) -> Part | None:
        """Return the part with an action or a tooltip at ``column``, or None."""
        return next((part for start, end, part in self._spans if start <= column < end), None)

    def on_click(self, event: events.Click) -> None:
        """Say which action was clicked."""
        part = self.part_at(event.x)
        if part is not None and part.action:
            event.stop()
            self.post_message(self.Clicked(part.action))

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Show the tooltip of the part under the mouse."""
        part = self.part_at(event.x)
        tooltip = part.tooltip if part else None
        if self.tooltip != (tooltip or None):
            # It may name what is foreign: no markup.
            self.tooltip = Content(tooltip) if tooltip else None
