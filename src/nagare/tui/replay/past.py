"""The past by SQL, whoever runs the statements: histories of charts, rows of a moment, and the whole fleet at one moment.

Statements of one moment run a few at a time: more of them would stand in the way of everybody else's.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nagare.errors import InputError, NagareError, QuerySyntaxError
from nagare.lib.clock import Clock
from nagare.model.host_series import SERIES, SPARK_SERIES, Series
from nagare.tui.history import (
    SEED_ROWS,
    Points,
    Span,
    Statement,
    as_columns,
    fleet_statement,
    host_statement,
    newest_statement,
    probe_statement,
    processes_statement,
    read_fleet,
    read_points,
    read_probe,
    read_seed,
    rows_statements,
    seed_span,
    seed_statement,
    tables_of,
)
from nagare.tui.marks.read import read_commands, read_deeds, read_events, read_gaps
from nagare.tui.marks.statements import commands_statement, deeds_statement, events_statement, gaps_statement
from nagare.tui.renderables.chart_model import EventMark, GapMark
from nagare.tui.replay.jobs_then import Later
from nagare.tui.replay.statements import (
    COMMANDS_SQL,
    CUTS_MOST,
    GAPS_SQL,
    LOOKBACK_MS,
    heard_statement,
    rows_at_statement,
    seeds_at_statement,
    turns_statement,
)
from nagare.wire.events import EventView

_GAPS_SQL = "SELECT epoch_ms(ts), until_ms, kind FROM gaps WHERE host = ? ORDER BY ts"
# How old a host's newest processes may be: a few intervals, and clocks that differ.
_PROCESSES_SINCE_MS = 180_000
_AT_ONCE = 4
# Widths of buckets by which a moment is told whose rows are gone, and what is said of them.
_ROLLUPS = ((60_000, "by minutes"), (3_600_000, "by hours"))
_COARSE_SERIES = tuple(series.id for series in SERIES.values() if series.table not in ("sensor", "gpu"))


@dataclass(frozen=True, slots=True)
class Answer:
    """Names of columns, and rows."""

    names: Sequence[str]
    rows: Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class FleetRows:
    """The rows of the fleet at a moment, by table, with short histories by host; when silent hosts were last heard; what is coarse."""

    tables: Mapping[str, Mapping[str, list[Any]]]
    seeds: Mapping[str, Points]
    heard_ms: Mapping[str, int]
    note: str = ""


Ask = Callable[[Statement], Awaitable[Answer]]


class SqlPast:
    """Every call may raise NagareError."""

    def __init__(self, ask: Ask, clock: Clock) -> None:
        """Ask by ``ask``, which raises NagareError."""
        self._ask = ask
        self._clock = clock

    async def host_history(self, host: str, series_ids: Sequence[str], span: Span) -> Points:
        """Return the history of series of one host, a query a table."""
        points: Points = {}
        for table, series in tables_of(series_ids).items():
            points |= read_points(series, (await self._ask(host_statement(table, series, host, span))).rows)
        return points

    async def probe_history(self, host: str, target: str, kind: str, span: Span) -> Points:
        """Return the history of one probe of a host: its latency, and the share of tries that it lost."""
        return read_probe((await self._ask(probe_statement(host, target, kind, span))).rows)

    async def gaps(self, host: str) -> list[GapMark]:
        """Return when nothing came of a host in time, and why; nothing from a server that keeps no gaps, or hides them."""
        try:
            rows = (await self._ask(Statement(_GAPS_SQL, [host]))).rows
        except QuerySyntaxError:
            return []
        now_ms = self._clock.now_ms()
        return [GapMark(from_ms, now_ms if until_ms is None else until_ms, kind) for from_ms, until_ms, kind in rows]

    async def marks(self, host: str, span: Span) -> list[EventMark]:
        """Return what charts mark of a host, of all for an empty name; nothing of tables that the server hides, or does not know."""
        of_fleet = not host
        events, commands, deeds, gaps = await self._all(
            [
                events_statement(host, span),
                commands_statement(host, span),
                deeds_statement(span),
                gaps_statement(host, span),
            ]
        )
        return [
            *read_events(events.rows, is_of_fleet=of_fleet),
            *read_commands(commands.rows, is_of_fleet=of_fleet),
            *read_deeds(deeds.rows),
            *read_gaps(gaps.rows, is_of_fleet=of_fleet),
        ]

    async def fleet_history(self, series_ids: Sequence[str], span: Span) -> Points:
        """Return the history of series over all hosts, a query a table."""
        points: Points = {}
        for table, series in tables_of(series_ids).items():
            points |= read_fleet(series, (await self._ask(fleet_statement(table, series, span))).rows)
        return points

    async def seed(self, series_ids: Sequence[str], span: Span) -> dict[str, Points]:
        """Return the short history of every host, a query a table."""
        found: dict[str, Points] = {}
        for table, series in tables_of(series_ids).items():
            _add_seeds(found, series, await self._ask(seed_statement(table, series, span)))
        return found

    async def newest(self, series_ids: Sequence[str], since_ms: int) -> dict[str, Points]:
        """Return the newest value of every host since then, a query a table."""
        found: dict[str, Points] = {}
        for table, series in tables_of(series_ids).items():
            _add_seeds(found, series, await self._ask(newest_statement(table, series, since_ms)))
        return found

    async def rows(self, table: str, host: str, at_ms: int | None = None) -> Mapping[str, list[Any]]:
        """Return the rows of a table at its newest moment, or the newest not after ``at_ms``."""
        columns: Mapping[str, list[Any]] = {}
        for statement in rows_statements(table, host, self._clock.now_ms(), at_ms):
            answer = await self._ask(statement)
            columns = as_columns(answer.names, answer.rows)
            if answer.rows:
                break
        return columns

    async def processes(self, at_ms: int | None = None) -> Mapping[str, list[Any]]:
        """Return the busiest processes of all hosts, at each host's newest moment, or its newest not after ``at_ms``."""
        since_ms = (self._clock.now_ms() if at_ms is None else at_ms) - _PROCESSES_SINCE_MS
        answer = await self._ask(processes_statement(since_ms, at_ms))
        return as_columns(answer.names, answer.rows)

    async def fleet_rows(self, at_ms: int, tables: Sequence[str], hosts: Sequence[str]) -> FleetRows:
        """Return the rows of all hosts at ``at_ms``; ``hosts`` are those that there may have been."""
        cuts = await self._cuts(at_ms)
        found = await self._all([rows_at_statement(table, at_ms, cuts) for table in tables])
        rows = {table: as_columns(answer.names, answer.rows) for table, answer in zip(tables, found, strict=True)}
        speaking = {str(host) for columns in rows.values() for host in columns.get("host", ())}
        span = _seed_span(at_ms, len(speaking))
        seeds = await self._seeds(SPARK_SERIES, span, cuts)
        silent = [host for host in hosts if host not in speaking]
        heard = await self._heard(silent, at_ms, cuts)
        if not speaking and not heard:
            return await self._coarse(at_ms)
        return FleetRows({table: columns for table, columns in rows.items() if columns.get("host")}, seeds, heard)

    async def turns(self, alerts: Sequence[str], at_ms: int) -> list[EventView]:
        """Return what happened to ``alerts`` until ``at_ms``."""
        if not alerts:
            return []
        answer = await self._ask(turns_statement(alerts, at_ms))
        return [_event(*row) for row in answer.rows]

    async def commands_after(self, since_ms: int, at_ms: int) -> list[Later]:
        """Return the commands that were asked for since then, and came into the state that they are in after ``at_ms``."""
        answer = await self._ask(Statement(COMMANDS_SQL, [since_ms, at_ms, at_ms]))
        return [Later(*row) for row in answer.rows]

    async def _cuts(self, at_ms: int) -> dict[str, int]:
        """Return of which hosts nothing had come at the time, and since when."""
        try:
            rows = (await self._ask(Statement(GAPS_SQL, [at_ms, at_ms + 1, at_ms]))).rows
        except (QuerySyntaxError, InputError):
            return {}  # a server that keeps no gaps, or hides them
        return {str(host): int(from_ms) for host, from_ms in rows[:CUTS_MOST]}

    async def _seeds(self, series_ids: Sequence[str], span: Span, cuts: Mapping[str, int]) -> dict[str, Points]:
        by_table = tables_of(series_ids)
        found: dict[str, Points] = {}
        answers = await self._all([seeds_at_statement(table, own, span, cuts) for table, own in by_table.items()])
        for own, answer in zip(by_table.values(), answers, strict=True):
            _add_seeds(found, own, answer)
        return found

    async def _heard(self, hosts: Sequence[str], at_ms: int, cuts: Mapping[str, int]) -> dict[str, int]:
        if not hosts:
            return {}
        answer = await self._ask(heard_statement(hosts[:CUTS_MOST], at_ms, cuts))
        return {str(host): int(heard_ms) for host, heard_ms in answer.rows if heard_ms is not None}

    async def _coarse(self, at_ms: int) -> FleetRows:
        """Return what rollups tell of a moment whose rows are gone."""
        for width_ms, note in _ROLLUPS:
            start_ms = (at_ms - 15 * width_ms) // width_ms * width_ms
            seeds = await self._seeds(_COARSE_SERIES, Span(start_ms, at_ms + 1, width_ms), {})
            if seeds:
                # A bucket tells of all of its time: a host is heard until it ends.
                heard = {host: min(at_ms, _last_ms(points) + width_ms) for host, points in seeds.items()}
                return FleetRows({}, seeds, heard, f"rows of that time are gone: means {note}")
        return FleetRows({}, {}, {}, "nothing is kept of that time")

    async def _all(self, statements: Sequence[Statement]) -> list[Answer]:
        """Return the answers in order; a table that the server does not know has none."""
        limit = asyncio.Semaphore(_AT_ONCE)

        async def one(statement: Statement) -> Answer | NagareError:
            async with limit:
                try:
                    return await self._ask(statement)
                except InputError:
                    return Answer((), ())
                except NagareError as error:
                    return error

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(statement)) for statement in statements]
        answers = [task.result() for task in tasks]
        for answer in answers:
            if isinstance(answer, NagareError):
                raise answer
        return [answer for answer in answers if isinstance(answer, Answer)]


def _add_seeds(found: dict[str, Points], series: Sequence[Series], answer: Answer) -> None:
    for host, points in read_seed(series, answer.rows).items():
        found.setdefault(host, {}).update(points)


def _event(*cells: Any) -> EventView:
    event_id, ts_ms, host, kind, severity, source, text, attributes = cells
    return EventView(event_id, ts_ms, host, kind, severity, source, text, attributes or {})


def _seed_span(at_ms: int, host_count: int) -> Span:
    """Return the quarter of an hour up to the moment: sample by sample where that is not too much."""
    is_few = host_count * LOOKBACK_MS // 1000 <= SEED_ROWS
    width_ms = 1 if is_few else seed_span(at_ms, host_count).step_ms
    return Span((at_ms - LOOKBACK_MS) // width_ms * width_ms, at_ms + 1, width_ms)


def _last_ms(points: Points) -> int:
    return max((int(times[-1]) for times, _ in points.values() if len(times)), default=0)
