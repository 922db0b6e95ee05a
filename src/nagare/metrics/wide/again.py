"""Which rows may stand there already: a point is its tags and its time, and a sender may repeat it.

For each series the newest time is known, so that a row beyond it is surely new: that is nearly every row, and it costs
a look-up. Any other is stored with the order of its coming in a hidden column; where that column is present, a view
takes of each point's fields the last ones that came. After a start the newest time of a series is not known, only that
of its table's blocks, which is on the safe side: a row that is marked needlessly costs a query some time, nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from nagare.model.wide import WideRows

# Some 250 bytes each. Past it a table forgets single series and knows only its newest time.
SERIES_LIMIT = 500_000
_BEGINNING = -(2**63)
# Up to so many rows, one after the other costs less than numpy's calls do.
_FEW = 8
# More rows than one log record holds.
_MARK_BITS = 24
_Key = tuple[str | None, ...]
_Names = tuple[str, ...]
# Places of the series of some rows, and whether each comes once.
_Found = tuple[NDArray[np.intp], bool]


class NewestPoints:
    """The newest time of each series; used by the log's writer alone."""

    def __init__(self, block_end_ns: Callable[[str], int | None], next_index: Callable[[], int]) -> None:
        """Ask ``block_end_ns`` once for each table up to which time its blocks hold rows, and number marks by the log's."""
        self._block_end_ns = block_end_ns
        self._next_index = next_index
        self._floors: dict[str, int] = {}
        self._last_mark = 0
        self._begin()

    def _begin(self) -> None:
        # By table and names of its tags, by host and their values: the place of the series in ``_newest``.
        self._places: dict[tuple[str, _Names], dict[_Key, int]] = {}
        self._newest = np.zeros(0, dtype=np.int64)
        # How many series have a place, and how many of the places hold a time.
        self._count = self._given = 0
        # The places of rows whose order came before; an order lives as long as its codec remembers it.
        self._of_order: WeakKeyDictionary[object, _Found] = WeakKeyDictionary()

    def marks(self, rows: WideRows) -> list[int | None] | None:
        """Return for each row its mark, or None if it is surely new; None for all when no row has one."""
        is_new = self._note(rows)
        if is_new is None:
            return None
        # Indexes of log records never repeat, so later marks are higher, whatever the clock does.
        self._last_mark = max(self._last_mark, self._next_index() << _MARK_BITS)
        marks: list[int | None] = [None] * len(rows)
        for at in (at for at, each in enumerate(is_new) if not each):
            self._last_mark += 1
            marks[at] = self._last_mark
        return marks

    def note_stored(self, table: str, columns: Mapping[str, Sequence[object]], tags: Sequence[str]) -> None:
        """Take over rows that the log brings back."""
        kept = {tag: [None if value is None else str(value) for value in columns[tag]] for tag in tags}
        hosts = [str(host) for host in columns["host"]]
        times = [int(str(ts)) for ts in columns["ts"]]
        self._note(WideRows(table, times, hosts, kept, {}, {}, ()))

    def _note(self, rows: WideRows) -> list[bool] | None:
        """Take over the times of ``rows``; tell which are new, None when all are."""
        if self._count > SERIES_LIMIT:
            self._forget()
        if rows.order is None and len(rows) <= _FEW:
            return self._note_in_turn(self._numbers(rows), rows.ts_ns)
        places, is_single = self._find(rows)
        times = np.array(rows.ts_ns, dtype=np.int64)
        if not is_single:
            return self._note_in_turn(places.tolist(), rows.ts_ns)
        is_new = times > self._newest[places]
        if is_new.all():
            self._newest[places] = times
            return None
        self._newest[places] = np.maximum(times, self._newest[places])
        found: list[bool] = is_new.tolist()
        return found

    def _note_in_turn(self, places: Sequence[int], times: Sequence[int]) -> list[bool] | None:
        """Do the same for rows of which several are of one series."""
        found = []
        for place, ts in zip(places, times, strict=True):
            is_new = ts > int(self._newest[place])
            if is_new:
                self._newest[place] = ts
            found.append(is_new)
        return None if all(found) else found

    def _find(self, rows: WideRows) -> _Found:
        """Return the places of the series of ``rows``, and whether each comes once."""
        known = None if rows.order is None else self._of_order.get(rows.order)
        if known is not None:
            return known
        numbers = self._numbers(rows)
        found = np.array(numbers, dtype=np.intp), len(set(numbers)) == len(numbers)
        if rows.order is not None:
            self._of_order[rows.order] = found
        return found

    def _numbers(self, rows: WideRows) -> list[int]:
        numbers = [self._place(rows.table, names, key) for names, key in _keys(rows)]
        self._grow(self._floor(rows.table))
        return numbers

    def _place(self, table: str, names: _Names, key: _Key) -> int:
        places = self._places.get((table, names))
        if places is None:
            places = self._places[table, names] = {}
        place = places.get(key)
        if place is None:
            place = places[key] = self._count
            self._count += 1
        return place

    def _grow(self, floor: int) -> None:
        """Give the series that were met just now the time up to which blocks hold rows of their table."""
        missing = self._count - self._given
        if missing > 0:
            if self._count > len(self._newest):
                self._newest = np.concatenate((self._newest, np.zeros(self._count, dtype=np.int64)))
            self._newest[self._given : self._count] = floor
            self._given = self._count

    def _floor(self, table: str) -> int:
        floor = self._floors.get(table)
        if floor is None:
            end = self._block_end_ns(table)
            floor = self._floors[table] = _BEGINNING if end is None else end
        return floor

    def _forget(self) -> None:
        for (table, _), places in self._places.items():
            newest = self._newest[list(places.values())].max()
            self._floors[table] = max(self._floors[table], int(newest))
        self._begin()


def _keys(rows: WideRows) -> Iterator[tuple[_Names, _Key]]:
    """Yield what names each row's series: the names of the tags that it has, its host and their values."""
    names = tuple(sorted(rows.tags))
    keys = zip(rows.hosts, *(rows.tags[name] for name in names), strict=True)
    if not any(None in column for column in rows.tags.values()):
        yield from ((names, key) for key in keys)
        return
    for host, *values in keys:
        held = [(name, value) for name, value in zip(names, values, strict=True) if value is not None]
        yield tuple(name for name, _ in held), (host, *(value for _, value in held))
