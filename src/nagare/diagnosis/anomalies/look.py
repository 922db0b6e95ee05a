"""Rows of many series as arrays side by side: laid down as they come, with the place of each series."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, compress, starmap
from typing import Any

import numpy as np

from nagare.diagnosis.anomalies.intake import COLUMNS
from nagare.diagnosis.anomalies.layouts import BinaryRows, Layout, Rows
from nagare.diagnosis.anomalies.passes import InOrder
from nagare.wire.binary_batch import FLOATS, NO_INTEGER
from nagare.wire.binary_columns import Shape

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Laid:
    """``Rows`` as arrays: of each its host, its layout, which moments there are and how many cells; then of every cell.

    A cell that is no number is NaN. So they wait without an object for each cell.
    """

    hosts: list[str]
    layouts: list[Layout]
    moments: list[tuple[int, ...]]
    counts: list[int]
    ts_ms: Array
    values: Array


def lay(rows: Sequence[Rows | BinaryRows]) -> Laid:
    """Return ``rows`` as arrays."""
    of_shape: dict[Shape, list[BinaryRows]] = {}
    lists: list[Rows] = []
    for one in rows:
        if isinstance(one, BinaryRows):
            of_shape.setdefault(one.columns.shape, []).append(one)
        else:
            lists.append(one)
    if not of_shape:
        return _lay_lists(lists)
    return join([*([_lay_lists(lists)] if lists else ()), *starmap(lay_binary, of_shape.items())])


def _lay_lists(rows: Sequence[Rows]) -> Laid:
    counts = [len(one.values) for one in rows]
    return Laid(
        [one.host for one in rows],
        [one.layout for one in rows],
        [tuple(set(one.stamps)) for one in rows],
        counts,
        np.fromiter(chain.from_iterable(one.stamps for one in rows), np.int64, sum(counts)),
        _numbers([one.values for one in rows], sum(counts)),
    )


def lay_binary(shape: Shape, rows: Sequence[BinaryRows]) -> Laid:
    """Return ``rows``, all of that shape and so of one table, as arrays: their bytes are one matrix."""
    parts = [one.columns for one in rows]
    counts = [part.rows for part in parts]
    scored = [name for name in COLUMNS[shape.table] if name in shape.places]
    values = np.empty((sum(counts), len(scored)))
    floats = np.frombuffer(b"".join([part.floats for part in parts]), "<f8").reshape(len(values), -1)
    integers = np.frombuffer(b"".join([part.integers for part in parts]), "<i8").reshape(len(values), -1)
    for column, name in enumerate(scored):
        kind, at = shape.places[name]
        values[:, column] = floats[:, at] if kind == FLOATS else _as_floats(integers[:, at])
    stamps = np.fromiter(chain.from_iterable(part.stamps() for part in parts), np.int64, len(values))
    if any(one.taken is not None for one in rows):
        values, stamps, counts = _taken(rows, counts, values, stamps)
    return Laid(
        [one.host for one in rows],
        [one.layout for one in rows],
        [(part.times,) if isinstance(part.times, int) else tuple(set(part.times)) for part in parts],
        [len(scored) * count for count in counts],
        np.repeat(stamps, len(scored)),
        values.ravel(),
    )


def _taken(
    rows: Sequence[BinaryRows], counts: Sequence[int], values: Array, stamps: Array
) -> tuple[Array, Array, list[int]]:
    """Return what is left of the rows once those are gone that are not scored, and how many each has then."""
    begins = accumulate(counts, initial=0)
    taken = [
        range(begin, begin + count) if one.taken is None else [begin + at for at in one.taken]
        for one, begin, count in zip(rows, begins, counts, strict=False)
    ]
    chosen = np.fromiter(chain.from_iterable(taken), np.int64)
    return values[chosen], stamps[chosen], [*map(len, taken)]


def _as_floats(column: Array) -> Array:
    return np.where(column == NO_INTEGER, np.nan, column)


def join(laid: Sequence[Laid]) -> Laid:
    """Return all of ``laid``, of which there is one at least, one behind the other."""
    if len(laid) == 1:
        return laid[0]
    return Laid(
        list(chain.from_iterable(one.hosts for one in laid)),
        list(chain.from_iterable(one.layouts for one in laid)),
        list(chain.from_iterable(one.moments for one in laid)),
        list(chain.from_iterable(one.counts for one in laid)),
        np.concatenate([one.ts_ms for one in laid]),
        np.concatenate([one.values for one in laid]),
    )


@dataclass(frozen=True, slots=True)
class Look:
    """Rows: the place of the series, moment, value, and where each comes from: which ``Rows``, and where in its layout."""

    places: Array
    ts_ms: Array
    values: Array
    source: Array
    column: Array

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.places)

    def chosen(self, which: Array) -> Look:
        """Return the rows that a mask or places choose."""
        if which.dtype == np.bool_ and which.all():
            # Mostly all of them: finite, placed, and later than what came before.
            return self
        return Look(self.places[which], self.ts_ms[which], self.values[which], self.source[which], self.column[which])

    def heard(self, laid: Laid) -> dict[str, set[int]]:
        """Return the moments of each host of which there are rows."""
        is_there = np.bincount(self.source, minlength=len(laid.hosts)) > 0
        found: dict[str, set[int]] = {}
        # Every table of a batch has the same ones.
        for host, moments in set(compress(zip(laid.hosts, laid.moments, strict=True), is_there.tolist())):
            found.setdefault(host, set()).update(moments)
        return found

    def later_than(self, last_ms: Array) -> Look:
        """Return the rows after the last one of their series."""
        return self.chosen(self.ts_ms > last_ms[self.places])

    def in_order(self) -> InOrder:
        """Return the rows by series and time; of two of one moment the one that came last."""
        return InOrder(self.places, self.ts_ms, self.values)


def look_at(laid: Laid, places: Sequence[Array]) -> Look:
    """Return the cells of ``laid`` that are finite numbers, with the ``places`` of each layout's series."""
    counts = np.array(laid.counts, dtype=np.int64)
    ends, source = np.cumsum(counts), np.repeat(np.arange(len(counts)), counts)
    look = Look(
        np.concatenate([np.zeros(0, dtype=np.int64), *places]),
        laid.ts_ms,
        laid.values,
        source,
        np.arange(len(source)) - (ends - counts)[source],
    )
    return look.chosen(np.isfinite(look.values))


def _numbers(parts: Sequence[Sequence[Any]], count: int) -> Array:
    try:
        return np.fromiter(chain.from_iterable(parts), np.float64, count)
    except (TypeError, ValueError):
        pass  # None among them, mostly
    cells = list(chain.from_iterable(parts))
    try:
        return np.array(cells, dtype=np.float64)
    except (TypeError, ValueError):
        # A text among them: nothing that our own tables hold, and nothing to score.
        return np.array([cell if isinstance(cell, int | float) else np.nan for cell in cells], dtype=np.float64)
