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
    """Shown for a moment; replaced by the page of the wanted location."""

    def body(self) -> Iterable[Widget]:
        """Return the skeleton."""
        yield Skeleton()

    def crumbs(self) -> tuple[tuple[str, str], ...]:
        """Return where we are going."""
        return ((self.location.page, ""),) if not self.location.host else (("hosts", ""), (self.location.host, ""))
