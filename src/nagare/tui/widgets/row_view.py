"""What a live table shows of its rows: filter, order, frozen copy, selection and marks. Pure state, no widget.

The selection is a key: it stays with its row however the order changes. When its row goes, the one that stands where it
stood is selected.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nagare.tui.renderables.table_cells import CellKind, ColumnSpec
from nagare.tui.widgets.row_filter import RowFilter, parse_filter
from nagare.tui.widgets.row_order import Slots, sort_slots
from nagare.tui.widgets.row_store import RowStore


class RowView:
    """The seen part of a store."""

    def __init__(self, columns: Sequence[ColumnSpec]) -> None:
        """Begin with an empty store, unsorted and unfiltered."""
        self.columns = tuple(columns)
        self.store = RowStore(columns)
        self.filter = RowFilter()
        self.sort_key: str | None = None
        self.sort_reversed = False
        self.cursor_key: str | None = None
        self.marks: frozenset[str] = frozenset()
        self.order: Slots = np.zeros(0, dtype=np.intp)
        self._frozen: RowStore | None = None
        # What ``order`` was made of.
        self._basis: tuple[object, ...] = ()
        self._last_place = 0

    @property
    def is_frozen(self) -> bool:
        """Whether a copy is shown."""
        return self._frozen is not None

    @property
    def shown(self) -> RowStore:
        """The rows that are shown: the store, or the frozen copy."""
        return self._frozen or self.store

    @property
    def updates_behind(self) -> int:
        """Updates of the store that a frozen list does not show."""
        return self.store.version - self._frozen.version if self._frozen is not None else 0

    @property
    def count(self) -> int:
        """Rows that match the filter."""
        return int(self.order.size)

    @property
    def keys(self) -> list[str]:
        """Keys of the rows that match, in order."""
        keys = self.shown.keys
        return [keys[slot] for slot in self.order.tolist()]

    @property
    def cursor_index(self) -> int | None:
        """The place of the selected row, or None when it is not shown."""
        slot = self.shown.find_slot(self.cursor_key) if self.cursor_key is not None else None
        if slot is None:
            return None
        found = np.flatnonzero(self.order == slot)
        return int(found[0]) if found.size else None

    def key_at(self, place: int) -> str | None:
        """Return the key of the row at a place, clipped to the rows there are; None without rows."""
        if not self.order.size:
            return None
        return self.shown.keys[int(self.order[min(max(0, place), self.order.size - 1)])]

    def reorder(self) -> None:
        """Filter and sort anew where anything changed that they look at, and mend the selection and the marks."""
        store = self.shown
        basis = (
            id(store),
            self.filter,
            self.sort_key,
            self.sort_reversed,
            store.version if self.filter else store.version_of(self.sort_key),
        )
        if basis != self._basis:
            self._basis = basis
            self.order = self._ordered(store)
        self.marks = frozenset(key for key in self.marks if key in store) if self.marks else self.marks
        self._mend_cursor()

    def _ordered(self, store: RowStore) -> Slots:
        slots = store.slots()
        if self.filter:
            slots = slots[self.filter.mask(store, slots)]
        if self.sort_key is not None:
            slots = sort_slots(store, slots, self.sort_key, reverse=self.sort_reversed)
        return slots

    def _mend_cursor(self) -> None:
        place = self.cursor_index
        if place is not None:
            self._last_place = place
        elif self.order.size:
            self.cursor_key = self.key_at(self._last_place)
        elif not len(self.shown):
            self.cursor_key = None

    def select(self, key: str | None) -> None:
        """Select a row, or none."""
        self.cursor_key = key
        self._last_place = self.cursor_index or 0

    def set_filter(self, text: str) -> None:
        """Show only matching rows. Raises FilterError and keeps the filter in force."""
        self.filter = parse_filter(text, self.columns)
        self.reorder()

    def set_sort(self, column: str | None, *, reverse: bool | None = None) -> bool:
        """Sort by a column; False when there is none of that key. Numbers start with the greatest unless told."""
        spec = self.store.columns.get(column or "")
        if column is not None and spec is None:
            return False
        if reverse is None:
            reverse = spec is not None and (spec.is_numeric or spec.kind is CellKind.SPARK)
        self.sort_key, self.sort_reversed = column, reverse
        self.reorder()
        return True

    def set_frozen(self, *, frozen: bool) -> bool:
        """Show a copy, or the store again; False when it is so already."""
        if frozen == self.is_frozen:
            return False
        self._frozen = self.store.snapshot() if frozen else None
        self.reorder()
        return True

    def toggle_mark(self, key: str) -> None:
        """Mark or unmark a row."""
        self.marks ^= {key}

    def invert_marks(self) -> None:
        """Mark the shown rows that are not marked and unmark the others."""
        self.marks ^= frozenset(self.keys)
