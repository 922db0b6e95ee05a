"""What waits for one channel: of each incident the oldest notice first, of all incidents what is due first. Pure.

Moments are seconds of the monotonic clock: one that is set must neither hold a message up nor send it too often.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from nagare.alerting.notify.brief import Waiting
from nagare.lib.token_bucket import TokenBucket

# So many of one channel are on their way at one time, and one while it fails: a dead one must not take every place.
AT_ONCE = 4


class Lane:
    """The queue of one channel."""

    def __init__(self) -> None:
        """Begin empty."""
        self._waiting: dict[str, Waiting] = {}
        self._due: dict[str, float] = {}
        # Of each incident the numbers and ids that wait, the lowest first; some may be gone by now.
        self._queues: dict[str, list[tuple[int, str]]] = {}
        # The first of each incident by when it is due; some may not be the first any more.
        self._firsts: list[tuple[float, str]] = []
        self._out: set[str] = set()
        self._pace = Pace(20.0, 0.0)
        self._paused = 0.0
        self.is_failing = False

    def __len__(self) -> int:
        """Return how many wait or are on their way."""
        return len(self._waiting)

    def all(self) -> Iterable[Waiting]:
        """Return what waits, or is on its way."""
        return self._waiting.values()

    @property
    def out(self) -> int:
        """How many are on their way."""
        return len(self._out)

    def add(self, waiting: Waiting, due: float) -> None:
        """Take one in; one that is there already is the same."""
        if waiting.id in self._waiting:
            return
        self._waiting[waiting.id], self._due[waiting.id] = waiting, due
        heapq.heappush(self._queues.setdefault(waiting.incident, []), (waiting.number, waiting.id))
        self._offer(waiting.incident)

    def hasten(self, delivery_id: str, now: float) -> None:
        """Let one that is there be due now."""
        if (waiting := self._waiting.get(delivery_id)) is not None:
            self._due[delivery_id] = min(self._due[delivery_id], now)
            self._offer(waiting.incident)

    def next_moment(self, per_minute: float | None, now: float) -> float | None:
        """Return when the next one may be sent, None where none can; ``per_minute`` is None for a channel that is gone: nothing is sent."""
        if len(self._out) >= (1 if self.is_failing else AT_ONCE) or (first := self._first()) is None:
            return None
        if per_minute is None:
            # Begun anew: whoever comes back has sent nothing.
            self._pace = Pace(20.0, now)
            return first[0]
        self._pace = self._pace.as_of(per_minute, now)
        return max(first[0], self._paused, now + self._pace.wait_seconds(now))

    def take(self, now: float) -> Waiting:
        """Return the one whose moment came; nothing else of its incident is due until ``finish`` or ``again``."""
        _, delivery_id = heapq.heappop(self._firsts)
        waiting = self._waiting[delivery_id]
        self._out.add(waiting.incident)
        self._pace.take(now)
        return waiting

    def finish(self, waiting: Waiting) -> None:
        """Let one go that was sent or given up: the next of its incident follows."""
        self._out.discard(waiting.incident)
        self.discard(waiting.id)

    def discard(self, delivery_id: str) -> None:
        """Let one go, wherever it is."""
        if (waiting := self._waiting.pop(delivery_id, None)) is not None:
            del self._due[delivery_id]
            self._offer(waiting.incident)

    def again(self, waiting: Waiting, due: float) -> None:
        """Try one again later, and what comes after it in its incident after that."""
        self._out.discard(waiting.incident)
        if waiting.id in self._waiting:
            self._due[waiting.id] = due
        self._offer(waiting.incident)

    def pause(self, until: float) -> None:
        """Send nothing until then: the channel asked for it."""
        self._paused = max(self._paused, until)

    def _offer(self, incident: str) -> None:
        queue = self._queues.get(incident)
        while queue and queue[0][1] not in self._waiting:
            heapq.heappop(queue)
        if queue and incident not in self._out:
            heapq.heappush(self._firsts, (self._due[queue[0][1]], queue[0][1]))
        elif not queue:
            self._queues.pop(incident, None)

    def _first(self) -> tuple[float, str] | None:
        while self._firsts and not self._is_first(*self._firsts[0]):
            heapq.heappop(self._firsts)
        return self._firsts[0] if self._firsts else None

    def _is_first(self, due: float, delivery_id: str) -> bool:
        waiting = self._waiting.get(delivery_id)
        if waiting is None or waiting.incident in self._out or self._due[delivery_id] != due:
            return False
        return self._queues[waiting.incident][0][1] == delivery_id


class Pace:
    """How often a channel may be sent to: ``per_minute`` within any minute at the most, a few of them at one time."""

    def __init__(self, per_minute: float, now: float) -> None:
        """Begin as after a pause."""
        self._per_minute = per_minute
        burst = max(1.0, per_minute // 4)
        # What comes at one time is part of the minute: the rest comes evenly.
        self._bucket = TokenBucket(max(per_minute - burst + 1, per_minute / 2) / 60, burst, now)

    def as_of(self, per_minute: float, now: float) -> Pace:
        """Return the pace of ``per_minute``: this one unless it is another."""
        return self if per_minute == self._per_minute else Pace(per_minute, now)

    def wait_seconds(self, now: float) -> float:
        """Return after how long something may be sent."""
        return self._bucket.wait_seconds(now)

    def take(self, now: float) -> None:
        """Note that something is sent."""
        self._bucket.take(1, now)
