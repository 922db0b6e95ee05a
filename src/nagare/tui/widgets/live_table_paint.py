"""Strips of a live table: header, rows, banner. Takes values and flags, keeps nothing."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from nagare.tui.renderables.cell_text import cut, fit
from nagare.tui.renderables.palette import Palette, make_style
from nagare.tui.renderables.skeleton import draw_skeleton
from nagare.tui.renderables.table_cells import draw_cell, trend_of
from nagare.tui.widgets.live_table_layout import TableLayout
from nagare.tui.widgets.row_store import RowStore

_SKELETON_LINES = 8


@dataclass(frozen=True, slots=True)
class RowFlags:
    """How a row differs from its neighbours."""

    marked: bool = False
    selected: bool = False
    focused: bool = False


@dataclass(frozen=True, slots=True)
class Painter:
    """Everything that rows of one repaint share."""

    layout: TableLayout
    palette: Palette
    state_key: str | None
    base: Style
    width: int

    def row(self, store: RowStore, slot: int, flags: RowFlags) -> Strip:
        """Return the strip of a row, as wide as the layout and the viewport."""
        palette = self.palette
        state = str(store.at(slot, self.state_key) or "unknown") if self.state_key else "up"
        stale, hidden = state == "stale", state in ("down", "unknown")
        segments = [self._first_cell(flags)]
        at = 1
        for column in self.layout.columns:
            spec = column.spec
            value = store.at(slot, spec.key)
            width = column.width - 2 if spec.trend else column.width
            text, style = draw_cell(value, spec, width, palette, stale=stale, hidden=hidden)
            if column.left > at:
                _leave_gap(segments, column.left - at)
            segments.append(Segment(text, style))
            if spec.trend:
                segments.append(self._trend(store.before(slot, spec.key), value, hidden=hidden))
            at = column.left + column.width
        return self._finish(segments, at, flags)

    def _first_cell(self, flags: RowFlags) -> Segment:
        """Mark the row, or point at the selected one while another panel has the focus."""
        glyphs = self.palette.glyphs
        pointer = glyphs.cursor if flags.selected and not flags.focused else " "
        return Segment(glyphs.mark if flags.marked else pointer, make_style(self.palette.series[1], bold=True))

    def _finish(self, segments: list[Segment], at: int, flags: RowFlags) -> Strip:
        """Fill a row to the edge; the selected one is reversed when the table has the focus, else lifted and bold."""
        palette, width = self.palette, max(self.layout.width, self.width)
        if at < width:
            segments.append(Segment(" " * (width - at)))
        if not flags.selected:
            return Strip(segments, max(at, width)).apply_style(self.base)
        if flags.focused:
            text = "".join(segment.text for segment in segments)
            style = make_style(palette.background, palette.foreground, bold=True)
            return Strip([Segment(text, style)], max(at, width))
        return Strip(segments, max(at, width)).apply_style(self.base + make_style(None, palette.panel, bold=True))

    def _trend(self, before: float | None, now: float, *, hidden: bool) -> Segment:
        glyphs = self.palette.glyphs
        change = 0 if hidden else trend_of(before, now)
        if not change:
            return Segment("  " if hidden else f" {glyphs.trend_flat}", make_style(self.palette.faint))
        return Segment(f" {glyphs.trend_up if change > 0 else glyphs.trend_down}", make_style(self.palette.muted))

    def header(self, sort_key: str | None, *, reverse: bool) -> Strip:
        """Return the header: the sort column is reversed and has an arrow."""
        palette, plain_style = self.palette, make_style(self.palette.muted, bold=True)
        segments, at = [Segment(" ")], 1
        for column in self.layout.columns:
            spec = column.spec
            if column.left > at:
                segments.append(Segment(" " * (column.left - at)))
            sorted_by = spec.key == sort_key
            arrow = (palette.glyphs.descending if reverse else palette.glyphs.ascending) if sorted_by else ""
            title = cut(palette.text(spec.title), column.width - len(arrow), palette.glyphs.more) + arrow
            text = fit(title, column.width, palette.glyphs.more, right=spec.is_right)
            style = make_style(palette.foreground, bold=True, reverse=True) if sorted_by else plain_style
            segments.append(Segment(text, style))
            at = column.left + column.width
        return self._finish(segments, at, RowFlags())

    def with_note(self, header: Strip, note: str, width: int) -> Strip:
        """Say ``note`` at the right of a header."""
        if not note:
            return header
        room = max(0, width - len(note))
        return Strip.join([header.crop(0, room).adjust_cell_length(room, self.base), self.notice(note, len(note))])

    def skeleton(self, line: int, width: int) -> Strip:
        """Return a line of what stands for rows until they come."""
        columns = [(column.left, column.width) for column in self.layout.columns]
        lines = draw_skeleton(columns, width, _SKELETON_LINES, self.palette)
        segments = lines[line] if 0 <= line < len(lines) else [Segment(" " * width)]
        return Strip(segments, width).apply_style(self.base)

    def notice(self, text: str, width: int, *, reverse: bool = False) -> Strip:
        """Return one line of talk across the whole width."""
        text = cut(self.palette.text(text), width, self.palette.glyphs.more)
        padded = text + " " * (width - cell_len(text))
        style = make_style(
            self.palette.state("warn").colour if reverse else self.palette.muted, reverse=reverse, bold=reverse
        )
        return Strip([Segment(padded, self.base + style)], width)


def _leave_gap(segments: list[Segment], width: int) -> None:
    """Put blanks after the last cell, in its style where that does not show: each segment costs at every step to the terminal."""
    last = segments[-1]
    style = last.style
    if style is None or style.bgcolor is not None or style.reverse or style.underline or style.strike:
        segments.append(Segment(" " * width))
    else:
        segments[-1] = Segment(last.text + " " * width, style)


def scroll_sideways(strip: Strip, pinned: int, offset: int, width: int) -> Strip:
    """Return the part of a wide row that is seen: the pinned columns stay."""
    if offset <= 0:
        return strip.crop(0, width)
    return Strip.join([strip.crop(0, pinned), strip.crop(pinned + offset, offset + width)])
