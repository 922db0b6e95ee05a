"""Tells a host's newest batch from one that comes late out of its spool.

After an outage an agent sends the newest batch first and then works backwards; a live screen wants only the former.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from nagare.wire.batch import Batch
from nagare.wire.sound_batch import SoundBatch

# Within this of the server's clock a batch of an unknown boot is taken for live.
_RECENT_MS = 120_000


class _Seen(NamedTuple):
    boot: str
    seq: int
    newest_ms: float


class NewestBatches:
    """The newest batch of each host since the server started; bounded by the registered hosts."""

    def __init__(self) -> None:
        """Begin knowing none."""
        self._seen: dict[str, _Seen] = {}

    def is_newest(self, batch: Batch | SoundBatch, now_ms: int) -> bool:
        """Tell whether ``batch`` is the newest of its host so far, and note it if so."""
        if batch.replaces:
            # It stands for others that were thinned out, under a name beyond all numbers.
            return False
        newest_ms = _newest_ms(batch)
        seen = self._seen.get(batch.host)
        if seen is not None and seen.boot == batch.boot:
            is_newest = batch.seq > seen.seq
        else:
            is_newest = seen is None or newest_ms >= seen.newest_ms or abs(now_ms - newest_ms) < _RECENT_MS
        if is_newest:
            self._seen[batch.host] = _Seen(batch.boot, batch.seq, newest_ms)
        return is_newest

    def forget(self, host: str) -> None:
        """Drop what is known of a host that was removed."""
        self._seen.pop(host, None)


def _newest_ms(batch: Batch | SoundBatch) -> float:
    if isinstance(batch, SoundBatch):
        return batch.high_ms
    # The store took it, so every ts is an integer.
    stamps: list[Any] = [columns.get("ts") for columns in batch.tables.values()]
    return max((max(times) for times in stamps if times), default=0)
