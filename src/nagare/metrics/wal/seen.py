"""Which batches and events were stored already, so that a repeat is acknowledged and never stored twice.

For each (host, boot) the interval set of seqs: batches come newest first after an outage, so no high-water mark would
do. It lives in memory and is kept durable by the log and, from each checkpoint on, by the catalog. Event ids are many
and rarely asked for: memory holds those since the last checkpoint, the catalog the older ones.

Owned by the log's writer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from nagare.lib.intervals import IntervalSet
from nagare.wire.metric_log import LogRecord

BootKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class SeqRow:
    """One interval of seqs of a boot, as the catalog keeps it; ``last_ms`` is when the boot was last heard."""

    host: str
    boot: str
    first: int
    last: int
    last_ms: int


@dataclass(slots=True)
class _Boot:
    seqs: IntervalSet = field(default_factory=IntervalSet)
    last_ms: int = 0


@dataclass(frozen=True, slots=True)
class SeenChanges:
    """What a checkpoint must write: every interval of the boots that changed, the new event ids, the boots gone."""

    boots: tuple[BootKey, ...]
    rows: tuple[SeqRow, ...]
    event_ids: tuple[tuple[str, int], ...]


class Seen:
    """The names of everything stored; ``find_event`` asks the catalog about ids from before the checkpoint."""

    def __init__(self, rows: Iterable[SeqRow], find_event: Callable[[str], bool]) -> None:
        """Begin with what the catalog holds."""
        self._boots: dict[BootKey, _Boot] = {}
        self._changed: set[BootKey] = set()
        self._event_ids: dict[str, int] = {}
        # Ids that a checkpoint is writing right now: not yet in the catalog, no longer new.
        self._sealed_ids: dict[str, int] = {}
        self._find_event = find_event
        for row in rows:
            boot = self._boots.setdefault((row.host, row.boot), _Boot())
            boot.seqs.add(row.first, row.last)
            boot.last_ms = max(boot.last_ms, row.last_ms)

    def has_batch(self, host: str, boot: str, seq: int) -> bool:
        """Tell whether that batch, or one that replaced it, was stored."""
        known = self._boots.get((host, boot))
        return known is not None and seq in known.seqs

    def has_event(self, event_id: str) -> bool:
        """Tell whether an event of that id was stored."""
        return event_id in self._event_ids or event_id in self._sealed_ids or self._find_event(event_id)

    def has_record(self, record: LogRecord) -> bool:
        """Tell whether ``record`` brings nothing new: its batch, or each of its events, was stored."""
        if record.boot:
            return self.has_batch(record.host, record.boot, record.seq)
        return bool(record.event_ids) and all(map(self.has_event, record.event_ids))

    def add(self, record: LogRecord) -> None:
        """Remember the names in ``record``, which is durable."""
        if record.boot:
            key = (record.host, record.boot)
            boot = self._boots.setdefault(key, _Boot())
            boot.last_ms = max(boot.last_ms, record.received_ms)
            for seq in (record.seq, *record.replaces):
                boot.seqs.add(seq)
            self._changed.add(key)
        for event_id in record.event_ids:
            self._event_ids[event_id] = record.received_ms

    def seal(self) -> SeenChanges:
        """Return what changed since the last ``seal``; call ``confirm`` once it is in the catalog."""
        self._sealed_ids = {**self._sealed_ids, **self._event_ids}
        self._event_ids = {}
        boots, self._changed = tuple(self._changed), set()
        rows = tuple(
            SeqRow(host, boot, first, last, known.last_ms)
            for host, boot in boots
            if (known := self._boots.get((host, boot))) is not None
            for first, last in known.seqs
        )
        return SeenChanges(boots, rows, tuple(self._sealed_ids.items()))

    def unseal(self, changes: SeenChanges) -> None:
        """Take back a ``seal`` that will not be written: the next one brings its changes too."""
        self._changed.update(changes.boots)

    def confirm(self) -> None:
        """Forget the sealed event ids: the catalog has them."""
        self._sealed_ids = {}

    def forget_before(self, oldest_ms: int) -> int:
        """Drop the boots last heard before ``oldest_ms``: their rows would be stale anyway; return how many."""
        gone = [key for key, boot in self._boots.items() if boot.last_ms < oldest_ms]
        for key in gone:
            del self._boots[key]
            self._changed.discard(key)
        return len(gone)
