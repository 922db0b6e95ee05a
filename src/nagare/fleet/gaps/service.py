"""Keeps the gaps of all hosts: notes what arrives beside the way of the batches, and what is missing durably.

What a crash makes it forget is read again from the stored samples, before anything new of that host is judged. What
samples do not say, that an agent left moments out or gave them up, is kept before its batch is answered.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from nagare.errors import NagareError, OverloadedError
from nagare.fleet.gaps.seen import Seen
from nagare.fleet.gaps.store import GapStore
from nagare.fleet.gaps.timeline import UNKNOWN_SEQ, Tick, Timeline
from nagare.lib.alarm import Alarm
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
# After which an agent whose word could not be kept sends it again.
_AGAIN_SECONDS = 5.0

# The moments at which that host spoke of itself, later than that (Unix milliseconds), as they are stored.
FindTicks = Callable[[str, int], Awaitable[Sequence[int]]]


@dataclass(frozen=True, slots=True)
class _Note:
    host_id: str
    name: str
    seen: Seen
    reach_ms: int
    # Who waits until it is on disk; None when nobody does.
    kept: asyncio.Future[None] | None = None


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
        # Those who wait for what was looked at and is not saved yet.
        self._waiting: list[asyncio.Future[None]] = []
        # Rung when somebody waits.
        self._alarm = Alarm(clock)
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
            self._fail_all(error)

    def note(self, host: Host, seen: Seen) -> None:
        """Note what a batch of a host that was just stored says of time; cheap."""
        self._put(host, seen, None)

    async def keep(self, host: Host, seen: Seen) -> None:
        """Note it, and return once it is on disk. Raises OverloadedError when it is not: the batch shall come again."""
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._put(host, seen, kept)
        self._alarm.ring()
        await kept

    def _put(self, host: Host, seen: Seen, kept: asyncio.Future[None] | None) -> None:
        if len(self._inbox) >= _INBOX:
            oldest = self._inbox.popleft()
            self._unread.add(oldest.host_id)
            self.counters.add("overflows")
            if oldest.kept is not None:
                _fail([oldest.kept], "too much waits to be looked at")
        reach_ms = round(STALE_INTERVALS * host.interval_seconds * 1000)
        self._inbox.append(_Note(host.id, host.name, seen, reach_ms, kept))

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
        gone = [note.kept for note in self._inbox if note.host_id == host_id and note.kept is not None]
        _settle(gone)
        self._inbox = deque(note for note in self._inbox if note.host_id != host_id)
        await self._store.forget([host_id])

    async def run(self) -> None:
        """Look at what arrived and keep it, until cancelled."""
        while True:
            self._alarm = Alarm(self._clock)
            try:
                await self.take()
                if self._clock.monotonic() - self._flushed_at >= _FLUSH_SECONDS:
                    await self.flush()
                elif self._unsaved.pieces or self._waiting:
                    await self._save(set(self._unsaved.pieces))
            except NagareError as error:
                # A full disk lasts: said once, tried again every time.
                if error.code != self._fault:
                    log.warning("gaps_not_saved: %s", error.message)
                self._fault = error.code
                self._fail_all(error)
            else:
                self._fault = ""
            await self._alarm.wait(_TAKE_SECONDS)

    async def take(self) -> None:
        """Look at everything that was noted. Raises what reading samples raises; nothing is lost then."""
        while self._inbox:
            note = self._inbox[0]
            if note.host_id in self._unread:
                await self._read_again(note)
            if self._inbox and self._inbox[0] is note:
                self._inbox.popleft()
                self._apply(note)
                if note.kept is not None:
                    self._waiting.append(note.kept)

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
            mine = [one.seen for one in self._inbox if one.host_id == note.host_id and not one.seen.is_thinned]
            noted = [(one.low.at_ms, one.high.at_ms) for one in mine if one.low is not None and one.high is not None]
            for at_ms in ticks:
                tick = Tick(at_ms, boot, UNKNOWN_SEQ)
                # What a note brought is judged with the note, which knows its batch and when it came.
                if not any(low <= at_ms <= high for low, high in noted):
                    self._apply(_Note(note.host_id, note.name, Seen(tick, tick), note.reach_ms))
        self._unread.discard(note.host_id)

    def _apply(self, note: _Note) -> None:
        line = self._lines.get(note.host_id)
        if line is None:
            line = self._lines[note.host_id] = Timeline()
            # Soon on disk, so that a crash leaves something to go on from.
            self._unsaved.pieces.add(note.host_id)
        before, told, first, seen = line.pieces, line.given_up, line.first, note.seen
        for from_ms, until_ms in seen.given_up:
            line.give_up(from_ms, until_ms)
        if seen.low is not None and seen.high is not None:
            kind = GapKind.THINNED if seen.is_thinned else GapKind.BUFFERED
            line.take(seen.low, seen.high, note.reach_ms, is_all=seen.is_all, kind=kind)
        if first is not None and line.first != first and _begins_with_gap(line):
            # Time before all that is known of: a crash may have come before what arrived of it was saved.
            self._unread.add(note.host_id)
        self._unsaved.ends.add(note.host_id)
        if before != line.pieces or told != line.given_up:
            self._unsaved.pieces.add(note.host_id)

    async def _save(self, host_ids: set[str]) -> None:
        host_ids &= self._lines.keys()
        pieces = self._unsaved.pieces & host_ids
        self._unsaved.ends -= host_ids
        self._unsaved.pieces -= host_ids
        waiting, self._waiting = self._waiting, []
        try:
            if host_ids:
                await self._store.save({id_: self._lines[id_] for id_ in host_ids}, pieces)
        except BaseException:
            self._unsaved.ends |= host_ids
            self._unsaved.pieces |= pieces
            self._waiting += waiting
            raise
        _settle(waiting)

    def _fail_all(self, error: NagareError) -> None:
        """Let nobody wait for a disk; what they noted stays noted, and they bring the same again."""
        waiting, self._waiting = self._waiting, []
        _fail([*waiting, *(note.kept for note in self._inbox if note.kept is not None)], error.message)


def _settle(waiting: Iterable[asyncio.Future[None]]) -> None:
    for kept in waiting:
        if not kept.done():
            kept.set_result(None)


def _fail(waiting: Iterable[asyncio.Future[None]], cause: str) -> None:
    for kept in waiting:
        if not kept.done():
            kept.set_exception(
                OverloadedError(f"cannot keep what an agent says of gaps: {cause}", retry_after_seconds=_AGAIN_SECONDS)
            )


def _begins_with_gap(line: Timeline) -> bool:
    if line.first is None or not line.pieces:
        return False
    return line.pieces[0].kind is GapKind.LATE and line.pieces[0].start.at_ms == line.first.at_ms
