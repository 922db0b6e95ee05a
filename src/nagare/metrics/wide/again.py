"""Which rows may stand there already: a point is its tags and its time, and a sender may repeat it.

For each series the newest time is known, so that a row beyond it is surely new: that is nearly every row, and it costs
a look-up. Any other is stored with the order of its coming in a hidden column; where that column is present, a view
takes of each point's fields the last ones that came. After a start the newest time of a series is not known, only that
of its table's blocks, which is on the safe side: a row that is marked needlessly costs a query some time, nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from nagare.model.wide import WideRows

# Some 250 bytes each. Past it a table forgets single series and knows only its newest time.
SERIES_LIMIT = 500_000
_BEGINNING = -(2**63)
# More rows than one log record holds.
_MARK_BITS = 24
_Key = tuple[str | None, ...]
_Names = tuple[str, ...]


class NewestPoints:
    """The newest time of each series; used by the log's writer alone."""

    def __init__(self, block_end_ns: Callable[[str], int | None], next_index: Callable[[], int]) -> None:
        """Ask ``block_end_ns`` once for each table up to which time its blocks hold rows, and number marks by the log's."""
        self._block_end_ns = block_end_ns
        self._next_index = next_index
        self._floors: dict[str, int] = {}
        # By table and names of its tags, by host and their values.
        self._newest: dict[tuple[str, _Names], dict[_Key, int]] = {}
        self._count = 0
        self._last_mark = 0

    def marks(self, rows: WideRows) -> list[int | None] | None:
        """Return for each row its mark, or None if it is surely new; None for all when no row has one."""
        marks: list[int | None] | None = None
        for at, is_new in enumerate(self._note(rows)):
            if is_new:
                continue
            if marks is None:
                marks = [None] * len(rows)
                # Indexes of log records never repeat, so later marks are higher, whatever the clock does.
                self._last_mark = max(self._last_mark, self._next_index() << _MARK_BITS)
            self._last_mark += 1
            marks[at] = self._last_mark
        return marks

    def note_stored(self, table: str, columns: Mapping[str, Sequence[object]], tags: Sequence[str]) -> None:
        """Take over rows that the log brings back."""
        kept = {tag: [None if value is None else str(value) for value in columns[tag]] for tag in tags}
        hosts = [str(host) for host in columns["host"]]
        times = [int(str(ts)) for ts in columns["ts"]]
        rows = WideRows(table, times, hosts, kept, {}, {}, ())
        for _ in self._note(rows):
            pass

    def _note(self, rows: WideRows) -> list[bool]:
        floor = self._floor(rows.table)
        found: list[bool] = []
        for (names, key), ts in zip(_keys(rows), rows.ts_ns, strict=True):
            newest = self._newest.get((rows.table, names))
            if newest is None:
                newest = self._newest[rows.table, names] = {}
            known = newest.get(key)
            is_new = ts > (floor if known is None else known)
            if is_new:
                newest[key] = ts
                self._count += known is None
            found.append(is_new)
        if self._count > SERIES_LIMIT:
            self._forget()
        return found

    def _floor(self, table: str) -> int:
        floor = self._floors.get(table)
        if floor is None:
            end = self._block_end_ns(table)
            floor = self._floors[table] = _BEGINNING if end is None else end
        return floor

    def _forget(self) -> None:
        for (table, _), newest in self._newest.items():
            self._floors[table] = max(self._floors[table], max(newest.values(), default=_BEGINNING))
        self._newest = {}
        self._count = 0


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
