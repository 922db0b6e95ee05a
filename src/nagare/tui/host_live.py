"""One host as the screens know it: its newest rows, short histories of what lists draw, and what deserves a look.

Of a host that nobody looks at a digest comes (``take_digest``), of the others the rows. What is done with a digest is done
for every host at every report, so it does no more than lists need.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from nagare.model.health import CHECKED, CPU_BOUND, Findings, Level, Reason, gather
from nagare.model.host_rows import Columns, split_moments
from nagare.model.host_series import CURVE_SERIES, LIST_SERIES, NAN, SERIES, SPARK_SERIES, read_value, series_by_table
from nagare.tui.ring import Ring
from nagare.wire.hosts import HostView

_CPU_SPAN_MS = 30_000
# Tables whose every frame is only a part of what is known: they are shown from SQL instead.
_NOT_KEPT = frozenset({"events"})
# Tables whose rows come at moments of their own, a few at a time: the newest of each key stands.
_BY_KEY: Mapping[str, str] = MappingProxyType({"agent": "collector"})
# More than there are collectors; what a host calls them is its own word.
_KEYS_LIMIT = 256


_TOLD_BY = series_by_table(SERIES)
_LISTED, _DRAWN = frozenset(LIST_SERIES), frozenset(SPARK_SERIES)


@dataclass(slots=True)
class Latest:
    """The rows of one table at its newest moment, or, with ``rows``, the newest row of each key."""

    ts_ms: int
    columns: Columns
    rows: dict[object, dict[str, object]] = field(default_factory=dict)

    def whole(self) -> Columns:
        """Return the columns; those of ``rows`` are made when first asked for."""
        if self.rows and not self.columns:
            names = sorted({name for row in self.rows.values() for name in row})
            self.columns = {name: [row.get(name) for row in self.rows.values()] for name in names}
        return self.columns


@dataclass(slots=True)
class HostLive:
    """One host: what the server says of it and what it said itself."""

    name: str
    view: HostView | None = None
    # Our clock when rows last came, or what the server knew at the start; None when never.
    seen_ms: int | None = None
    # Of the samples of the last quarter of an hour, the oldest known.
    oldest_ms: int | None = None
    tables: dict[str, Latest] = field(default_factory=dict)
    rings: dict[str, Ring] = field(default_factory=dict)
    values: dict[str, float] = field(default_factory=dict)
    reasons: tuple[Reason, ...] = ()
    level: Level = Level.UNKNOWN
    level_since_ms: int = 0
    _findings: Findings = field(default_factory=Findings)

    @property
    def interval_seconds(self) -> float:
        """The interval in which the host reports."""
        return self.view.interval_seconds if self.view else 5.0

    def value(self, series_id: str) -> float:
        """Return the newest value of a series, NaN when not known."""
        found = self.values.get(series_id)
        if found is None:
            latest = self.tables.get(SERIES[series_id].table)
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
        if self.oldest_ms is None or ts_ms < self.oldest_ms:
            self.oldest_ms = ts_ms

    def ring(self, series_id: str) -> Ring:
        """Return the short history of a series, made when first asked for."""
        found = self.rings.get(series_id)
        if found is None:
            found = self.rings[series_id] = Ring()
        return found

    def take_digest(self, ts_ms: int, values: Mapping[str, float], found: Sequence[Reason]) -> None:
        """Take the newest values in, and what deserves a look; of a host that is looked at its rows tell more."""
        self.note_sample(ts_ms)
        self.values.update(values)
        for series_id in CURVE_SERIES:
            if series_id in values:
                self.ring(series_id).append(ts_ms, values[series_id])
        self._judge(found, is_news=bool(found))

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
        self._judge(self._findings, is_news=is_news)

    def _judge(self, found: Iterable[Reason], *, is_news: bool) -> None:
        busy = self.ring("cpu.busy").mean_of(_CPU_SPAN_MS)
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
            if is_watched or series.id in _LISTED:
                value = self.values[series.id] = read_value(series, columns)
                if is_watched or series.id in _DRAWN:
                    self.ring(series.id).append(ts_ms, value)
            else:
                # Read when somebody asks; what was known before is no longer so.
                self.values.pop(series.id, None)


def _rows_by_key(columns: Columns, key: str) -> dict[object, dict[str, object]]:
    names = list(columns)
    rows = [dict(zip(names, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    return {row.get(key): row for row in rows}
