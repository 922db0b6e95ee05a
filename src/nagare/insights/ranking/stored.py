"""The fleet's own tables as series: what to ask of each, and whose a series of it is.

Only statements and arithmetic: who asks them is told by the caller, a live server or files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nagare.insights.matrix import Floats, SeriesMatrix, Times, from_points
from nagare.insights.ranking.events import CONSEQUENCES, Happening
from nagare.insights.ranking.names import SeriesName, kind_of, parse_names
from nagare.model.tables import TABLES, Column, ColumnKind, ColumnType, Table
from nagare.wire.sql import SqlReply, SqlRequest

# Of the agent itself, of what was made from series, and what is told elsewhere.
_LEFT_OUT = ("agent", "anomalies", "events", "samples", "samples_last", "gpu_process")
# These rise with time itself; that they are higher than before says nothing.
_CLOCKS = (
    "uptime_seconds",
    "started_at_seconds",
    "certificate_expiry_seconds",
    "power_on_seconds_total",
    "power_cycles_total",
)
# Rows that stand for the whole where others stand for its parts.
_ONLY = {"cpu": "core = 'all'"}
# Of one program the pid and the place among the busiest change; the sum of those of one name stays.
_BY_NAME = "process"
_EVENTS_MOST = 1000
_EVENTS_BEFORE_MS, _EVENTS_AFTER_MS = 1_800_000, 60_000
_TEXT_MOST = 300


def ranked_tables() -> list[Table]:
    """Return the tables whose series are compared."""
    return [table for table in TABLES.values() if table.name not in _LEFT_OUT and _columns(table)]


def _columns(table: Table) -> list[Column]:
    names = {column.name for column in table.columns}
    return [
        column
        for column in table.columns
        if column.kind in _kinds(table)
        and column.name not in _CLOCKS
        # A counter whose rate is there already.
        and f"{column.name.removesuffix('_total')}_per_second" not in names - {column.name}
    ]


def _kinds(table: Table) -> tuple[ColumnKind, ...]:
    # What programs of one name have counted up together falls whenever one of them ends.
    return (ColumnKind.GAUGE,) if table.name == _BY_NAME else (ColumnKind.GAUGE, ColumnKind.COUNTER)


def _keys(table: Table) -> tuple[str, ...]:
    return ("name",) if table.name == _BY_NAME else table.keys


def series_request(table: Table, hosts: Sequence[str], window: tuple[int, int], step_ms: int) -> SqlRequest:
    """Return the statement that answers with a row a series: host, keys, its slots of ``step_ms``, and each column's values."""
    keys = "".join(f', "{key}"' for key in _keys(table))
    columns = _columns(table)
    inside = ", ".join(f"{_aggregate(table, column)} AS a{place}" for place, column in enumerate(columns))
    outside = ", ".join(f"list(a{place})" for place in range(len(columns)))
    where, params = _of_hosts(hosts)
    if only := _ONLY.get(table.name):
        where += f" AND {only}"
    sql = (
        f"SELECT host{keys}, list(slot), {outside} FROM"  # noqa: S608  names of our own tables
        f" (SELECT host{keys}, epoch_ms(ts) // $step AS slot, {inside} FROM {table.name} WHERE {where} GROUP BY host{keys}, slot)"
        f" GROUP BY host{keys}"
    )
    return SqlRequest(sql, params | {"step": step_ms}, since_ms=window[0], until_ms=window[1])


def _aggregate(table: Table, column: Column) -> str:
    value = f'CAST("{column.name}" AS DOUBLE)' if column.type is ColumnType.BOOLEAN else f'"{column.name}"'
    if table.name == _BY_NAME:
        return f"sum({value}) / count(DISTINCT ts)"
    return f"max({value})" if column.kind is ColumnKind.COUNTER else f"avg({value})"


def _of_hosts(hosts: Sequence[str]) -> tuple[str, dict[str, Any]]:
    if not hosts:
        return "host IS NOT NULL", {}
    params = {f"h{place}": host for place, host in enumerate(hosts)}
    return f"host IN ({', '.join(f'${name}' for name in params)})", params


def samples_request(hosts: Sequence[str], window: tuple[int, int], step_ms: int) -> SqlRequest:
    """Return the same for series that came by a foreign protocol."""
    where, params = _of_hosts(hosts)
    sql = (
        "SELECT host, name, labels, list(slot), list(a0) FROM"  # noqa: S608  our own names
        f" (SELECT host, name, labels, epoch_ms(ts) // $step AS slot, max(value) AS a0 FROM samples WHERE {where}"
        " AND NOT ends_with(name, '_bucket') GROUP BY host, name, labels, slot) GROUP BY host, name, labels"
    )
    return SqlRequest(sql, params | {"step": step_ms}, since_ms=window[0], until_ms=window[1])


@dataclass(frozen=True, slots=True)
class Stored:
    """Where a series of ours is kept: ``keys`` are its other columns as they stand there, null ones too."""

    table: Table
    column: Column
    host: str
    keys: Mapping[str, object]

    @property
    def is_sum(self) -> bool:
        """Whether it is the sum of several rows at each moment, as of the programs of one name."""
        return self.table.name == _BY_NAME


