"""How one host's agent stands: itself, what waits in its queue, which collectors are ill, what it was last asked to do.

Facts in, items of a panel out; nothing here asks or draws.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nagare.lib.plain_text import plain
from nagare.lib.units import format_bytes, format_count, format_seconds
from nagare.tui.host_columns import age_seconds
from nagare.tui.host_live import HostLive
from nagare.tui.widgets.inspector_list import Bar, Fact, Heading, Item, Note

Columns = Mapping[str, Sequence[Any]]
# A collector whose newest row is older than so many of its intervals is late; so is a host.
_LATE_INTERVALS = 3
# A queue that is so old does not only wait for the next answer.
_WAITS_SECONDS = 60.0
_NEARLY_FULL = 0.8
_NAMED = 4


@dataclass(frozen=True, slots=True)
class AgentStanding:
    """What the server knows of an agent beside its rows. Times are Unix milliseconds; a text is empty when nothing is known."""

    command: str = ""
    command_state: str = ""
    command_ms: int | None = None
    update: str = ""
    update_state: str = ""
    update_reason: str = ""
    # Why it is not known.
    refusal: str = ""


def agent_groups(
    host: HostLive, columns: Columns, standing: AgentStanding | None, now_ms: int
) -> tuple[tuple[Item, ...], ...]:
    """Return the groups of facts: the queue, the agent itself, what it is asked to do."""
    own = _row_of(columns, "agent")
    return _agent_items(host, columns, own, now_ms), _queue_items(own), _asked_items(host, standing, now_ms)


def _row_of(columns: Columns, collector: str) -> dict[str, Any]:
    names = list(columns.get("collector", ()))
    if collector not in names:
        return {}
    at = names.index(collector)
    return {name: cells[at] for name, cells in columns.items() if at < len(cells)}


def _agent_items(host: HostLive, columns: Columns, own: Mapping[str, Any], now_ms: int) -> tuple[Item, ...]:
    age = age_seconds(host, now_ms)
    heard = "never" if math.isnan(age) else f"{format_seconds(age)} ago"
    version = own.get("version") or (host.view.version if host.view else "")
    items: list[Item] = [
        Heading("Agent"), Fact("state", f"{host.level.value}, heard {heard}", host.level.value),
        Fact("version", plain(str(version or "not told"))), Fact("every", format_seconds(host.interval_seconds)),
        Fact("costs", f"{_known(own, 'cpu_ratio', _cores)}, {_known(own, 'memory_bytes', format_bytes)}"),
    ]  # fmt: skip
    return (*items, *_collector_items(columns, now_ms))


def _collector_items(columns: Columns, now_ms: int) -> list[Item]:
    """Return how many collectors are well, and those that are not."""
    failing, late, count = [], [], 0
    for index, name in enumerate(columns.get("collector", ())):
        row = {key: cells[index] for key, cells in columns.items() if index < len(cells)}
        count += name != "agent"
        if row.get("ok") is False:
            failing.append(plain(str(name)))
        elif _is_late(row, now_ms):
            late.append(plain(str(name)))
    if not count:
        return [Fact("collectors", "none told of itself yet")]
    items: list[Item] = [Fact("collectors", f"{count - len(failing) - len(late)} of {count} well")]
    items += [Note(f"failing: {_listed(failing)}", "warn")] if failing else []
    return items + ([Note(f"late: {_listed(late)}", "stale")] if late else [])


def _is_late(row: Mapping[str, Any], now_ms: int) -> bool:
    ts, interval = row.get("ts"), row.get("interval_seconds")
    if not isinstance(ts, int) or not isinstance(interval, int | float):
        return False
    return now_ms - ts > (_LATE_INTERVALS * interval + 5) * 1000


def _queue_items(own: Mapping[str, Any]) -> tuple[Item, ...]:
    held, limit = own.get("spool_bytes"), own.get("spool_limit_bytes")
    if held is None:
        return Heading("Queue to the server"), Note("this agent does not tell of its queue")
    oldest, batches = own.get("spool_oldest_seconds"), own.get("spool_batches") or 0
    state = _queue_state(held, limit, oldest)
    items: list[Item] = [Heading("Queue to the server"), Fact("state", _QUEUE_WORDS[state], state)]
    if limit:
        items.append(Bar("holds", held / limit, f"{format_bytes(held)}/{format_bytes(limit)}"))
    else:
        items.append(Fact("holds", format_bytes(held)))
    old = f", oldest {format_seconds(oldest)}" if batches and oldest is not None else ""
    items.append(Fact("waiting", f"{format_count(batches)} batches{old}"))
    items.append(Fact("sent", f"{_count(own, 'batches_sent_total')}, again {_count(own, 'batches_resent_total')}"))
    lost = [(word, own.get(name) or 0) for word, name in _LOSSES]
    if any(number for _, number in lost):
        items.append(Note(", ".join(f"{format_count(number)} {word}" for word, number in lost if number), "warn"))
    else:
        items.append(Fact("left out", "none"))
    return (*items, Fact("failures", f"{_count(own, 'send_failures_total')} attempts to send"))


_LOSSES = (
    ("thinned", "batches_thinned_total"), ("dropped", "batches_dropped_total"), ("damaged", "batches_damaged_total"),
)  # fmt: skip
_QUEUE_WORDS = {
    "up": "keeps up",
    "warn": "waits: the server is away, or slow",
    "crit": "nearly full: old is thinned",
}


def _queue_state(held: float, limit: float | None, oldest: float | None) -> str:
    if limit and held >= _NEARLY_FULL * limit:
        return "crit"
    return "warn" if oldest is not None and oldest > _WAITS_SECONDS else "up"


def _asked_items(host: HostLive, standing: AgentStanding | None, now_ms: int) -> tuple[Item, ...]:
    allowed = host.view.capabilities if host.view else []
    items: list[Item] = [Heading("Commands and updates")]
    items.append(Fact("granted", plain(", ".join(allowed)) or "nothing"))
    if standing is None or standing.refusal:
        return (*items, Note(standing.refusal if standing else "asking the server"))
    if standing.command_ms is None:
        items.append(Fact("last", "no command yet"))
    else:
        ago = format_seconds(max(0, now_ms - standing.command_ms) // 1000)
        items.append(Fact("last", f"{plain(standing.command)}, {ago} ago", plain(standing.command_state)))
    update = f"{standing.update} {standing.update_state}" if standing.update else "no rollout names this host"
    items.append(Fact("update", plain(update), "warn" if standing.update_state == "failed" else ""))
    return (*items, Note(plain(standing.update_reason), "warn")) if standing.update_reason else tuple(items)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _known(row: Mapping[str, Any], name: str, write: Any) -> str:
    value = row.get(name)
    return "–" if value is None else str(write(value))


def _count(row: Mapping[str, Any], name: str) -> str:
    return _known(row, name, format_count)


def _cores(value: float) -> str:
    return f"{value * 100:.1f}% of a core"
