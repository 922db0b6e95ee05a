"""SQL for the whole fleet at one moment: each host's newest rows of a table, and when silent hosts were last heard. Pure.

A host whose rows came late was silent at the time: for it, what came after the begin of that gap was not known yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nagare.model.host_series import Series
from nagare.tui.history import BY_KEY, Span, Statement, seed_statement
from nagare.tui.replay.alerts_then import TURN_KINDS

# A gap that was open at the moment: rows of that time came later, or never.
GAPS_SQL = (
    "select host, min(epoch_ms(ts)) from gaps where ts <= epoch_ms(?) and coalesce(until_ms, ?) > ?"
    " group by host order by host"
)
# How many late hosts one statement names; more of them are rare, and are then shown by their rows.
CUTS_MOST = 500
# Rows older than this are not shown as a host's newest, except where a table comes seldom.
LOOKBACK_MS = 900_000
SELDOM_MS: Mapping[str, int] = {"unit": 7_200_000, "smart": 90_000_000, "agent": 90_000_000}
# Where a host without any newer row is looked for: a row a sample, and few columns.
_HEARD_MS = 7 * 86_400_000


# Commands that became what they are after the moment.
COMMANDS_SQL = (
    "select job, state, started_ms, ended_ms from commands"
    " where ts >= epoch_ms(?) and ts <= epoch_ms(?) and changed_ms > ? limit 20000"
)
_TURNS_MOST = 10_000


def turns_statement(alerts: Sequence[str], at_ms: int) -> Statement:
    """Return what asks for the events that tell what happened to ``alerts`` until the moment, the newest first."""
    kinds, ids = ", ".join("?" * len(TURN_KINDS)), ", ".join("?" * len(alerts))
    sql = (
        "select id, epoch_ms(ts), host, kind, severity, source, text, attributes from events"  # noqa: S608  values are bound
        f" where ts <= epoch_ms(?) and kind in ({kinds}) and attributes['alert'] in ({ids})"
        f" order by ts desc limit {_TURNS_MOST:d}"
    )
    return Statement(sql, [at_ms, *TURN_KINDS, *alerts])


def rows_at_statement(table: str, at_ms: int, cuts: Mapping[str, int]) -> Statement:
    """Return what asks for each host's rows of ``table`` at its newest moment not after ``at_ms``."""
    since_ms = at_ms - SELDOM_MS.get(table, LOOKBACK_MS)
    bounds, params = _bounds(since_ms, at_ms, cuts)
    key = BY_KEY.get(table)
    keys = f"host, {key}" if key else "host"
    on = f" and r.{key} = m.{key}" if key else ""
    sql = (
        "select r.* replace (epoch_ms(r.ts) as ts)"  # noqa: S608  names are our own, values are bound
        f" from (select * from {table} where {bounds}) r"
        f" join (select {keys}, max(ts) as newest from {table} where {bounds} group by {keys}) m"
        f" on r.host = m.host and r.ts = m.newest{on}"
    )
    return Statement(sql, [*params, *params])


def seeds_at_statement(table: str, series: Sequence[Series], span: Span, cuts: Mapping[str, int]) -> Statement:
    """Return what asks for the short history of every host up to the moment; by minutes or hours where ``span`` says so."""
    statement = seed_statement(span.table(table), series, span)
    return _cut_seeds(statement, cuts) if cuts else statement


def heard_statement(hosts: Sequence[str], at_ms: int, cuts: Mapping[str, int]) -> Statement:
    """Return what asks when ``hosts`` were last heard before ``at_ms``."""
    bounds, params = _bounds(at_ms - _HEARD_MS, at_ms, cuts)
    named = ", ".join("?" * len(hosts))
    sql = f"select host, epoch_ms(max(ts)) from load where {bounds} and host in ({named}) group by host"  # noqa: S608  as above
    return Statement(sql, [*params, *hosts])


def _bounds(since_ms: int, at_ms: int, cuts: Mapping[str, int]) -> tuple[str, list[int | str]]:
    """Return the condition on time, and its parameters."""
    params: list[int | str] = [since_ms]
    if not cuts:
        return "ts > epoch_ms(?) and ts <= epoch_ms(?)", [*params, at_ms]
    cases, held = _cases(cuts)
    return f"ts > epoch_ms(?) and ts <= epoch_ms(case host {cases}else cast(? as bigint) end)", [*params, *held, at_ms]


def _cases(cuts: Mapping[str, int]) -> tuple[str, list[int | str]]:
    held: list[int | str] = []
    for host, cut_ms in cuts.items():
        held += [host, cut_ms]
    return "when ? then cast(? as bigint) " * len(cuts), held


def _cut_seeds(statement: Statement, cuts: Mapping[str, int]) -> Statement:
    cases, held = _cases(cuts)
    sql = f"select * from ({statement.sql}) where b <= case host {cases}else 9007199254740991 end"  # noqa: S608  as above
    return Statement(sql, [*statement.params, *held])
