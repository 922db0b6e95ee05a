"""Groups of facts side by side, as many as there is room for, the others below them."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from rich.segment import Segment
from textual.geometry import Size
from textual.strip import Strip
from textual.widget import Widget

from nagare.tui.renderables.palette import Palette
from nagare.tui.renderables.theme import find_palette
from nagare.tui.widgets.inspector_list import Item, draw_inspector

# Narrower ones cut what they say.
_LEAST_WIDTH = 38
_GAP = 2


class FactColumns(Widget):
    """Takes the lines that its groups need, up to what its owner allows."""

    DEFAULT_CSS = """
    FactColumns { width: 1fr; height: auto; max-height: 70%; padding: 0 1; }
    """

    def __init__(self) -> None:
        """Begin with no facts."""
        super().__init__()
        self._groups: tuple[tuple[Item, ...], ...] = ()

    def tell(self, groups: Sequence[Sequence[Item]]) -> None:
        """Show ``groups``, each below its heading."""
        before = self._line_counts()
        self._groups = tuple(tuple(group) for group in groups)
        self.refresh(layout=self._line_counts() != before)

    def _line_counts(self) -> list[int]:
        palette = find_palette(self)
        return [len(draw_inspector(group, _LEAST_WIDTH, palette)) for group in self._groups]

    def _rows(self, width: int) -> list[tuple[tuple[Item, ...], ...]]:
        """Return the groups that stand beside each other, row by row."""
        across = max(1, min(len(self._groups), (width + _GAP) // (_LEAST_WIDTH + _GAP)))
        return [self._groups[start : start + across] for start in range(0, len(self._groups), across)]

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002  Textual's own
        """Return the lines that all groups take."""
        return max(1, len(self._lines(width, find_palette(self))))

    def _lines(self, width: int, palette: Palette) -> list[list[Segment]]:
        lines: list[list[Segment]] = []
        rows = self._rows(width)
        across = max((len(row) for row in rows), default=1)
        each = max(1, (width - _GAP * (across - 1)) // across)
        for row in rows:
            drawn = [draw_inspector(group, each, palette) for group in row]
            lines += [
                [segment for part in drawn for segment in _padded(part, at, each)] for at in range(max(map(len, drawn)))
            ]
        return lines

    def render_line(self, y: int) -> Strip:
        """Draw one line."""
        width = self.size.width
        lines = self._lines(width, find_palette(self))
        line = lines[y] if y < len(lines) else []
        return Strip(line).adjust_cell_length(width).apply_style(self.rich_style)


def _padded(lines: list[list[Segment]], at: int, width: int) -> list[Segment]:
    line = lines[at] if at < len(lines) else []
    used = sum(cell_len(segment.text) for segment in line)
    return [*line, Segment(" " * (max(0, width - used) + _GAP))]
