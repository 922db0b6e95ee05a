"""Open problems of Zabbix as its interface tells them, in the words of our media type. Pure.

Pages are asked by the id of the event, so that what begins meanwhile moves none.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from nagare.errors import InputError, UnavailableError
from nagare.interop.zabbix_alerts import SEVERITIES, tag_labels
from nagare.lib.plain_text import plain
from nagare.model.alert.foreign import Told, plain_annotations, plain_labels
from nagare.model.event import Severity
from nagare.wire.codec import decode, encode
from nagare.wire.monitors import ZabbixEnd, ZabbixHost, ZabbixProblem, ZabbixTrigger

T = TypeVar("T")

PAGE = 1000
# As many as one source may have open.
PAGES = 20
# The largest number that Zabbix gives an event has 20.
_DIGITS = 20
_CLOCK_DIGITS = 11


@dataclass(frozen=True, slots=True)
class Ended:
    """Which of the events that were asked for are over, and which are known at all."""

    over: frozenset[str]
    known: frozenset[str]


def problems_params(first: int) -> dict[str, Any]:
    """Return what ``problem.get`` is asked for the page that begins at the event ``first``."""
    return {
        "output": ["eventid", "objectid", "name", "severity", "clock", "acknowledged", "opdata"], "selectTags": ["tag", "value"],
        "source": 0, "object": 0, "eventid_from": str(first), "sortfield": ["eventid"], "sortorder": "ASC", "limit": PAGE,
    }  # fmt: skip


def read_problems(result: Any) -> list[ZabbixProblem]:
    """Return a page. Raises UnavailableError for one that cannot be read: part of an answer is none."""
    found = _read(result, list[ZabbixProblem])
    for one in found:
        _number(one.eventid)
    return found


def triggers_params(problems: Iterable[ZabbixProblem]) -> dict[str, Any]:
    """Return what ``trigger.get`` is asked: those that are watched, with their hosts."""
    ids = sorted({one.objectid for one in problems})
    return {"triggerids": ids, "output": ["triggerid"], "selectHosts": ["host"], "monitored": True}


def read_triggers(result: Any) -> Mapping[str, str]:
    """Return the first host of each trigger. Raises UnavailableError."""
    return {one.triggerid: one.hosts[0].host if one.hosts else "" for one in _read(result, list[ZabbixTrigger])}


def events_params(events: Iterable[str]) -> dict[str, Any]:
    """Return what ``event.get`` is asked for the ends of events."""
    return {"eventids": sorted(events), "output": ["eventid", "r_eventid"]}


def read_ended(result: Any) -> Ended:
    """Return which are over. Raises UnavailableError."""
    found = _read(result, list[ZabbixEnd])
    over = frozenset(one.eventid for one in found if one.r_eventid != "0")
    return Ended(over, frozenset(one.eventid for one in found))


def hosts_params(limit: int) -> dict[str, Any]:
    """Return what ``host.get`` is asked."""
    return {"output": ["host"], "monitored_hosts": True, "limit": limit}


def read_hosts(result: Any) -> frozenset[str]:
    """Return the names of hosts. Raises UnavailableError."""
    return frozenset(one.host for one in _read(result, list[ZabbixHost]))


def next_first(page: Iterable[ZabbixProblem]) -> int:
    """Return with which event the page after this one begins. Raises UnavailableError."""
    return max(_number(one.eventid) for one in page) + 1


def told_of(problem: ZabbixProblem, host: str, source: str, front_end: str) -> Told:
    """Return a problem as its media type would have told it, but for the groups of the host."""
    link = f"{front_end}/tr_events.php?triggerid={problem.objectid}&eventid={problem.eventid}"
    pairs = [(tag.tag, tag.value) for tag in problem.tags]
    labels = {"alertname": problem.name, "host": host, **tag_labels(pairs)}
    texts = {"summary": problem.name, "data": problem.opdata, "source": link}
    return Told(
        source,
        problem.eventid,
        plain_labels(labels),
        plain_annotations(texts),
        SEVERITIES.get(problem.severity, Severity.WARNING),
        is_firing=True,
        starts_ms=int(problem.clock) * 1000 if _is_number(problem.clock, _CLOCK_DIGITS) else None,
        is_acknowledged=True if problem.acknowledged == "1" else None,
        is_one_time=True,
        actor="zabbix",
    )


def _is_number(text: str, digits: int) -> bool:
    # Of itself isdigit is true of "²" too, which is no number.
    return text.isascii() and text.isdigit() and len(text) <= digits


def _number(text: str) -> int:
    if not _is_number(text, _DIGITS):
        raise UnavailableError(f"cannot read answer of Zabbix: {plain(text, 40)!r} is no id of an event")
    return int(text)


def _read(result: Any, kind: type[T]) -> T:
    try:
        return decode(encode(result), kind)
    except InputError as error:
        raise UnavailableError(f"cannot read answer of Zabbix: {error.message[:200]}") from error
