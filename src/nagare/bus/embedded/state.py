"""What the writing thread knows in memory: how far each stream is, and what each consumer has in its hands.

It is what the database says, with the changes of the group that is being committed; a commit that fails throws it away.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from nagare.bus.embedded.window import IdWindow
from nagare.bus.protocol import ConsumerSpec
from nagare.bus.streams import StreamSpec
from nagare.bus.subjects import Pattern

# seq, Unix milliseconds, subject, id, key, headers as JSON or None, bytes.
Row = tuple[int, int, str, str, str, str | None, bytes]
# What a message costs beside its bytes, its subject and its id: the row's header and its share of a page.
ROW_BYTES = 40


def size_of(row: Row) -> int:
    """Return the bytes by which ``row`` counts against its stream's bound."""
    return len(row[6]) + len(row[2]) + len(row[3]) + len(row[4]) + len(row[5] or "") + ROW_BYTES


@dataclass(slots=True)
class Pending:
    """A message that was delivered and is not acked. ``due`` is monotonic seconds: its deadline, or when its delay ends."""

    attempts: int
    due: float
    is_delayed: bool = False


@dataclass(slots=True)
class ConsumerState:
    """A consumer: all up to ``cursor`` was delivered or is not for it; ``pending`` by seq."""

    id: int
    spec: ConsumerSpec
    cursor: int
    pending: dict[int, Pending] = field(default_factory=dict)
    # (due, seq), stale entries among them: one counts only while ``pending`` says the same.
    dues: list[tuple[float, int]] = field(default_factory=list)
    # Of the group: what is not in the database as it is here.
    dirty: set[int] = field(default_factory=set)
    is_moved: bool = False
    patterns: list[Pattern] = field(default_factory=list)

    def wants(self, subject: str) -> bool:
        """Tell whether messages under ``subject`` are for this consumer."""
        return not self.patterns or any(pattern.matches(subject) for pattern in self.patterns)

    def hold(self, seq: int, pending: Pending) -> None:
        """Note that ``seq`` is out until ``pending.due``."""
        self.pending[seq] = pending
        heapq.heappush(self.dues, (pending.due, seq))
        self.dirty.add(seq)

    def let_go(self, seq: int) -> Pending | None:
        """Forget that ``seq`` is out."""
        found = self.pending.pop(seq, None)
        if found is not None:
            self.dirty.add(seq)
        return found

    def pop_due(self, now: float) -> Iterator[tuple[int, Pending]]:
        """Yield messages whose time has come, oldest first; each must be held again or let go."""
        while self.dues and self.dues[0][0] <= now:
            due, seq = heapq.heappop(self.dues)
            pending = self.pending.get(seq)
            if pending is not None and pending.due == due:
                yield seq, pending

    def next_due(self) -> float | None:
        """Return when the next message is due, in monotonic seconds."""
        while self.dues:
            due, seq = self.dues[0]
            pending = self.pending.get(seq)
            if pending is not None and pending.due == due:
                return due
            heapq.heappop(self.dues)
        return None


@dataclass(slots=True)
class StreamState:
    """A stream: messages ``first_seq`` to ``last_seq``, without gaps, for only the oldest ever go."""

    id: int
    spec: StreamSpec
    ids: IdWindow
    first_seq: int = 1
    last_seq: int = 0
    bytes: int = 0
    last_ms: int = 0
    consumers: dict[str, ConsumerState] = field(default_factory=dict)
    # Of the group: numbered, not in the database yet.
    unwritten: list[Row] = field(default_factory=list)
    is_changed: bool = False

    @property
    def count(self) -> int:
        """How many messages there are."""
        return self.last_seq - self.first_seq + 1

    def as_row(self) -> tuple[Any, ...]:
        """Return what the database keeps of it, its number last."""
        return self.first_seq, self.last_seq, self.bytes, self.last_ms, self.id
