"""What changed first and most on a host: a ranking of all its series, each change with the one query that has its figures.

The ranking (``insights.ranking``) says which series left their usual, and when. Its own figures are of means of pieces of time;
what is told is asked of the rows again, so that anybody gets the same numbers.
"""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from nagare.diagnosis.evidence.asking import Row, number, side_by_side
from nagare.diagnosis.evidence.seen import Ground, Seen
from nagare.diagnosis.evidence.statement import Asked, known, picked, selected, span
from nagare.diagnosis.evidence.window import Window, clock_text, sql_moment
from nagare.diagnosis.evidence.words import format_figure, label_of, unit_of
from nagare.errors import InputError
from nagare.model.diagnosis.evidence import Evidence, EvidenceKind, Figure
from nagare.model.tables import ColumnKind, Table
from nagare.wire.sql import SqlReply, SqlRequest

if TYPE_CHECKING:
    # Loads numpy, for which only a host that looks bad pays.
    from nagare.insights.ranking.stored import Stored
    from nagare.insights.ranking.values import MetricChange, Ranking

log = logging.getLogger(__name__)
NAME = "changed"
# Moments of each series, and series of one table: five hosts with all they have are some ten megabytes.
_POINTS, _STEP_MS, _SERIES_MOST = 360, 5_000, 2_000
# The worst hosts: of more, nobody reads what changed.
_HOSTS_MOST = 3
# Deviations of the usual from which on a change is told of, and how many are, of so many components.
_TOLD_EFFECT, _TOLD_MOST, _COMPONENTS_MOST, _EACH_MOST = 6.0, 5, 3, 2
# Of what rose, the high values are compared, of what fell the low ones: the middle hides both.
_QUANTILES: Mapping[str, float] = {"up": 0.95, "new": 0.95, "down": 0.05, "silent": 0.5}
# A change has begun at the first row since then that is so much of the way from before to after.
_BEFORE_ONSET_MS, _BEGUN_SHARE = 60_000, 0.25
_KINDS_OF_THINGS: Mapping[str, str] = {
    "disk": "file system", "disk_io": "disk", "network": "interface", "gpu": "GPU", "smart": "drive",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One series that changed, and how it stands to the others of its host: ``place`` from 1, ``lead`` over the next component."""

    stored: Stored
    change: MetricChange
    onset_ms: int
    place: int
    lead: float

    @property
    def share(self) -> float:
        """Which quantile is compared."""
        return _QUANTILES[self.change.direction]

    @property
    def unit(self) -> str:
        """The unit of its values; what counts up is told as a rate."""
        column = self.stored.column
        if column.kind is ColumnKind.COUNTER:
            return "bytes_per_second" if "_bytes" in column.name else "per_second"
        return unit_of(column.name)

    @property
    def about(self) -> str:
        """The component, in words."""
        table = self.stored.table.name
        name = next((str(cell) for cell in self.stored.keys.values() if cell not in (None, "", "all")), "")
        return f"{_KINDS_OF_THINGS.get(table, table)} {name}".strip()


async def look_changed(ground: Ground) -> list[Seen]:
    """Return what changed first and most on each host of the ground, the likeliest cause first; nothing where nothing stands out."""
    hosts = (ground.hosts or ((ground.host,) if ground.host else ()))[:_HOSTS_MOST]
    if not hosts:
        return []
    window = Window(ground.window.baseline_ms, ground.window.until_ms)
    step_ms = max(-(-(window.until_ms - window.from_ms) // _POINTS // 1000) * 1000, _STEP_MS)
    answers = await _series(ground, hosts, window, step_ms)
    seen: list[Seen] = []
    for host in hosts:
        found = await asyncio.to_thread(_ranked, host, answers, step_ms, ground.onsets.get(host))
        asked = await side_by_side(ground.asker.ask(*statement(change, window)) for change in found)
        told = zip(found, asked, strict=True)
        seen += [made for change, rows in told if rows and (made := _seen(change, window, rows[0])) is not None]
    return seen


async def _series(ground: Ground, hosts: Sequence[str], window: Window, step_ms: int) -> list[tuple[Table, SqlReply]]:
    from nagare.insights.ranking.stored import ranked_tables, series_request  # noqa: PLC0415  loads numpy

    tables = [table for table in ranked_tables() if ground.asker.sees(table.name)]
    span_ms = window.from_ms, window.until_ms
    asks = [series_request(table, hosts, span_ms, step_ms) for table in tables]
    asks = [SqlRequest(one.sql, one.params, _SERIES_MOST, one.since_ms, one.until_ms) for one in asks]
    answers = await side_by_side(_answer(ground, ask) for ask in asks)
    return list(zip(tables, answers, strict=True))


async def _answer(ground: Ground, request: SqlRequest) -> SqlReply:
    reply = await ground.asker.query(request)
    if reply.truncated:
        ground.asker.on_cut()
    return reply


def _ranked(host: str, answers: Sequence[tuple[Table, SqlReply]], step_ms: int, hint: int | None) -> list[Change]:
    """Return the changes of ``host`` that are told of: blocking. ``hint`` is when trouble was first seen, Unix milliseconds."""
    from nagare.insights.ranking.rank import Question, rank_changes  # noqa: PLC0415  loads numpy, on this thread
    from nagare.insights.ranking.stored import Gathered  # noqa: PLC0415  as above

    gathered = Gathered(step_ms)
    for table, reply in answers:
        rows = [row for row in reply.rows if row[0] == host]
        gathered.add(table, SqlReply(reply.columns, rows, reply.truncated, reply.tier, reply.elapsed_ms))
    try:
        ranking = rank_changes(gathered.matrix(), hint, Question(known=gathered.names()))
    except InputError as error:
        # Too few points, or nothing that stands out: there is nothing to tell.
        log.debug("changes_not_ranked: %s", error.message)
        return []
    return _told(ranking, gathered.stored)


def _told(ranking: Ranking, stored: Mapping[str, Stored]) -> list[Change]:
    metrics = {one.name: one for one in ranking.metrics}
    scores = [one.score for one in ranking.components]
    found: list[Change] = []
    for place, component in enumerate(ranking.components[:_COMPONENTS_MOST], 1):
        following = scores[place] if place < len(scores) else 0.0
        lead = component.score / following if following > 0 else math.inf
        moved = [metrics[name] for name in component.metrics]
        moved = [one for one in moved if abs(one.effect) >= _TOLD_EFFECT and one.onset_ms is not None]
        found += [Change(stored[one.name], one, one.onset_ms or 0, place, lead) for one in moved[:_EACH_MOST]]
    return found[:_TOLD_MOST]


def statement(change: Change, window: Window) -> Asked:
    """Return the statement that has the figures of ``change``, before and since its onset, and when it began; and its parameters."""
    onset, share = sql_moment(change.onset_ms), change.share
    compared = {
        "b": f"quantile_cont(v, {share}) FILTER (WHERE ts < {onset}) OVER ()",
        "a": f"quantile_cont(v, {share}) FILTER (WHERE ts >= {onset}) OVER ()",
    }
    way = "(coalesce(a, 0) - coalesce(b, 0))"
    has_begun = f"ts >= {sql_moment(change.onset_ms - _BEFORE_ONSET_MS)} AND (v - coalesce(b, 0)) * sign({way}) >= abs({way}) * {_BEGUN_SHARE}"
    figures = {
        "before": "any_value(b)",
        "after": "any_value(a)",
        "began_ms": f"epoch_ms(min(ts) FILTER (WHERE {has_begun}))",
    }
    rows, params = _values(change.stored, window)
    return f"SELECT {selected(figures)} FROM (SELECT ts, v, {selected(compared)} FROM ({rows}))", params


def _values(stored: Stored, window: Window) -> Asked:
    component: dict[str, object] = {"host": stored.host, **stored.keys}
    where = " AND ".join([span(window.from_ms, window.until_ms), *picked(component)])
    table, column = stored.table.name, stored.column.name
    if stored.is_sum:
        rows = f"SELECT ts, sum({column}) AS v FROM {table} WHERE {where} GROUP BY ts"
    elif stored.column.kind is ColumnKind.COUNTER:
        apart = f"{column} - lag({column}) OVER (ORDER BY ts) AS risen, epoch(ts) - lag(epoch(ts)) OVER (ORDER BY ts) AS seconds"
        # A counter that falls began anew: what it did meanwhile is not known.
        inside = f"SELECT ts, {apart} FROM {table} WHERE {where} AND {column} IS NOT NULL"
        rows = f"SELECT ts, CASE WHEN risen >= 0 AND seconds > 0 THEN risen / seconds END AS v FROM ({inside})"
    else:
        rows = f"SELECT ts, CAST({column} AS DOUBLE) AS v FROM {table} WHERE {where}"
    return rows, known(component)


def _seen(change: Change, window: Window, row: Row) -> Seen | None:
    before, after = number(row, "before"), number(row, "after")
    if before == after:
        # The rows do not show what the means did.
        return None
    return Seen(
        NAME,
        change.stored.host,
        partial(_draft, change, window, row),
        is_bad=True,
        values={"place": float(change.place), "lead": change.lead, "effect": abs(change.change.effect)},
        keys={
            "about": change.about,
            "words": _words(change, row),
            "table": change.stored.table.name,
            "column": change.stored.column.name,
        },
        began_ms=window.moment(number(row, "began_ms")),
    )


def _words(change: Change, row: Row) -> str:
    low_or_high = "" if change.change.direction == "silent" else f" p{change.share * 100:.0f}"
    told = " → ".join(format_figure(number(row, name), change.unit) for name in ("before", "after"))
    return f"{label_of(change.stored.column.name)}{low_or_high} {told}"


def _draft(change: Change, window: Window, row: Row) -> Evidence:
    sql, params = statement(change, window)
    began_ms = window.moment(number(row, "began_ms"))
    since = clock_text(change.onset_ms if began_ms is None else began_ms)
    return Evidence(
        "",
        EvidenceKind.CHANGE,
        change.stored.host,
        f"{change.about}: {_words(change, row)}, {since}–{clock_text(window.until_ms)}",
        sql,
        params,
        window.from_ms,
        window.until_ms,
        tuple(
            Figure(name, value, change.unit) for name in ("before", "after") if (value := number(row, name)) is not None
        ),
        began_ms,
        change.about,
    )
