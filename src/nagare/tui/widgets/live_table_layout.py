"""Which columns of a live table are seen, where, and how wide. Pure: columns are dropped by priority, never wrapped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nagare.tui.renderables.table_cells import ColumnSpec

# The cell before the first column: it holds the mark of a row. The cell after the last keeps the scrollbar off.
MARK_WIDTH = 1
_MARGIN = 1


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
    gap = 2 if _needed(shown, 2) <= width else 1
    return _place(shown, hidden, gap, width - _needed(shown, gap))


def _needed(specs: Sequence[ColumnSpec], gap: int) -> int:
    return MARK_WIDTH + _MARGIN + sum(spec.width for spec in specs) + gap * max(0, len(specs) - 1)


def _place(specs: Sequence[ColumnSpec], hidden: tuple[str, ...], gap: int, spare: int) -> TableLayout:
    growing = [spec.key for spec in specs if spec.grow]
    share, rest = divmod(max(0, spare), len(growing)) if growing else (0, 0)
    placed: list[PlacedColumn] = []
    left, pinned = MARK_WIDTH, MARK_WIDTH
    for spec in specs:
        width = spec.width
        if spec.key in growing:
            width += share + (rest if spec.key == growing[-1] else 0)
        placed.append(PlacedColumn(spec, left, width))
        left += width + gap
        if spec.priority == 0 and len(placed) == sum(1 for column in placed if column.spec.priority == 0):
            pinned = left
    return TableLayout(tuple(placed), hidden, max(MARK_WIDTH, left - gap + _MARGIN), pinned)
