"""The first paint: the frame and a skeleton at once, while the rest is still being loaded."""

from __future__ import annotations

from collections.abc import Iterable

from rich.segment import Segment
from textual.strip import Strip
from textual.widget import Widget

from nagare.tui.renderables.palette import make_style
from nagare.tui.renderables.theme import find_palette
from nagare.tui.screens.page import Page


class Skeleton(Widget):
    """Bars where rows will be, and one sentence; it never pretends to be data."""

    DEFAULT_CSS = """
    Skeleton { height: 1fr; }
    """
    _WIDTHS = (12, 8, 22, 8, 14, 8)

    def render_line(self, y: int) -> Strip:
        """Draw one row of bars."""
        palette = find_palette(self)
        width, height = self.size.width, self.size.height
        if y == height // 2:
            text = "opening" + palette.glyphs.more
            return Strip([Segment(text.center(width), make_style(palette.muted))]).adjust_cell_length(width)
        if y % 2 == 0 or y >= height - 1 or abs(y - height // 2) < 2:
            return Strip.blank(width)
        row = "  " + "  ".join(
            palette.glyphs.hatch * max(3, bar - (y * 5) % 7) + " " * ((y * 5) % 7) for bar in self._WIDTHS
        )
        return Strip([Segment(row, make_style(palette.faint))]).adjust_cell_length(width)


class StartPage(Page):
    """Shown for a moment; replaced by the page of the wanted location."""

    def body(self) -> Iterable[Widget]:
        """Return the skeleton."""
        yield Skeleton()

    def crumbs(self) -> tuple[tuple[str, str], ...]:
        """Return where we are going."""
        return ((self.location.page, ""),) if not self.location.host else (("hosts", ""), (self.location.host, ""))
