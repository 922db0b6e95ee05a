"""The neighbours of a host, by its labels: what it depends on, what shares that with it, and how they are.

A label such as ``depends_on`` or ``switch`` names what a host hangs on: another host, several with commas between them, or
anything that has a name. Hosts that are registered are looked up; of anything else, those that name it too tell how it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from nagare.diagnosis.evidence import happenings
from nagare.diagnosis.evidence.asking import Row, number, text
from nagare.diagnosis.evidence.seen import Ground, Seen
from nagare.diagnosis.evidence.window import Window
from nagare.lib.plain_text import plain
from nagare.model.diagnosis.evidence import Evidence, EvidenceKind, Figure

NAME = "neighbours"
# Of one host, neighbours by name; what more there are shows in how many share a thing.
_MOST = 10
# So many of those that share a thing fell within that time: not each for itself.
_TOGETHER_LEAST, _TOGETHER_SHARE, _TOGETHER_MS = 2, 0.5, 120_000
_BETWEEN = re.compile(r"[,\s]+")
_STATE = (
    "SELECT CASE WHEN state = 'down' THEN 1 ELSE 0 END AS down, last_seen_ms AS began_ms FROM hosts WHERE host = $host"
)
_SHARED = (
    "SELECT count(*) AS hosts, count(*) FILTER (WHERE state = 'down') AS down,"
    " min(last_seen_ms) FILTER (WHERE state = 'down') AS began_ms FROM hosts WHERE labels[$label] = $value"
)


@dataclass(frozen=True, slots=True)
class _Told:
    """What is told of neighbours, with the statement that has its figures."""

    host: str
    words: str
    sql: str
    params: Mapping[str, object]
    figures: tuple[Figure, ...]
    began_ms: int | None

    def draft(self, window: Window) -> Evidence:
        """Return it as evidence."""
        return Evidence(
            "",
            EvidenceKind.NEIGHBOUR,
            self.host,
            self.words,
            self.sql,
            self.params,
            window.from_ms,
            window.until_ms,
            self.figures,
            self.began_ms,
            f"host {self.host}",
        )


async def look_neighbours(ground: Ground) -> list[Seen]:
    """Return how the neighbours of each host of the ground are: those that it depends on, and those that share that with it."""
    hosts = ground.hosts or ((ground.host,) if ground.host else ())
    rows = await ground.asker.ask("SELECT host, state, last_seen_ms, labels FROM hosts")
    known = {text(row, "host"): row for row in rows}
    seen: list[Seen] = []
    for host in hosts:
        if host not in known:
            continue
        links = list(_links(known[host], ground.links))
        upstream = list(dict.fromkeys(name for _, value in links for name in _names(value) if name in known))
        upstream = [name for name in upstream if name != host][:_MOST]
        seen += [_of_host(host, known[name], ground.window) for name in upstream]
        seen += [one for link in links if (one := _shared(host, link, rows, ground.window)) is not None]
        seen += await _alerts(ground, host, upstream)
    return seen


def _links(row: Row, labels: Iterable[str]) -> Iterator[tuple[str, str]]:
    told = row.get("labels")
    if isinstance(told, Mapping):
        yield from ((label, str(told[label])) for label in labels if told.get(label))


def _names(value: str) -> list[str]:
    return [name for name in _BETWEEN.split(value) if name]


def _of_host(host: str, row: Row, window: Window) -> Seen:
    name, last_seen = text(row, "host"), number(row, "last_seen_ms")
    is_down = text(row, "state") == "down" and window.moment(last_seen) is not None
    keys = {"name": name, "relation": "upstream", "state": text(row, "state")}
    began_ms = window.moment(last_seen) if is_down else None
    figures = (Figure("down", 1.0 if text(row, "state") == "down" else 0.0, "count"),)
    words = f"{name}, on which {host} depends, is {text(row, 'state')}"
    told = _Told(name, words, _STATE, {"host": name}, figures, began_ms)
    return Seen(NAME, host, partial(told.draft, window), is_down, {"down": figures[0].value}, keys, began_ms)


def _shared(host: str, link: tuple[str, str], rows: Sequence[Row], window: Window) -> Seen | None:
    """Return how those are that have the same label; None where the host is alone with it, or none of them is down."""
    label, value = link
    same = [row for row in rows if (label, value) in _links(row, (label,))]
    down = [row for row in same if text(row, "state") == "down"]
    if len(same) < _TOGETHER_LEAST + 1 or not down:
        return None
    moments = [moment for row in down if (moment := number(row, "last_seen_ms")) is not None]
    began_ms = window.moment(min(moments, default=None))
    is_together = (
        len(down) >= max(_TOGETHER_LEAST, len(same) * _TOGETHER_SHARE)
        and began_ms is not None
        and max(moments) - min(moments) <= _TOGETHER_MS
    )
    figures = (Figure("hosts", len(same), "count"), Figure("down", len(down), "count"))
    words = f"of {len(same)} hosts with {label} {plain(value, 60)}, {len(down)} are down"
    told = _Told(host, words, _SHARED, {"label": label, "value": value}, figures, began_ms)
    keys = {"name": f"{label} {value}", "relation": "shared"}
    return Seen(
        NAME, host, partial(told.draft, window), is_together, {"down": len(down), "hosts": len(same)}, keys, began_ms
    )


async def _alerts(ground: Ground, host: str, names: Sequence[str]) -> list[Seen]:
    """Return the open alerts of what ``host`` depends on."""
    if not ground.asker.sees("alerts"):
        return []
    seen: list[Seen] = []
    for name in names:
        told = await happenings.look_alerts(replace(ground, host=name))
        seen += [replace(one, tool="neighbour_alerts", host=host, keys={**one.keys, "of": name}) for one in told]
    return seen[:_MOST]
