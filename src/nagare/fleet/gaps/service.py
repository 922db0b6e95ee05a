"""Keeps the gaps of all hosts: notes what arrives beside the way of the batches, and what is missing durably.

What a crash makes it forget is read again from the stored samples, before anything new of that host is judged.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from nagare.errors import NagareError
from nagare.fleet.gaps.store import GapStore
from nagare.fleet.gaps.timeline import UNKNOWN_SEQ, Tick, Timeline
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters
from nagare.model.gap import Gap, GapKind
from nagare.model.host import STALE_INTERVALS, Host, HostState
from nagare.records.engine import Records

log = logging.getLogger(__name__)

_TAKE_SECONDS = 0.5
_FLUSH_SECONDS = 60.0
KEPT_MS = 400 * 86_400_000
# What waits to be looked at; a host of which more comes is read again from its samples instead.
_INBOX = 50_000

# The moments at which that host spoke of itself, later than that (Unix milliseconds), as they are stored.
FindTicks = Callable[[str, int], Awaitable[Sequence[int]]]


@dataclass(frozen=True, slots=True)
class _Note:
    host_id: str
    name: str
    low: Tick
    high: Tick
    reach_ms: int
    is_all: bool


@dataclass(slots=True)
class _Unsaved:
    ends: set[str] = field(default_factory=set)
    pieces: set[str] = field(default_factory=set)


class Gaps:
    """The timelines of this installation's hosts. ``run`` works until cancelled."""

    def __init__(
        self, records: Records, find_ticks: FindTicks, clock: Clock, host_ids: Callable[[], Iterable[str]]
    ) -> None:
        """Keep the neighbours; nothing is read yet. ``host_ids`` gives those of the hosts that there are."""
        self._host_ids = host_ids
        self._store = GapStore(records)
        self._find_ticks = find_ticks
        self._clock = clock
        self._lines: dict[str, Timeline] = {}
        self._inbox: deque[_Note] = deque()
        # Hosts of which the samples may know more than the timeline: all, after a start.
        self._unread: set[str] = set()
        self._unsaved = _Unsaved()
        self._flushed_at = clock.monotonic()
        self._fault = ""
        # Counts "overflows".
        self.counters = Counters()

    async def __aenter__(self) -> Self:
        """Load the timelines; those of hosts that are gone end: a crash may have come before it."""
        self._lines = await self._store.load()
        gone = self._lines.keys() - set(self._host_ids())
        for host_id in gone:
            del self._lines[host_id]
        if gone:
            await self._store.forget(gone)
        self._unread = set(self._lines)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Save what is not saved, if the disk takes it."""
        try:
            await self.take()
            await self.flush()
        except NagareError as error:
            log.warning("gaps_not_saved: %s", error.message)

    def note(self, host: Host, seen: tuple[Tick, Tick, bool]) -> None:
        """Note moments of a host that were just stored, and whether its agent had nothing else waiting; cheap."""
        if len(self._inbox) >= _INBOX:
            oldest = self._inbox.popleft()
            self._unread.add(oldest.host_id)
            self.counters.add("overflows")
        low, high, is_all = seen
        reach_ms = round(STALE_INTERVALS * host.interval_seconds * 1000)
        self._inbox.append(_Note(host.id, host.name, low, high, reach_ms, is_all))

    def of(self, host: Host, state: HostState) -> list[Gap]:
        """Return the gaps of a host in that state, oldest first; the last one is open while the host is silent."""
        line = self._lines.get(host.id)
        if line is None:
            return []
        found = [Gap(piece.start.at_ms, piece.end.at_ms, piece.kind) for piece in line.pieces]
        if line.last is not None and state in (HostState.STALE, HostState.DOWN):
            kind = GapKind.DOWN if state is HostState.DOWN else GapKind.LATE
            found.append(Gap(line.last.at_ms, None, kind))
        return found

    async def forget(self, host_id: str) -> None:
        """Forget a host that was removed."""
        self._lines.pop(host_id, None)
        for ids in (self._unread, self._unsaved.ends, self._unsaved.pieces):
            ids.discard(host_id)
        self._inbox = deque(note for note in self._inbox if note.host_id != host_id)
        await self._store.forget([host_id])

    async def run(self) -> None:
        """Look at what arrived and keep it, until cancelled."""
        while True:
            try:
                await self.take()
                if self._clock.monotonic() - self._flushed_at >= _FLUSH_SECONDS:
                    await self.flush()
                elif self._unsaved.pieces:
                    await self._save(set(self._unsaved.pieces))
            except NagareError as error:
                # A full disk lasts: said once, tried again every time.
                if error.code != self._fault:
                    log.warning("gaps_not_saved: %s", error.message)
                self._fault = error.code
            else:
                self._fault = ""
            await self._clock.sleep(_TAKE_SECONDS)

    async def take(self) -> None:
        """Look at everything that was noted. Raises what reading samples raises; nothing is lost then."""
        while self._inbox:
            note = self._inbox[0]
            if note.host_id in self._unread:
                await self._read_again(note)
            if self._inbox and self._inbox[0] is note:
                self._inbox.popleft()
                self._apply(note)

    async def flush(self) -> None:
        """Save every timeline that changed, and forget what is too old."""
        self._flushed_at = self._clock.monotonic()
        oldest_ms = self._clock.now_ms() - KEPT_MS
        for host_id, line in self._lines.items():
            if line.pieces and line.pieces[0].end.at_ms < oldest_ms:
                line.forget_before(oldest_ms)
                self._unsaved.pieces.add(host_id)
        await self._save(self._unsaved.ends | self._unsaved.pieces)

    async def _read_again(self, note: _Note) -> None:
        line = self._lines.get(note.host_id)
        if line is not None and line.last is not None:
            late = [piece.start.at_ms for piece in line.pieces if piece.kind is GapKind.LATE]
            boot = line.last.boot
            ticks = await self._find_ticks(note.name, min([line.last.at_ms, *late]))
            noted = [(one.low.at_ms, one.high.at_ms) for one in self._inbox if one.host_id == note.host_id]
            for at_ms in ticks:
                tick = Tick(at_ms, boot, UNKNOWN_SEQ)
                # What a note brought is judged with the note, which knows its batch and when it came.
                if not any(low <= at_ms <= high for low, high in noted):
                    self._apply(_Note(note.host_id, note.name, tick, tick, note.reach_ms, is_all=False))
        self._unread.discard(note.host_id)

    def _apply(self, note: _Note) -> None:
        line = self._lines.setdefault(note.host_id, Timeline())
        before = line.pieces
        line.take(note.low, note.high, note.reach_ms, is_all=note.is_all)
        self._unsaved.ends.add(note.host_id)
        if before != line.pieces:
            self._unsaved.pieces.add(note.host_id)

    async def _save(self, host_ids: set[str]) -> None:
        host_ids &= self._lines.keys()
        pieces = self._unsaved.pieces & host_ids
        self._unsaved.ends -= host_ids
        self._unsaved.pieces -= host_ids
        if not host_ids:
            return
        try:
            await self._store.save({id_: self._lines[id_] for id_ in host_ids}, pieces)
        except BaseException:
            self._unsaved.ends |= host_ids
            self._unsaved.pieces |= pieces
            raise
