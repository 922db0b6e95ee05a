"""The order of a live table's rows: filter, then sort, as an array of slots. Missing values come last either way."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nagare.tui.renderables.palette import make_palette
from nagare.tui.renderables.table_cells import CellKind
from nagare.tui.widgets.row_store import RowStore

Slots = NDArray[np.intp]

_DIGITS = re.compile(r"(\d+)")


@lru_cache(maxsize=1 << 16)
def natural_key(text: str) -> tuple[tuple[int, int, str], ...]:
    """Return a key that puts ``web-2`` before ``web-10`` and ignores case."""
    parts = _DIGITS.split(text.casefold())
    # Digits that int() refuses (a superscript) or would take for ever (thousands) stay text.
    return tuple(
        (0, int(part), "") if part.isascii() and part.isdigit() and len(part) < 19 else (1, 0, part) for part in parts
    )


def sort_slots(store: RowStore, slots: Slots, column: str, *, reverse: bool) -> Slots:
    """Return ``slots`` sorted by a column; equal rows stay in their order. An unknown column changes nothing."""
    numbers = store.numbers.get(column)
    if numbers is not None:
        return _sort_numbers(numbers[slots], slots, reverse=reverse)
    if column not in store.objects:
        return slots
    told = store.told.get(column)
    values = store.objects[column] if told is None else {slot: told(store.keys[slot]) for slot in slots.tolist()}
    known = [slot for slot in slots.tolist() if values[slot] is not None]
    missing = [slot for slot in slots.tolist() if values[slot] is None]
    kind = store.columns[column].kind
    known.sort(key=lambda slot: _object_key(values[slot], kind), reverse=reverse)
    return np.array([*known, *missing], dtype=np.intp)


def _object_key(value: Any, kind: CellKind) -> Any:
    if kind is CellKind.STATE:
        return _state_rank(str(value))
    if kind is CellKind.SPARK:
        last = float(value[-1]) if len(value) else -np.inf
        return last if np.isfinite(last) else -np.inf
    return natural_key(str(value))


@lru_cache(maxsize=256)
def _state_rank(state: str) -> int:
    return make_palette().state(state).rank


def _sort_numbers(values: NDArray[np.float64], slots: Slots, *, reverse: bool) -> Slots:
    # numpy puts NaN last; the negated values keep it there in the reverse order, and equal rows in place.
    return np.asarray(slots[np.argsort(-values if reverse else values, kind="stable")], dtype=np.intp)
