"""One host as the screens know it: its newest rows, short histories of what lists draw, and what deserves a look.

A frame of a host that nobody looks at is read in part (``wire.brief``); its other columns are read from its text when
somebody asks for them. What is done here is done for every host at every report, so it does no more than lists need.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import MappingProxyType

from nagare.errors import InputError
from nagare.tui.health import CHECKED, CPU_BOUND, Level, Reason, check, gather
from nagare.tui.ring import Ring
from nagare.tui.series import LIST_SERIES, NAN, SERIES, SPARK_SERIES, Series, read_value
from nagare.wire.brief import read_table
from nagare.wire.hosts import HostView

Columns = Mapping[str, Sequence[object]]
_CPU_SPAN_MS = 30_000
# Tables whose every frame is only a part of what is known: they are shown from SQL instead.
_NOT_KEPT = frozenset({"events"})
# Tables whose rows come at moments of their own, a few at a time: the newest of each key stands.
_BY_KEY: Mapping[str, str] = MappingProxyType({"agent": "collector"})
# More than there are collectors; what a host calls them is its own word.
_KEYS_LIMIT = 256


# What a table tells: a series, whether lists show it, whether they draw its history.
Told = tuple[Series, bool, bool]


def _told_by_table() -> Mapping[str, tuple[Told, ...]]:
    found: dict[str, list[Told]] = {}
    for series in SERIES.values():
        found.setdefault(series.table, []).append((series, series.id in LIST_SERIES, series.id in SPARK_SERIES))
    return MappingProxyType({table: tuple(own) for table, own in found.items()})


_TOLD_BY = _told_by_table()


@dataclass(slots=True)
class Latest:
    """The rows of one table at its newest moment; with ``text`` only some columns, and the frame that has all.

    Or, with ``rows``, the newest row of each key.
    """

    ts_ms: int
    columns: Columns
    text: str = ""
    rows: dict[object, dict[str, object]] = field(default_factory=dict)

    def whole(self, table: str) -> Columns:
        """Return all columns, read once when first asked for."""
        if self.rows and not self.columns:
            names = sorted({name for row in self.rows.values() for name in row})
            self.columns = {name: [row.get(name) for row in self.rows.values()] for name in names}
        if self.text:
            text, self.text = self.text, ""
            # Where a column that nobody needed until now is not as it must be, what could be read stands.
            with suppress(InputError):
                self.columns = dict(split_moments(read_table(text, table))).get(self.ts_ms, self.columns)
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
    # What was found in each table, where anything was.
    _found: dict[str, list[Reason]] = field(default_factory=dict)

    @property
    def interval_seconds(self) -> float:
        """The interval in which the host reports."""
        return self.view.interval_seconds if self.view else 5.0

    def value(self, series_id: str) -> float:
        """Return the newest value of a series, NaN when not known."""
        found = self.values.get(series_id)
        if found is None:
            latest = self.tables.get(SERIES[series_id].table)
            return NAN if latest is None else read_value(SERIES[series_id], self._with(latest, SERIES[series_id]))
        return found

    def _with(self, latest: Latest, series: Series) -> Columns:
        return latest.columns if series.column in latest.columns else latest.whole(series.table)

    def columns(self, table: str) -> Columns:
        """Return the newest rows of ``table``, empty when none came."""
        latest = self.tables.get(table)
        return latest.whole(table) if latest else {}

    def has_rows(self, table: str) -> bool:
        """Tell whether any newest row of ``table`` is known."""
        latest = self.tables.get(table)
        return latest is not None and (bool(latest.rows) or any(len(cells) for cells in latest.columns.values()))

    def first(self, table: str, column: str) -> object:
        """Return the first cell of a column of the newest rows, or None."""
        latest = self.tables.get(table)
        if latest is None:
            return None
        columns = latest.columns if column in latest.columns else latest.whole(table)
        return next(iter(columns.get(column, ())), None)

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

    def take(self, tables: Mapping[str, Columns], texts: Mapping[str, str], *, is_watched: bool) -> None:
        """Take the rows of a frame in. ``texts`` are the frames of those tables of which only some columns are given."""
        changed = False
        for table, columns in tables.items():
            if table in _BY_KEY:
                self._take_by_key(table, columns)
            elif table not in _NOT_KEPT:
                self._take_table(table, columns, texts.get(table, ""), is_watched=is_watched)
            if table in CHECKED:
                changed |= self._check(table)
        busy = self.ring("cpu.busy").mean_of(_CPU_SPAN_MS)
        if changed or self.reasons or busy >= CPU_BOUND:
            self.reasons = gather(self._found, busy)

    def _check(self, table: str) -> bool:
        """Judge a table anew; tell whether something was found now or before."""
        latest = self.tables.get(table)
        if latest is None or (latest.rows and all(row.get("ok") is not False for row in latest.rows.values())):
            found = []
        else:
            found = check(table, latest.whole(table) if latest.rows else latest.columns)
        if found:
            self._found[table] = found
        return bool(found) or self._found.pop(table, None) is not None

    def _take_table(self, table: str, columns: Columns, text: str, *, is_watched: bool) -> None:
        for ts_ms, moment in split_moments(columns):
            latest = self.tables.get(table)
            # A backlog may come after newer rows: the newest stay.
            if latest is None or ts_ms >= latest.ts_ms:
                self.tables[table] = Latest(ts_ms, moment, text)
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
        for series, is_listed, is_drawn in _TOLD_BY.get(table, ()):
            if is_watched or is_listed:
                value = self.values[series.id] = read_value(series, columns)
                if is_watched or is_drawn:
                    self.ring(series.id).append(ts_ms, value)
            else:
                # Read when somebody asks; what was known before is no longer so.
                self.values.pop(series.id, None)


def split_moments(columns: Columns) -> list[tuple[int, Columns]]:
    """Return (Unix milliseconds, columns) for each moment in ``columns``, oldest first."""
    held = columns.get("ts", ())
    if held and isinstance(held[0], int) and held.count(held[0]) == len(held):
        return [(held[0], columns)]
    stamps = [stamp for stamp in held if isinstance(stamp, int)]
    moments = sorted(set(stamps))
    if len(moments) <= 1:
        return [(moments[0], columns)] if moments else []
    return [(moment, _rows_at(columns, stamps, moment)) for moment in moments]


def _rows_by_key(columns: Columns, key: str) -> dict[object, dict[str, object]]:
    names = list(columns)
    rows = [dict(zip(names, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    return {row.get(key): row for row in rows}


def _rows_at(columns: Columns, stamps: Sequence[int], moment: int) -> dict[str, list[object]]:
    wanted = [index for index, stamp in enumerate(stamps) if stamp == moment]
    return {name: [cells[index] for index in wanted] for name, cells in columns.items()}
