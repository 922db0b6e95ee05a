"""The past by SQL: statements that give no more rows than a screen has columns, and answers turned into arrays.

Each bucket keeps its least and its greatest value, so that a spike of one sample survives any zoom. Where buckets are
whole minutes or hours, rollups are read: they have the least and the greatest of each row's column too. What is summed
over several rows of a moment has the mean of each minute there, because the greatest of a sum is no sum of greatest.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from nagare.lib.units import Unit
from nagare.model.host_series import SERIES, Series, is_summed
from nagare.tui.ring import FloatArray, TimeArray
from nagare.tui.series import sql_value

# What one seed may bring: below the server's own limit of rows, with room to spare.
SEED_ROWS = 24_000
SEED_POINTS = 180
Points = dict[str, tuple[TimeArray, FloatArray]]


@dataclass(frozen=True, slots=True)
class Statement:
    """One SELECT and its parameters."""

    sql: str
    params: list[Any]


@dataclass(frozen=True, slots=True)
class Span:
    """The time asked for and the width of a bucket, all in milliseconds."""

    start_ms: int
    end_ms: int
    step_ms: int

    @property
    def tier(self) -> str:
        """The coarsest tier whose buckets make up these, empty for raw rows."""
        return next((tier for tier, width in _TIERS.items() if self.step_ms % width == 0), "")

    @property
    def note(self) -> str:
        """What is said of the tier, empty for raw rows."""
        return {"1m": "by minutes", "1h": "by hours"}.get(self.tier, "")

    def table(self, name: str) -> str:
        """Return the table of that name, or the rollup that stands for it."""
        return f"{name}_{self.tier}" if self.tier else name


_TIERS: Mapping[str, int] = {"1h": 3_600_000, "1m": 60_000}


def make_span(start_ms: int, end_ms: int, columns: int, least_ms: int = 1000) -> Span:
    """Return buckets of whole seconds (minutes, hours where they are as long), at most ``columns`` of them, that do not move while a live window slides."""
    step_ms = max(least_ms, math.ceil((end_ms - start_ms) / max(1, columns) / 1000) * 1000)
    for width_ms in _TIERS.values():
        if step_ms >= width_ms:
            step_ms = -(-step_ms // width_ms) * width_ms
            break
    return Span(start_ms // step_ms * step_ms, end_ms, step_ms)


def tables_of(series_ids: Iterable[str]) -> dict[str, list[Series]]:
    """Return the series by the table they are read from."""
    found: dict[str, list[Series]] = {}
    for series_id in series_ids:
        series = SERIES[series_id]
        found.setdefault(series.table, []).append(series)
    return found


def host_statement(table: str, series: Sequence[Series], host: str, span: Span) -> Statement:
    """Return the history of one host: a row a bucket, least and greatest of each series."""
    ends = ("_min", "_max") if span.tier else ("", "")
    values = ", ".join(
        f"{sql_value(one, '' if is_summed(one) else end)} as {letter}{index}"
        for index, one in enumerate(series)
        for letter, end in zip("lh", ends, strict=True)
    )
    outer = ", ".join(f"min(l{index}), max(h{index})" for index in range(len(series)))
    return Statement(
        f"select t // {span.step_ms} * {span.step_ms} as b, {outer} from ("  # noqa: S608  names are our own, values are bound
        f"select epoch_ms(ts) as t, {values} from {span.table(table)} where host = ? and ts >= epoch_ms(?) and ts < epoch_ms(?)"
        " group by ts) group by b order by b",
        [host, span.start_ms, span.end_ms],
    )


def probe_statement(host: str, target: str, kind: str, span: Span) -> Statement:
    """Return the history of one probe: a row a bucket, its longest latency and its mean loss."""
    latency = "latency_seconds_max" if span.tier else "latency_seconds"
    return Statement(
        f"select epoch_ms(ts) // {span.step_ms} * {span.step_ms} as b, max({latency}), avg(loss_ratio)"  # noqa: S608  names are our own, values are bound
        f" from {span.table('probe')} where host = ? and target = ? and kind = ? and ts >= epoch_ms(?) and ts < epoch_ms(?)"
        " group by b order by b",
        [host, target, kind, span.start_ms, span.end_ms],
    )


def fleet_statement(table: str, series: Sequence[Series], span: Span) -> Statement:
    """Return the history of the fleet: of each series the mean (ratios) or the sum (rates), and the greatest host."""
    values = ", ".join(f"{sql_value(one)} as v{index}" for index, one in enumerate(series))
    means = ", ".join(f"avg(v{index}) as v{index}" for index in range(len(series)))
    outer = ", ".join(
        f"{'avg' if one.unit is Unit.RATIO else 'sum'}(v{index}), max(v{index})" for index, one in enumerate(series)
    )
    return Statement(
        f"select b, {outer} from (select host, t // {span.step_ms} * {span.step_ms} as b, {means} from ("  # noqa: S608  names are our own, values are bound
        f"select host, epoch_ms(ts) as t, {values} from {span.table(table)} where ts >= epoch_ms(?) and ts < epoch_ms(?)"
        " group by host, ts) group by host, b) group by b order by b",
        [span.start_ms, span.end_ms],
    )


def seed_statement(table: str, series: Sequence[Series], span: Span) -> Statement:
    """Return the short history of every host, for sparklines: a row a host and bucket."""
    values = ", ".join(f"{sql_value(one)} as v{index}" for index, one in enumerate(series))
    means = ", ".join(f"avg(v{index})" for index in range(len(series)))
    return Statement(
        f"select host, t // {span.step_ms} * {span.step_ms} as b, {means} from ("  # noqa: S608  names are our own, values are bound
        f"select host, epoch_ms(ts) as t, {values} from {table} where ts >= epoch_ms(?) and ts < epoch_ms(?)"
        " group by host, ts) group by host, b order by host, b",
        [span.start_ms, span.end_ms],
    )


def newest_statement(table: str, series: Sequence[Series], since_ms: int) -> Statement:
    """Return the newest value of every host since then: a row a host, as of a seed."""
    values = ", ".join(f"{sql_value(one)} as v{index}" for index, one in enumerate(series))
    newest = ", ".join(f"arg_max(v{index}, t)" for index in range(len(series)))
    return Statement(
        f"select host, max(t), {newest} from (select host, epoch_ms(ts) as t, {values} from {table}"  # noqa: S608  names are our own, values are bound
        " where ts >= epoch_ms(?) group by host, ts) group by host order by host",
        [since_ms],
    )


def seed_span(now_ms: int, host_count: int) -> Span:
    """Return the quarter of an hour before ``now_ms`` in buckets that keep the answer within bounds."""
    points = max(10, min(SEED_POINTS, SEED_ROWS // max(1, host_count)))
    return make_span(now_ms - 900_000, now_ms, points)


# How far back rows are looked for, the nearest first: nearly every host spoke a moment ago, and a table of days is large.
_MINUTES_MS, _HOURS_MS, _DAY_MS = 900_000, 21_600_000, 90_000_000


def rows_statements(table: str, host: str, now_ms: int, at_ms: int | None = None) -> Iterator[Statement]:
    """Yield the ways to ask for the rows of ``table`` at its newest moment, or the newest one not after ``at_ms``.

    The first one that has an answer tells it; each looks further back than the one before it.
    """
    end_ms = now_ms if at_ms is None else at_ms
    # Of a table whose rows come at moments of their own, the newest of every key, also of those that come once a day.
    for width_ms in (_DAY_MS,) if table in BY_KEY else (_MINUTES_MS, _HOURS_MS):
        yield _rows_statement(table, host, at_ms, end_ms - width_ms)
    yield _rows_statement(table, host, at_ms, None)


def _rows_statement(table: str, host: str, at_ms: int | None, since_ms: int | None) -> Statement:
    bounds = [("ts >= epoch_ms(?)", since_ms), ("ts <= epoch_ms(?)", at_ms)]
    held = "".join(f" and {text}" for text, value in bounds if value is not None)
    params = [host, *(value for _, value in bounds if value is not None)]
    key = BY_KEY.get(table)
    if key is None:
        sql = f"select * from {table} where host = ?{held} and ts = (select max(ts) from {table} where host = ?{held})"  # noqa: S608  names are our own, values are bound
    else:
        sql = (
            f"select a.* from (select * from {table} where host = ?{held}) a"  # noqa: S608  as above
            f" join (select {key} as k, max(ts) as t from {table} where host = ?{held} group by k) m on a.{key} = m.k and a.ts = m.t"
        )
    return Statement(sql, [*params, *params])


def processes_statement(since_ms: int, until_ms: int | None = None, limit: int = 200) -> Statement:
    """Return the busiest processes of every host at its newest moment since ``since_ms``, and not after ``until_ms``."""
    until, params = ("", [since_ms]) if until_ms is None else (" and ts <= epoch_ms(?)", [since_ms, until_ms])
    return Statement(
        "select p.host, p.pid, p.name, p.user, p.cpu_ratio, p.memory_bytes, p.command from process p"  # noqa: S608  the limit is a number
        f" join (select host as h, max(ts) as t from process where ts >= epoch_ms(?){until} group by host) m"
        f" on p.host = m.h and p.ts = m.t where p.ts >= epoch_ms(?){until.replace(' ts', ' p.ts')}"
        f" order by p.cpu_ratio desc nulls last limit {limit:d}",
        [*params, *params],
    )


# Tables whose rows come at moments of their own: the newest row of each key.
BY_KEY: Mapping[str, str] = {"agent": "collector"}


def read_points(series: Sequence[Series], rows: Sequence[Sequence[Any]]) -> Points:
    """Return each series' points: two a bucket where least and greatest differ, else one."""
    points: Points = {}
    starts = np.array([row[0] for row in rows], dtype=np.int64)
    for index, one in enumerate(series):
        low = _floats(rows, 1 + index * 2)
        high = _floats(rows, 2 + index * 2)
        differ = high > low
        times = np.concatenate([starts, starts[differ]])
        values = np.concatenate([low, high[differ]])
        order = np.argsort(times, kind="stable")
        points[one.id] = times[order], values[order]
    return points