class Gathered:
    """Series as they come from the answers, until all are there. ``stored`` says by name where those of our tables are kept."""

    def __init__(self, step_ms: int) -> None:
        """Begin with none; ``step_ms`` is that of the statements."""
        self._step_ms = step_ms
        self._series: list[tuple[str, Times, Floats]] = []
        self._parts: dict[str, tuple[str, str, str]] = {}
        self.stored: dict[str, Stored] = {}

    @property
    def hosts(self) -> list[str]:
        """The hosts of what has come, in order."""
        return sorted({host for host, _, _ in self._parts.values()})

    def add(self, table: Table, reply: SqlReply) -> None:
        """Take the answer to ``series_request``."""
        keys, columns = _keys(table), _columns(table)
        told = _told_slots(reply, len(keys) + 1) if table.name == _BY_NAME else {}
        for host, *cells in reply.rows:
            labels = dict(zip(keys, (str(cell) for cell in cells[: len(keys)]), strict=True))
            slots = np.array(cells[len(keys)], dtype=np.int64)
            source = " ".join([table.name, *(value for value in labels.values() if value)])
            for column, values in zip(columns, cells[len(keys) + 1 :], strict=True):
                name = _name(f"{table.name}.{column.name}", {"host": host} | labels)
                self.stored[name] = Stored(table, column, host, dict(zip(keys, cells[: len(keys)], strict=True)))
                found = np.array(values, dtype=np.float64)
                if column.kind is ColumnKind.COUNTER:
                    self._add(name, (host, source, column.name), *_rates(slots, found, self._step_ms))
                elif table.name == _BY_NAME:
                    self._add(name, (host, source, column.name), *_filled(slots, found, told[host]))
                else:
                    self._add(name, (host, source, column.name), slots, found)

    def add_samples(self, reply: SqlReply) -> None:
        """Take the answer to ``samples_request``; what counts up becomes a rate."""
        for host, name, labels, slots, values in reply.rows:
            given = {str(key): str(value) for key, value in (labels or {}).items()}
            named = _name(str(name), {"host": host or ""} | given)
            owner = parse_names([named])[0].component or str(name)
            found = np.array(slots, dtype=np.int64), np.array(values, dtype=np.float64)
            if str(name).endswith(("_total", "_count", "_sum")):
                found = _rates(*found, self._step_ms)
            self._add(named, (host or owner, owner, str(name)), *found)

    def _add(self, name: str, parts: tuple[str, str, str], slots: Times, values: Floats) -> None:
        if np.isfinite(values).any():
            self._series.append((name, slots * self._step_ms, values))
            self._parts[name] = parts

    def matrix(self) -> SeriesMatrix:
        """Return all of them on one grid. Raises InputError when there are none, or too many."""
        return from_points(self._series, self._step_ms)

    def names(self) -> dict[str, SeriesName]:
        """Return whose each series is: a host's where there are several hosts, else a part's of the one."""
        is_fleet = len(self.hosts) > 1
        return {
            name: SeriesName(name, host if is_fleet else source, metric, kind_of(metric))
            for name, (host, source, metric) in self._parts.items()
        }


def _name(metric: str, labels: dict[str, str]) -> str:
    inside = ",".join(f'{key}="{value}"' for key, value in labels.items() if value)
    return f"{metric}{{{inside}}}"


def _told_slots(reply: SqlReply, place: int) -> dict[str, Times]:
    """Return for each host the slots in which it told of anything; ``place`` is that of the slots in a row."""
    slots: dict[str, set[int]] = {}
    for row in reply.rows:
        slots.setdefault(row[0], set()).update(row[place])
    return {host: np.array(sorted(known), dtype=np.int64) for host, known in slots.items()}


def _filled(slots: Times, values: Floats, told: Times) -> tuple[Times, Floats]:
    # A program that is not among the busiest takes nothing worth telling.
    filled = np.zeros(len(told))
    filled[np.searchsorted(told, slots)] = np.nan_to_num(values)
    return told, filled


def _rates(slots: Times, values: Floats, step_ms: int) -> tuple[Times, Floats]:
    order = np.argsort(slots)
    slots, values = slots[order], values[order]
    is_known = np.isfinite(values)
    slots, values = slots[is_known], values[is_known]
    risen = np.diff(values)
    # A counter that falls began anew: what it did meanwhile is not known.
    risen[risen < 0] = np.nan
    return slots[1:], risen / (np.diff(slots) * step_ms / 1000)


def events_request(hosts: Sequence[str], onset_ms: int) -> SqlRequest:
    """Return the statement that answers with what happened before the onset and just after, the nearest to it first.

    What tells of the incident is left out: a flood of alerts leaves no room for what came before.
    """
    where, params = _of_hosts(hosts)
    if hosts:
        where = f"({where} OR host IS NULL OR host = '')"
    told_after = " AND ".join(f"NOT starts_with(kind, '{kind}')" for kind in CONSEQUENCES)
    sql = (
        f"SELECT epoch_ms(ts), kind, host, text FROM events WHERE {where if hosts else 'true'} AND {told_after}"  # noqa: S608
        f" ORDER BY abs(epoch_ms(ts) - {onset_ms})"
    )
    window = onset_ms - _EVENTS_BEFORE_MS, onset_ms + _EVENTS_AFTER_MS
    return SqlRequest(sql, params or None, _EVENTS_MOST, since_ms=window[0], until_ms=window[1])


def happenings(rows: Iterable[Sequence[Any]]) -> list[Happening]:
    """Return the answer to ``events_request`` as events, their texts cut."""
    return [Happening(int(ts), str(kind), host or "", str(text or "")[:_TEXT_MOST]) for ts, kind, host, text in rows]
