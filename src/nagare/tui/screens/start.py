"""The first paint: the frame and a skeleton at once, while the rest is still being loaded."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from rich.segment import Segment
from textual.app import App
from textual.events import Key
from textual.strip import Strip
from textual.widget import Widget

from nagare.tui.location import Location
from nagare.tui.renderables.palette import make_style
from nagare.tui.renderables.theme import find_palette
from nagare.tui.screens.page import Page

# More than anybody types within a second.
_TYPED_LIMIT = 64
_APART_SECONDS = 0.05


class Skeleton(Widget):
    """Bars where rows will be, and one sentence; it never pretends to be data."""

    DEFAULT_CSS = """
    Skeleton { height: 1fr; }
    """
    _WIDTHS = (12, 8, 22, 8, 14, 8)

    def render_line(self, y: int) -> Strip:
        """Draw one row of bars."""
        # Every segment has a style: the filter of NO_COLOR needs one.
        return Strip([self._row(y)]).adjust_cell_length(self.size.width).apply_style(self.rich_style)

    def _row(self, y: int) -> Segment:
        palette = find_palette(self)
        width, height = self.size
        if y == height // 2:
            return Segment(f"opening{palette.glyphs.more}".center(width), make_style(palette.muted))
        if y % 2 == 0 or y >= height - 1 or abs(y - height // 2) < 2:
            return Segment(" " * width)
        gap = y * 5 % 7
        bars = (palette.glyphs.hatch * max(3, bar - gap) + " " * gap for bar in self._WIDTHS)
        return Segment("  " + "  ".join(bars), make_style(palette.faint))


class StartPage(Page):
    """Shown for a moment; replaced by the page of the wanted location, which gets the keys that were typed meanwhile."""

    def __init__(self, location: Location) -> None:
        """Stand for the page of ``location``."""
        super().__init__(location)
        self._typed: list[Key] = []

    def on_key(self, event: Key) -> None:
        """Keep what is typed before there is anything that takes it."""
        if len(self._typed) < _TYPED_LIMIT:
            self._typed.append(event)

    def give_keys(self, app: App[Any]) -> None:
        """Type again what was typed, no faster than a person does: a key may open what the next one is for."""
        if self._typed:
            event = self._typed.pop(0)
            app.post_message(Key(event.key, event.character))
            app.set_timer(_APART_SECONDS, partial(self.give_keys, app))

    def body(self) -> Iterable[Widget]:
        """Return the skeleton."""
        yield Skeleton()

    def crumbs(self) -> tuple[tuple[str, str], ...]:
        """Return where we are going."""
        return ((self.location.page, ""),) if not self.location.host else (("hosts", ""), (self.location.host, ""))
