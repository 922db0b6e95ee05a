"""What a slow reader of the live feed has not read yet: bounded, and the latest wins.

Rows of a host that wait are merged table by table with newer ones, so that the size is bounded by what exists (hosts
times tables), not by how long the reader sleeps. Owned by one event loop; nothing here locks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar, assert_never

from nagare.lib.counters import Counters
from nagare.wire.live import (
    Digests,
    ErrorFrame,
    EventFrame,
    Hello,
    HostFrame,
    MessageFrame,
    Rows,
    ServerFrame,
    Subscribed,
)

# More hosts than one screen's installation has; beyond it the longest waiting frames are dropped and counted.
INBOX_LIMIT = 4096


@dataclass(frozen=True, slots=True)
class Connected:
    """The feed is live from here on; what happened before must be asked by SQL."""

    hello: Hello


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The feed is not live; the next try comes in ``retry_in_seconds`` unless ``retry_now`` is called."""

    reason: str
    retry_in_seconds: float


LiveEvent = Connected | Disconnected | ServerFrame
_Key = tuple[str, str]
_T = TypeVar("_T")


class Inbox:
    """An ordered set of what waits, one entry a subject."""

    def __init__(self, *, limit: int = INBOX_LIMIT) -> None:
        """Begin empty."""
        self._limit = limit
        self._waiting: dict[_Key, LiveEvent] = {}
        self._arrived = asyncio.Event()
        self.counters = Counters()

    def __len__(self) -> int:
        """Return how many entries wait."""
        return len(self._waiting)

    def put(self, event: LiveEvent) -> None:
        """Add ``event``, which replaces or merges with what waits under its subject."""
        key = _key_of(event)
        previous = self._waiting.pop(key, None)
        if previous is not None and (merged := _merge(previous, event)) is not None:
            self.counters.add("frames_merged")
            event = merged
        elif previous is not None:
            self.counters.add("frames_replaced")
        self._waiting[key] = event
        if len(self._waiting) > self._limit:
            self._drop_oldest()
        self._arrived.set()

    async def get(self) -> LiveEvent:
        """Return what waits the longest, waiting for it when there is nothing."""
        while not self._waiting:
            self._arrived.clear()
            await self._arrived.wait()
        key = next(iter(self._waiting))
        return self._waiting.pop(key)

    def _drop_oldest(self) -> None:
        # The state of the connection is never dropped: without it a reader would trust old numbers.
        key = next(key for key, event in self._waiting.items() if not isinstance(event, (Connected, Disconnected)))
        del self._waiting[key]
        self.counters.add("frames_dropped")


def _merge(older: LiveEvent, newer: LiveEvent) -> LiveEvent | None:
    """Return both in one, None where the newer simply stands for the older."""
    if isinstance(older, Rows) and isinstance(newer, Rows):
        return Rows(newer.host, older.tables | newer.tables, older.missed + newer.missed + 1)
    if isinstance(older, Digests) and isinstance(newer, Digests):
        return merge_digests(older, newer)
    return None


def merge_digests(older: Digests, newer: Digests) -> Digests:
    """Return the newest of each host that is in either."""
    again = set(newer.hosts)
    kept = [index for index, host in enumerate(older.hosts) if host not in again]
    unknown: list[float | None] = [None] * len(older.hosts)
    return Digests(
        [*_at(older.hosts, kept), *newer.hosts],
        [*_at(older.ts, kept), *newer.ts],
        [*_at(older.ages, kept), *newer.ages],
        {name: [*_at(older.values.get(name, unknown), kept), *cells] for name, cells in newer.values.items()},
        {host: told for host, told in older.reasons.items() if host not in again} | newer.reasons,
        older.missed + newer.missed + len(older.hosts) - len(kept),
    )


def _at(cells: Sequence[_T], places: Sequence[int]) -> list[_T]:
    return [cells[place] for place in places]


def _key_of(event: LiveEvent) -> _Key:
    match event:
        case Connected() | Disconnected():
            subject = ("connection", "")
        case Rows():
            subject = ("rows", event.host)
        case Digests():
            subject = ("digests", "")
        case HostFrame():
            subject = ("host", event.host.id)
        case EventFrame():
            subject = ("event", event.event.id)
        case MessageFrame():
            subject = ("message", f"{event.at} {event.sender}")
        case Subscribed():
            subject = ("subscribed", event.id)
        case ErrorFrame():
            subject = ("error", event.problem.code)
        case Hello():
            subject = ("hello", "")
        case _:
            assert_never(event)
    return subject
