"""Rows of a live table in columns: numbers in numpy arrays, the rest in lists, found by a key that never moves.

Updating a thousand rows costs array writes, not objects. Holds no order of its own: ``row_order`` makes one. It knows
no widget, so that it is tested without an app.
"""

from __future__ import annotations

from collections.abc import Callable, KeysView, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nagare.tui.renderables.table_cells import ColumnSpec

_FIRST_CAPACITY = 64
_NOTHING_BEFORE: Mapping[str, NDArray[np.float64]] = MappingProxyType({})


class RowStore:
    """Rows by key. ``version`` rises with every change; ``row_versions`` says when each row changed last.

    A row lives in a slot; slots of removed rows are taken again. ``labels`` are a row's key=value words for filters.
    """

    def __init__(self, columns: Sequence[ColumnSpec]) -> None:
        """Make an empty store with these columns; their keys must differ."""
        self.columns = {column.key: column for column in columns}
        self.version = 0
        self._rows_version = 0
        self._column_versions: dict[str, int] = {}
        self._slots: dict[str, int] = {}
        self._free: list[int] = []
        self._capacity = _FIRST_CAPACITY
        self.keys: list[str] = [""] * _FIRST_CAPACITY
        self.labels: list[Mapping[str, str]] = [{}] * _FIRST_CAPACITY
        self.row_versions: NDArray[np.int64] = np.zeros(_FIRST_CAPACITY, dtype=np.int64)
        self.numbers: dict[str, NDArray[np.float64]] = {}
        self.previous: dict[str, NDArray[np.float64]] = {}
        self.objects: dict[str, list[Any]] = {}
        # Columns whose values are asked for by a row's key when they are needed: curves, of which few of a long list are drawn.
        self.told: dict[str, Callable[[str], Any]] = {}
        for column in columns:
            if column.is_numeric:
                self.numbers[column.key] = np.full(_FIRST_CAPACITY, np.nan)
                if column.trend:
                    self.previous[column.key] = np.full(_FIRST_CAPACITY, np.nan)
            else:
                self.objects[column.key] = [None] * _FIRST_CAPACITY

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._slots)

    def __contains__(self, key: object) -> bool:
        """Tell whether a row has that key."""
        return key in self._slots

    def version_of(self, column: str | None) -> int:
        """Return when a column's values changed last, or which rows there are; an order by it stands until then."""
        return max(
            self._rows_version, self._column_versions.get(column or "", 0), self.version if column in self.told else 0
        )

    def find_slot(self, key: str) -> int | None:
        """Return the slot of a key, or None."""
        return self._slots.get(key)

    def update(self, key: str, values: Mapping[str, Any], *, labels: Mapping[str, str] | None = None) -> None:
        """Set some values of a row, making it when it is new. Columns that the store does not have are passed over."""
        self.version += 1
        is_new = key not in self._slots
        slot = self._slot_for(key)
        for name, value in values.items():
            is_new |= self._set(name, slot, value)
        if is_new or self._is_always_new:
            self.row_versions[slot] = self.version
        if labels is not None:
            self.labels[slot] = labels

    def update_columns(
        self,
        keys: Sequence[str],
        values: Mapping[str, Sequence[Any] | NDArray[np.float64]],
        *,
        labels: Sequence[Mapping[str, str]] | None = None,
        before: Mapping[str, NDArray[np.float64]] = _NOTHING_BEFORE,
    ) -> None:
        """Set whole columns of many rows at once; the quick way for a tick of the whole fleet.

        A trend is held against what stood here, or against ``before``.
        """
        if not keys:
            return
        self.version += 1
        known, is_new = self._slots, np.full(len(keys), self._is_always_new)
        for place, key in enumerate(keys):
            if key not in known:
                self._slot_for(key)
                is_new[place] = True
        slots = np.array([known[key] for key in keys], dtype=np.intp)
        for name, column in values.items():
            if name in self.numbers:
                is_new |= self._set_numbers(name, slots, np.asarray(column, dtype=np.float64), before.get(name))
            elif name in self.objects:
                is_new |= self._set_objects(name, slots, column)
        self.row_versions[slots[is_new]] = self.version
        if labels is not None:
            for slot, words in zip(slots.tolist(), labels, strict=True):
                self.labels[slot] = words

    @property
    def _is_always_new(self) -> bool:
        """Whether a row may look otherwise though no value of it is other: by its trend, or by what is asked for when it is drawn."""
        return bool(self.previous or self.told)

    def _set_numbers(
        self, name: str, slots: NDArray[np.intp], values: NDArray[np.float64], before: NDArray[np.float64] | None
    ) -> NDArray[np.bool_]:
        """Set values of a column of numbers; tell which are other than before."""
        held = self.numbers[name][slots]
        if name in self.previous:
            self.previous[name][slots] = held if before is None else before
        other: NDArray[np.bool_] = (held != values) & ~(np.isnan(held) & np.isnan(values))
        if other.any():
            self.numbers[name][slots] = values
            self._column_versions[name] = self.version
        return other

    def _set_objects(
        self, name: str, slots: NDArray[np.intp], column: Sequence[Any] | NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Set values of a column of words; tell which are other than before."""
        objects, other = self.objects[name], np.zeros(len(slots), dtype=np.bool_)
        for place, (slot, value) in enumerate(zip(slots.tolist(), column, strict=True)):
            if objects[slot] is not value and not _is_same(objects[slot], value):
                objects[slot], other[place] = value, True
        if other.any():
            self._column_versions[name] = self.version
        return other

    def replace(self, rows: Mapping[str, Mapping[str, Any]]) -> None:
        """Make the store hold exactly ``rows``: new and known ones are updated, the others removed."""
        for key in [key for key in self._slots if key not in rows]:
            self.remove(key)
        for key, values in rows.items():
            self.update(key, values)

    def remove(self, key: str) -> bool:
        """Remove a row; False when there is none of that key."""
        slot = self._slots.pop(key, None)
        if slot is None:
            return False
        self.version += 1
        self._rows_version = self.version
        self._clear(slot)
        self._free.append(slot)
        return True

    def clear(self) -> None:
        """Remove all rows."""
        for key in list(self._slots):
            self.remove(key)

    def value(self, key: str, column: str) -> Any:
        """Return a value of a row; NaN or None when it is not known. Raises KeyError for an unknown row or column."""
        return self.at(self._slots[key], column)

    def labels_of(self, key: str) -> Mapping[str, str]:
        """Return a row's labels. Raises KeyError for an unknown row."""
        return self.labels[self._slots[key]]

    def column(self, keys: Sequence[str], column: str) -> NDArray[np.float64]:
        """Return the values of a column of numbers, of those rows. Raises KeyError for an unknown row or column."""
        return self.numbers[column][[self._slots[key] for key in keys]]

    def at(self, slot: int, column: str) -> Any:
        """Return a value by slot."""
        numbers = self.numbers.get(column)
        if numbers is not None:
            return float(numbers[slot])
        told = self.told.get(column)
        return self.objects[column][slot] if told is None else told(self.keys[slot])

    def before(self, slot: int, column: str) -> float | None:
        """Return a trend column's previous value, or None when the column keeps none."""
        previous = self.previous.get(column)
        return None if previous is None else float(previous[slot])

    def row(self, key: str) -> dict[str, Any]:
        """Return all values of a row. Raises KeyError for an unknown one."""
        slot = self._slots[key]
        return {name: self.at(slot, name) for name in self.columns}

    def slots(self) -> NDArray[np.intp]:
        """Return the slots of all rows, in the order in which the rows came."""
        return np.fromiter(self._slots.values(), dtype=np.intp, count=len(self._slots))

    def row_keys(self) -> KeysView[str]:
        """Return the keys of all rows, in the order in which they came."""
        return self._slots.keys()

    def snapshot(self) -> RowStore:
        """Return a copy that later updates do not touch."""
        copy = RowStore([])
        copy.columns, copy.version = self.columns, self.version
        copy._rows_version, copy._column_versions = self._rows_version, dict(self._column_versions)
        copy._slots, copy._free, copy._capacity = dict(self._slots), list(self._free), self._capacity
        copy.keys, copy.labels = list(self.keys), list(self.labels)
        copy.row_versions = self.row_versions.copy()
        copy.numbers = {name: column.copy() for name, column in self.numbers.items()}
        copy.previous = {name: column.copy() for name, column in self.previous.items()}
        copy.objects = {name: list(column) for name, column in self.objects.items()}
        for name, told in self.told.items():
            for key, slot in self._slots.items():
                copy.objects[name][slot] = told(key)
        return copy

    def _slot_for(self, key: str) -> int:
        slot = self._slots.get(key)
        if slot is None:
            slot = self._free.pop() if self._free else len(self._slots)
            if slot >= self._capacity:
                self._grow()
            self._slots[key] = slot
            self.keys[slot] = key
            self._rows_version = self.version
        return slot

    def _set(self, name: str, slot: int, value: Any) -> bool:
        """Set one value; tell whether it is other than before."""
        numbers = self.numbers.get(name)
        if numbers is not None:
            held, numbers[slot] = float(numbers[slot]), np.nan if value is None else value
            if name in self.previous:
                self.previous[name][slot] = held
            is_other = not (held == numbers[slot] or (held != held and np.isnan(numbers[slot])))
        elif name in self.objects:
            is_other = not _is_same(self.objects[name][slot], value)
            self.objects[name][slot] = value
        else:
            return False
        if is_other:
            self._column_versions[name] = self.version
        return is_other

    def _clear(self, slot: int) -> None:
        for numbers in (*self.numbers.values(), *self.previous.values()):
            numbers[slot] = np.nan
        for objects in self.objects.values():
            objects[slot] = None
        self.keys[slot] = ""
        self.labels[slot] = {}
        self.row_versions[slot] = self.version

    def _grow(self) -> None:
        more = self._capacity
        for columns in (self.numbers, self.previous):
            for name, numbers in columns.items():
                columns[name] = np.concatenate([numbers, np.full(more, np.nan)])
        for objects in self.objects.values():
            objects.extend([None] * more)
        self.keys.extend([""] * more)
        self.labels.extend([{}] * more)
        self.row_versions = np.concatenate([self.row_versions, np.zeros(more, dtype=np.int64)])
        self._capacity += more


def _is_same(held: Any, value: Any) -> bool:
    """Tell whether two cells read the same; of curves that is not looked at."""
    return type(held) is type(value) and not isinstance(value, np.ndarray) and bool(held == value)
