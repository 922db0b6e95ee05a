"""One host as the screens know it: its newest rows, short histories of what lists draw, and what deserves a look.

Of a host that nobody looks at a digest comes, of which all numbers are in the columns of the fleet (``FleetColumns``), of
the others the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from nagare.model.health import CHECKED, CPU_BOUND, Findings, Level, Reason, gather
from nagare.model.host_rows import Columns, split_moments
from nagare.model.host_series import NAN, SERIES, SPARK_SERIES, read_value, series_by_table
from nagare.tui.fleet_columns import FleetColumns
from nagare.tui.ring import FloatArray, Ring, TimeArray
from nagare.wire.hosts import HostView

# Tables whose every frame is only a part of what is known: they are shown from SQL instead.
_NOT_KEPT = frozenset({"events"})
# Tables whose rows come at moments of their own, a few at a time: the newest of each key stands.
_BY_KEY: Mapping[str, str] = MappingProxyType({"agent": "collector"})
# More than there are collectors; what a host calls them is its own word.
_KEYS_LIMIT = 256


_TOLD_BY = series_by_table(SERIES)
_DRAWN = frozenset(SPARK_SERIES)


@dataclass(slots=True)
class Latest:
    """The rows of one table at its newest moment, or, with ``rows``, the newest row of each key."""

    ts_ms: int
    columns: Columns
    rows: dict[object, dict[str, object]] = field(default_factory=dict)

    @property
    def is_asked(self) -> bool:
        """Whether the rows were asked for, and no frame brought any yet."""
        return not self.ts_ms

    def whole(self) -> Columns:
        """Return the columns; those of ``rows`` are made when first asked for."""
        if self.rows and not self.columns:
            names = sorted({name for row in self.rows.values() for name in row})
            self.columns = {name: [row.get(name) for row in self.rows.values()] for name in names}
        return self.columns


class HostLive:
    """One host: what the server says of it and what it said itself."""

    __slots__ = (
        "_findings",
        "_rings",
        "_values",
        "fleet",
        "level",
        "level_since_ms",
        "name",
        "reasons",
        "slot",
        "tables",
        "view",
    )

    def __init__(self, name: str, fleet: FleetColumns | None = None) -> None:
        """Know nothing yet but a place in the columns of ``fleet``; without one it stands alone."""
        self.name = name
        self.fleet = FleetColumns(1) if fleet is None else fleet
        self.slot = self.fleet.place(name)
        self.view: HostView | None = None
        self.tables: dict[str, Latest] = {}
        self.reasons: tuple[Reason, ...] = ()
        self.level = Level.UNKNOWN
        self.level_since_ms = 0
        self._rings: dict[str, Ring] = {}
        # Of the series that no list shows.
        self._values: dict[str, float] = {}
        self._findings = Findings()

    @property
    def seen_ms(self) -> int | None:
        """Our clock when the host was last heard, or what the server knew at the start; None when never."""
        return _known_ms(self.fleet.seen_ms[self.slot])

    @seen_ms.setter
    def seen_ms(self, heard_ms: int) -> None:
        self.fleet.seen_ms[self.slot] = heard_ms

    @property
    def oldest_ms(self) -> int | None:
        """Of the samples of the last quarter of an hour, the oldest known."""
        return _known_ms(self.fleet.oldest_ms[self.slot])

    @property
    def interval_seconds(self) -> float:
        """The interval in which the host reports."""
        return float(self.fleet.interval_seconds[self.slot])

    def leave(self) -> None:
        """Give the place in the fleet's columns up: the host was removed, and who still holds it learns nothing of others."""
        self.fleet.forget(self.name)
        self.fleet, self._rings = FleetColumns(1), {}
        self.slot = self.fleet.place(self.name)

    def put_view(self, view: HostView) -> None:
        """Take what the server says of the host."""
        self.view = view
        self.fleet.interval_seconds[self.slot] = view.interval_seconds

    def value(self, series_id: str) -> float:
        """Return the newest value of a series, NaN when not known."""
        latest = self.tables.get(SERIES[series_id].table)
        listed = self.fleet.newest.get(series_id)
        found = self._values.get(series_id) if listed is None else float(listed[self.slot])
        if found is None or (found != found and latest is not None and latest.is_asked):
            return NAN if latest is None else read_value(SERIES[series_id], latest.whole())
        return found

    def columns(self, table: str) -> Columns:
        """Return the newest rows of ``table``, empty when none came."""
        latest = self.tables.get(table)
        return latest.whole() if latest else {}

    def has_rows(self, table: str) -> bool:
        """Tell whether any newest row of ``table`` is known."""
        latest = self.tables.get(table)
        return latest is not None and (bool(latest.rows) or any(len(cells) for cells in latest.columns.values()))

    def note_sample(self, ts_ms: int) -> None:
        """Take notice of the moment of a sample."""
        self.fleet.oldest_ms[self.slot] = min(ts_ms, self.oldest_ms or ts_ms)

    def ring(self, series_id: str) -> Ring:
        """Return the short history of a series, made when first asked for."""
        found = self._rings.get(series_id)
        if found is None:
            listed = self.fleet.ring(series_id, self.slot)
            found = self._rings[series_id] = Ring() if listed is None else listed
        return found

    def fill(self, series_id: str, times: TimeArray, values: FloatArray) -> None:
        """Lay a history of a series under what came since."""
        if self.fleet.ring(series_id, self.slot) is None:
            self.ring(series_id).fill(times, values)
        else:
            self.fleet.fill(self.slot, series_id, times, values)

    def put_newest(self, series_id: str, value: float) -> None:
        """Take a value that was asked for, of a series whose newest is not known."""
        if series_id in self.fleet.newest:
            self.fleet.newest[series_id][self.slot] = value
        else:
            self._values[series_id] = value

    def take(self, tables: Mapping[str, Columns], *, is_watched: bool) -> None:
        """Take the rows of a frame in."""
        is_news = False
        for table, columns in tables.items():
            if table in _BY_KEY:
                self._take_by_key(table, columns)
            elif table not in _NOT_KEPT:
                self._take_table(table, columns, is_watched=is_watched)
            if table in CHECKED:
                latest = self.tables.get(table)
                is_news |= self._findings.look(table, latest.whole() if latest is not None else {})
        busy = self.fleet.busy_means(np.array([self.slot]))
        self.judge(self._findings, busy.get(self.slot, NAN), is_news=is_news)

    def judge(self, found: Iterable[Reason], busy: float, *, is_news: bool) -> None:
        """Say what deserves a look: what was ``found``, and the mean share of all cores that were ``busy`` for half a minute."""
        if is_news or self.reasons or busy >= CPU_BOUND:
            self.reasons = gather(found, busy)

    def _take_table(self, table: str, columns: Columns, *, is_watched: bool) -> None:
        for ts_ms, moment in split_moments(columns):
            latest = self.tables.get(table)
            # A backlog may come after newer rows: the newest stay.
            if latest is None or ts_ms >= latest.ts_ms:
                self.tables[table] = Latest(ts_ms, moment)
                self._take_values(table, ts_ms, moment, is_watched=is_watched)

    def _take_by_key(self, table: str, columns: Columns) -> None:
        held, key = self.tables.get(table), _BY_KEY[table]
        rows = {} if held is None else held.rows or _rows_by_key(held.columns, key)
        rows.update(_rows_by_key(columns, key))
        while len(rows) > _KEYS_LIMIT:
            del rows[next(iter(rows))]
        newest_ms = max((stamp for stamp in columns.get("ts", ()) if isinstance(stamp, int)), default=0)
        self.tables[table] = Latest(newest_ms, {}, rows=rows)

    def _take_values(self, table: str, ts_ms: int, columns: Columns, *, is_watched: bool) -> None:
        self.note_sample(ts_ms)
        for series in _TOLD_BY.get(table, ()):
            if series.id in self.fleet.newest:
                value = read_value(series, columns)
                self.fleet.take_one(self.slot, series.id, ts_ms, value)
            elif is_watched:
                value = self._values[series.id] = read_value(series, columns)
            else:
                # Read when somebody asks; what was known before is no longer so.
                self._values.pop(series.id, None)
                continue
            if is_watched or series.id in _DRAWN:
                self.ring(series.id).append(ts_ms, value)


def _known_ms(found: float) -> int | None:
    return None if found != found else int(found)


def _rows_by_key(columns: Columns, key: str) -> dict[object, dict[str, object]]:
    names = list(columns)
    rows = [dict(zip(names, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    return {row.get(key): row for row in rows}
