"""Series and events of this installation for ``nagare insights rank``: of its live server, else of its files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nagare.errors import InputError, NotFoundError, ResultTooLargeError
from nagare.lib.clock import SystemClock
from nagare.lib.plain_text import plain

if TYPE_CHECKING:
    from nagare.cli.offline.source import Ask
    from nagare.config.settings import Settings
    from nagare.insights.ranking.events import NearEvent
    from nagare.insights.ranking.rank import Question
    from nagare.insights.ranking.values import Ranking
    from nagare.wire.sql import SqlReply, SqlRequest

# So many moments of each series; fewer where many hosts are asked for, down to what an onset can be told by.
_POINTS_MOST, _POINTS_LEAST = 720, 60
_CELLS = 4_000_000
_SERIES_A_HOST = 200
# Collectors look no more often than that.
_STEP_LEAST_MS = 1000
# Before a named onset, where nobody says since when to look.
_BASELINE_MS = 3_600_000
# And after it, where nobody says until when.
_INCIDENT_MS = 1_800_000


@dataclass(frozen=True, slots=True)
class Past:
    """What to look at: hosts (all for none), a window and an onset in Unix milliseconds, None where nobody said."""

    hosts: Sequence[str]
    since_ms: int | None
    until_ms: int | None
    onset_ms: int | None


def rank_past(settings: Settings, past: Past, question: Question) -> tuple[Ranking, list[NearEvent]]:
    """Return the ranking and the events near its onset. Raises InputError, NotFoundError and what asking raises."""
    from nagare.cli.offline.source import ask_often

    window = _window(past)

    async def work(ask: Ask) -> tuple[Ranking, list[NearEvent]]:
        return await _rank(ask, past, window, question)

    return ask_often(settings, work)


def _window(past: Past) -> tuple[int, int]:
    now_ms = round(SystemClock().now().timestamp() * 1000)
    onset = past.onset_ms
    since = past.since_ms if past.since_ms is not None or onset is None else onset - _BASELINE_MS
    until = (
        past.until_ms if past.until_ms is not None else now_ms if onset is None else min(onset + _INCIDENT_MS, now_ms)
    )
    if since is None:
        raise InputError("cannot rank: nobody says since when to look", hint="for example: --since 2h")
    if since >= until or (onset is not None and not since < onset < until):
        raise InputError("cannot rank: the onset is not between --since and --until")
    return since, until


async def _rank(ask: Ask, past: Past, window: tuple[int, int], question: Question) -> tuple[Ranking, list[NearEvent]]:
    from nagare.insights.ranking.events import events_near
    from nagare.insights.ranking.rank import rank_changes
    from nagare.insights.ranking.stored import (
        Gathered,
        events_request,
        happenings,
        ranked_tables,
        samples_request,
        series_request,
    )

    step_ms = _step(window, len(past.hosts) or await _count_hosts(ask, window))
    gathered = Gathered(step_ms)
    for table in ranked_tables():
        gathered.add(table, await _asked(ask, series_request(table, past.hosts, window, step_ms)))
    gathered.add_samples(await _asked(ask, samples_request(past.hosts, window, step_ms)))
    _check_hosts(past.hosts, gathered.hosts)
    known = gathered.names()
    ranking = rank_changes(gathered.matrix(), past.onset_ms, replace(question, known=known))
    told = await ask(events_request(past.hosts, ranking.onset_ms))
    suspects = [one.name for one in ranking.components] if len(gathered.hosts) > 1 else gathered.hosts
    return ranking, events_near(happenings(told.rows), ranking.onset_ms, suspects)


async def _asked(ask: Ask, request: SqlRequest) -> SqlReply:
    try:
        return await ask(request)
    except ResultTooLargeError as error:
        raise ResultTooLargeError(error.message, hint="name the hosts that matter: --host db1 --host web1") from error


async def _count_hosts(ask: Ask, window: tuple[int, int]) -> int:
    from nagare.wire.sql import SqlRequest

    sql = "SELECT count(DISTINCT host) FROM load"
    reply = await ask(SqlRequest(sql, since_ms=window[0], until_ms=window[1]))
    return int(reply.rows[0][0]) or 1


def _step(window: tuple[int, int], hosts: int) -> int:
    points = min(max(_CELLS // (hosts * _SERIES_A_HOST), _POINTS_LEAST), _POINTS_MOST)
    step_ms = max((window[1] - window[0]) // points, _STEP_LEAST_MS)
    return -(-step_ms // _STEP_LEAST_MS) * _STEP_LEAST_MS


def _check_hosts(wanted: Sequence[str], found: Sequence[str]) -> None:
    if missing := [host for host in wanted if host not in found]:
        raise NotFoundError(
            f"cannot rank host {plain(missing[0])!r}: it has no series in this time", hint="`nagare hosts` lists hosts"
        )
