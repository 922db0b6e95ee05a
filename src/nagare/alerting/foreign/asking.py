"""Asks a monitor what it has now, and which of the alerts that we have of it are over.

An answer that is not whole raises and ends nothing; one from which nobody can tell what is over ends nothing either, and says why.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from nagare.alerting.foreign.zabbix import ANSWER_LIMIT_BYTES, ZabbixApi, zabbix_api
from nagare.config.secrets import read_secret
from nagare.errors import LimitExceededError, UnavailableError
from nagare.interop.prometheus_api import read_firing, read_start_ms, read_targets
from nagare.interop.zabbix_problems import (
    PAGE,
    PAGES,
    events_params,
    hosts_params,
    next_first,
    problems_params,
    read_ended,
    read_hosts,
    read_problems,
    read_triggers,
    told_of,
    triggers_params,
)
from nagare.model.alert.foreign import Told
from nagare.model.alert.monitor import Monitor, MonitorKind
from nagare.net.api import ApiSession
from nagare.net.trust import Trust
from nagare.wire.monitors import ZabbixProblem

# A Prometheus that was just started waits so long before what has a ``for`` fires again.
YOUNG_MS = 660_000
_HOSTS_LIMIT = 50_000
_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Having:
    """What it has: alerts that fire, which of ours are over, how many hosts or targets it watches.

    ``doubt``: why nobody can tell what is over, empty where it can be told.
    """

    told: Sequence[Told]
    over: frozenset[str]
    things: int
    doubt: str = ""


async def ask(monitor: Monitor, active: Mapping[str, str], now_ms: int, until_ms: int) -> Having:
    """Return what ``monitor`` has; ``active``: the hosts of the alerts that we have of it, by fingerprint.

    ``until_ms``: until when its word holds. Raises ConfigError, UnavailableError and its like, LimitExceededError, InputError.
    """
    if monitor.kind is MonitorKind.ZABBIX:
        async with zabbix_api(monitor) as api:
            return await _ask_zabbix(api, monitor, active)
    return await _ask_prometheus(monitor, active, now_ms, until_ms)


async def _ask_zabbix(api: ZabbixApi, monitor: Monitor, active: Mapping[str, str]) -> Having:
    hosts = read_hosts(await api.call("host.get", hosts_params(_HOSTS_LIMIT)))
    problems = await _problems(api)
    told: list[Told] = []
    for start in range(0, len(problems), PAGE):
        piece = problems[start : start + PAGE]
        watched = read_triggers(await api.call("trigger.get", triggers_params(piece)))
        front_end = monitor.url.rpartition("/")[0]
        told += [
            told_of(one, watched[one.objectid], monitor.source, front_end)
            for one in piece
            if one.name and one.objectid in watched
        ]
    missing = sorted(active.keys() - {one.eventid for one in problems})
    if missing and not hosts:
        return Having(told, frozenset(), 0, "its token sees no host")
    over = set[str]()
    for start in range(0, len(missing), PAGE):
        asked = missing[start : start + PAGE]
        ended = read_ended(await api.call("event.get", events_params(asked)))
        # An event that is not there was removed with its trigger, unless its host is not seen any more either: then nobody knows.
        over |= ended.over | {one for one in asked if one not in ended.known and active[one] in hosts}
    return Having(told, frozenset(over), len(hosts))


async def _problems(api: ZabbixApi) -> list[ZabbixProblem]:
    found: list[ZabbixProblem] = []
    first = 0
    for _ in range(PAGES):
        page = read_problems(await api.call("problem.get", problems_params(first)))
        found += page
        if len(page) < PAGE:
            return found
        first = next_first(page)
    raise LimitExceededError(f"cannot take problems of Zabbix: it has more than {PAGE * PAGES}")


async def _ask_prometheus(monitor: Monitor, active: Mapping[str, str], now_ms: int, until_ms: int) -> Having:
    headers = {"Accept": "application/json"}
    if monitor.secret_file or monitor.secret_env:
        secret = await asyncio.to_thread(read_secret, monitor.secret_file, monitor.secret_env)
        headers["Authorization"] = f"Bearer {secret}"
    trust = Trust(Path(monitor.ca_file)) if monitor.ca_file else Trust()
    async with ApiSession(monitor.url, limit_bytes=ANSWER_LIMIT_BYTES, trust=trust) as session:
        started_ms = read_start_ms(await _get(session, "api/v1/status/runtimeinfo", headers))
        targets, up = read_targets(await _get(session, "api/v1/targets", headers))
        body = await _get(session, "api/v1/alerts", headers)
    told = read_firing(body, monitor.source, monitor.labels or {}, until_ms)
    over = frozenset(active.keys() - {one.fingerprint for one in told})
    if now_ms - started_ms < YOUNG_MS:
        # Expected after each start, and over soon: nobody need be told.
        return Having(told, frozenset(), targets)
    if targets and not up:
        return Having(told, frozenset(), targets, f"none of its {targets} targets is up")
    return Having(told, over, targets)


async def _get(session: ApiSession, path: str, headers: Mapping[str, str]) -> bytes:
    try:
        async with asyncio.timeout(_SECONDS):
            answer = await session.get(path, headers)
    except TimeoutError as error:
        raise UnavailableError(f"cannot use interface of Prometheus: no answer within {_SECONDS:g} s") from error
    if answer.status != 200:
        raise UnavailableError(f"cannot use interface of Prometheus: it answers {answer.status} for {path}")
    return answer.body
