"""The ids of a stream's newest messages, by which a repeat is known: in memory, made again from the messages at each start.

An index of random ids on disk would dirty a page for every message; the messages themselves, which are appended, carry them
anyhow. So the window is as durable as the messages are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

# Ids of one stream in memory, about 200 bytes each; beyond it the window is shorter than its stream says, and that counts.
IDS_LIMIT = 1_000_000


class IdWindow:
    """Ids with their places in the stream, forgotten by age and beyond a bound. One thread owns it."""

    def __init__(self, seconds: float, *, limit: int = IDS_LIMIT) -> None:
        """Begin empty; an id is known for ``seconds``."""
        self._span_ms = int(seconds * 1000)
        self._limit = limit
        self._seqs: dict[str, int] = {}
        # In the order in which they came: (Unix milliseconds, ids).
        self._groups: deque[tuple[int, tuple[str, ...]]] = deque()

    def __len__(self) -> int:
        """Return how many ids are known."""
        return len(self._seqs)

    def find(self, message_id: str) -> int | None:
        """Return the place of the message with that id, if it is known."""
        return self._seqs.get(message_id)

    def add(self, now_ms: int, seqs: Mapping[str, int]) -> int:
        """Know ``seqs`` (place by id, none of them known yet) from ``now_ms`` on; return how many are forgotten early for them."""
        self._seqs.update(seqs)
        self._groups.append((now_ms, tuple(seqs)))
        forgotten = 0
        while len(self._seqs) > self._limit and len(self._groups) > 1:
            forgotten += self._forget_oldest()
        return forgotten

    def forget(self, now_ms: int) -> None:
        """Forget ids that are older than the window."""
        while self._groups and self._groups[0][0] < now_ms - self._span_ms:
            self._forget_oldest()

    def _forget_oldest(self) -> int:
        _, ids = self._groups.popleft()
        for message_id in ids:
            del self._seqs[message_id]
        return len(ids)
