"""Matchers with a box each: Space switches the one under the cursor on or off, and so does a click."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from nagare.lib.plain_text import plain
from nagare.model.alert.matcher import Matcher
from nagare.tui.alerts.silence_draft import Choice
from nagare.tui.renderables.cell_text import cut
from nagare.tui.renderables.palette import make_style
from nagare.tui.renderables.theme import find_palette


class MatcherList(Widget, can_focus=True):
    """One line a matcher; at the ends the arrows go on to the next field."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "step(-1)", show=False),
        Binding("down", "step(1)", show=False),
        Binding("space", "switch", show=False),
    ]
    DEFAULT_CSS = """
    MatcherList { height: auto; width: 1fr; }
    """

    class Changed(Message):
        """Other matchers are on now."""

    def __init__(self, choices: Sequence[Choice]) -> None:
        """Offer ``choices``."""
        super().__init__()
        self._matchers = [choice.matcher for choice in choices]
        self._on = [choice.is_on for choice in choices]
        self._cursor = 0

    @property
    def chosen(self) -> tuple[Matcher, ...]:
        """The matchers that are on."""
        return tuple(matcher for matcher, is_on in zip(self._matchers, self._on, strict=True) if is_on)

    def get_content_height(self, *_: object) -> int:
        """Return a line for each, or for the words that there is none."""
        return max(1, len(self._matchers))

    def render_line(self, y: int) -> Strip:
        """Draw one matcher."""
        palette, width, base = find_palette(self), self.size.width, self.rich_style
        if y >= len(self._matchers):
            told = Segment("no label in common: write matchers below"[:width], base + make_style(palette.muted))
            return Strip([told]).adjust_cell_length(width, base)
        box = "[x] " if self._on[y] else "[ ] "
        text = cut(palette.text(box + plain(str(self._matchers[y]))), width, palette.glyphs.more)
        is_here = self.has_focus and y == self._cursor
        style = make_style(palette.foreground if self._on[y] else palette.muted, bold=self._on[y], reverse=is_here)
        return Strip([Segment(text, base + style)]).adjust_cell_length(width, base)

    def action_step(self, way: int) -> None:
        """Move the cursor."""
        if not 0 <= self._cursor + way < len(self._matchers):
            self.screen.focus_next() if way > 0 else self.screen.focus_previous()
            return
        self._cursor += way
        self.refresh()

    def action_switch(self) -> None:
        """Switch the matcher under the cursor."""
        if self._cursor < len(self._on):
            self._on[self._cursor] = not self._on[self._cursor]
            self.refresh()
            self.post_message(self.Changed())

    def on_click(self, event: events.Click) -> None:
        """Switch the matcher that was clicked."""
        if event.y < len(self._on):
            self._cursor = event.y
            self.action_switch()
