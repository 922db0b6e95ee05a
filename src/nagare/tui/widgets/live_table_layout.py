"""Which columns of a live table are seen, where, and how wide. Pure: columns are dropped by priority, never wrapped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nagare.tui.renderables.table_cells import CellKind, ColumnSpec

# The cell before the first column: it holds the mark of a row. The cell after the last keeps the scrollbar off.
MARK_WIDTH = 1
_MARGIN = 1
# A text between other columns grows by its own width at the most, or by so many cells.
_GROW_LEAST = 16


@dataclass(frozen=True, slots=True)
class PlacedColumn:
    """A column that is seen: from ``left``, ``width`` cells."""

    spec: ColumnSpec
    left: int
    width: int


@dataclass(frozen=True, slots=True)
class TableLayout:
    """All seen columns, the names of the others, and the widths that scrolling needs."""

    columns: tuple[PlacedColumn, ...] = ()
    hidden: tuple[str, ...] = ()
    width: int = 0
    pinned_width: int = 0

    def hit(self, x: int) -> PlacedColumn | None:
        """Return the column at a cell of the layout, or None."""
        return next((column for column in self.columns if column.left <= x < column.left + column.width + 1), None)


def lay_out_columns(specs: Sequence[ColumnSpec], width: int, *, wide: bool = False) -> TableLayout:
    """Return the layout for ``width`` cells; ``wide`` keeps every column and lets the table scroll sideways."""
    if wide:
        return _place(specs, (), 1, 0)
    shown = list(specs)
    while len(shown) > 1 and _needed(shown, 1) > width:
        # The last of the columns with the highest number is the least wanted one.
        candidates = [spec for spec in shown if spec.priority > 0]
        if not candidates:
            break
        least = max(spec.priority for spec in candidates)
        shown.remove([spec for spec in candidates if spec.priority == least][-1])
    keys = {spec.key for spec in shown}
    hidden = tuple(spec.title for spec in specs if spec.key not in keys)
    gap = next((gap for gap in (4, 3) if _needed(shown, gap) + _GROW_LEAST <= width), 2)
    gap = gap if _needed(shown, gap) <= width else 1
    return _place(shown, hidden, gap, width - _needed(shown, gap))


def _needed(specs: Sequence[ColumnSpec], gap: int) -> int:
    return MARK_WIDTH + _MARGIN + sum(spec.width for spec in specs) + gap * max(0, len(specs) - 1)


def _place(specs: Sequence[ColumnSpec], hidden: tuple[str, ...], gap: int, spare: int) -> TableLayout:
    widths = _grown(specs, max(0, spare))
    placed: list[PlacedColumn] = []
    left, pinned = MARK_WIDTH, MARK_WIDTH
    for spec, width in zip(specs, widths, strict=True):
        placed.append(PlacedColumn(spec, left, width))
        left += width + gap
        if all(column.spec.priority == 0 for column in placed):
            pinned = left
    return TableLayout(tuple(placed), hidden, max(MARK_WIDTH, left - gap + _MARGIN), pinned)


def _grown(specs: Sequence[ColumnSpec], spare: int) -> list[int]:
    """Share spare cells among the columns that grow: names stay near their numbers, what is left goes to the last."""
    widths = [spec.width for spec in specs]
    growing = [index for index, spec in enumerate(specs) if spec.grow]
    for left, index in zip(range(len(growing), 0, -1), growing, strict=True):
        share = spare // left
        if specs[index].kind is CellKind.TEXT and index != len(specs) - 1:
            share = min(share, max(_GROW_LEAST, specs[index].width))
        widths[index] += share
        spare -= share
    return widths
