"""The list of what may follow in a statement, below the cursor and over what stands there; it never takes the keys."""

from __future__ import annotations

from rich.segment import Segment
from textual import events
from textual.geometry import Offset
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from nagare.tui.query.completion import Candidate
from nagare.tui.renderables.cell_text import fit
from nagare.tui.renderables.palette import Palette, make_style
from nagare.tui.renderables.theme import find_palette

_ROWS = 8
_NAME_WIDTH, _LEAST_NAME, _WIDTH = 28, 12, 72
# What a candidate is, in a letter: a column, a table, a function, a word.
_SIGNS = {"column": "c", "table": "t", "function": "f", "word": " "}


class OfferList(Widget):
    """At most eight lines of what is offered, around the chosen one."""

    DEFAULT_CSS = """
    OfferList { overlay: screen; constrain: inside inside; display: none; height: auto; background: $panel; layer: above; }
    """

    class Taken(Message):
        """A line was clicked."""

        def __init__(self, place: int) -> None:
            """Keep its place among the candidates."""
            super().__init__()
            self.place = place

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002  Textual's own name
        """Begin hidden."""
        super().__init__(id=id)
        self._candidates: tuple[Candidate, ...] = ()
        self._chosen = 0

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """What is offered."""
        return self._candidates

    def tell(self, candidates: tuple[Candidate, ...], chosen: int, at: Offset) -> None:
        """Show ``candidates`` below the cell ``at``; hide without any."""
        self._candidates, self._chosen = candidates, chosen
        self.display = bool(candidates)
        if candidates:
            self.styles.height = min(len(candidates), _ROWS)
            self.styles.width = min(_WIDTH, self.app.size.width, self._name_width + 5 + self._told_width)
            self.styles.offset = (max(0, min(at.x, self.app.size.width - _NAME_WIDTH)), at.y + 1)
        self.refresh()

    @property
    def _name_width(self) -> int:
        return min(_NAME_WIDTH, max(_LEAST_NAME, *(len(one.text) for one in self._candidates), 0))

    @property
    def _told_width(self) -> int:
        return max((len(one.told) for one in self._candidates), default=0)

    @property
    def _first(self) -> int:
        return max(0, min(self._chosen - _ROWS // 2, len(self._candidates) - _ROWS))

    def render_line(self, y: int) -> Strip:
        """Draw one candidate."""
        place, width = self._first + y, self.size.width
        if place >= len(self._candidates):
            return Strip.blank(width, self.rich_style)
        return Strip(self._segments(self._candidates[place], place, width, find_palette(self)), width)

    def _segments(self, one: Candidate, place: int, width: int, palette: Palette) -> list[Segment]:
        is_chosen = place == self._chosen
        base = make_style(palette.background, palette.foreground) if is_chosen else self.rich_style
        name = base + make_style(bold=True)
        told = base if is_chosen else base + make_style(palette.muted)
        more = palette.glyphs.more
        room = max(0, width - self._name_width - 4)
        return [
            Segment(f" {_SIGNS.get(one.kind, ' ')} ", told),
            Segment(fit(palette.text(one.text), self._name_width, more) + " ", name),
            Segment(fit(palette.text(one.told), room, more), told),
        ]

    def on_click(self, event: events.Click) -> None:
        """Take what was clicked."""
        event.stop()
        place = self._first + event.y
        if place < len(self._candidates):
            self.post_message(self.Taken(place))