def read_probe(rows: Sequence[Sequence[Any]]) -> Points:
    """Return latency and loss of one probe."""
    starts = np.array([row[0] for row in rows], dtype=np.int64)
    return {"latency": (starts, _floats(rows, 1)), "loss": (starts, _floats(rows, 2))}


def read_fleet(series: Sequence[Series], rows: Sequence[Sequence[Any]]) -> Points:
    """Return the fleet's line of each series under its id, and the greatest host's under its id with ``.max``."""
    points: Points = {}
    starts = np.array([row[0] for row in rows], dtype=np.int64)
    for index, one in enumerate(series):
        points[one.id] = starts, _floats(rows, 1 + index * 2)
        points[f"{one.id}.max"] = starts, _floats(rows, 2 + index * 2)
    return points


def read_seed(series: Sequence[Series], rows: Sequence[Sequence[Any]]) -> dict[str, Points]:
    """Return each host's short histories."""
    found: dict[str, Points] = {}
    for host, own in groupby(rows, key=lambda row: row[0]):
        held = list(own)
        starts = np.array([row[1] for row in held], dtype=np.int64)
        found[str(host)] = {one.id: (starts, _floats(held, 2 + index)) for index, one in enumerate(series)}
    return found


def _floats(rows: Sequence[Sequence[Any]], column: int) -> FloatArray:
    return np.array([math.nan if row[column] is None else row[column] for row in rows], dtype=np.float64)


def as_columns(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> Mapping[str, list[Any]]:
    """Return rows as columns by name."""
    return {name: [row[index] for row in rows] for index, name in enumerate(names)}
