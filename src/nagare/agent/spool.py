"""Batches on disk that wait for the server: synced before they count, newest first, bounded, and kept over a kill.

A batch may leave in any order (``acknowledge``); what left since the last note of it may be delivered again after a
crash, which is harmless because (host, boot, seq) names a batch for ever. Near the limit old segments are thinned: the
older, the fewer moments stay. Then the oldest keep their events alone, and in the end go whole. What is older than the
age limit goes too, by a clock that no single batch moves far. What went is in ``losses`` before it goes. A segment that
the disk does not read is damage as any other. Blocking; owned by one thread.
"""

from __future__ import annotations

import contextlib
import logging
import math
from bisect import bisect_right
from collections.abc import Iterable
from pathlib import Path

from nagare.agent.batches import Packed, Waiting
from nagare.agent.losses import TOUCH_MS, Doomed, Losses, Reason, Span
from nagare.agent.shelf import Shelf, load_note, save_note
from nagare.agent.thinning import EVENTS_LEVEL, LEVEL_LIMIT, thin
from nagare.errors import DiskFullError, StorageError
from nagare.lib.atomic_file import write_atomic
from nagare.lib.counters import Counters
from nagare.lib.segment_log import SegmentLog

log = logging.getLogger(__name__)

# Small segments: a dropped one loses little, and finding a batch reads one of them.
_SEGMENT_LIMIT_BYTES = 2**20
_SEGMENTS_AT_LEAST = 8
# Records read at one time when the backlog is sent: a few requests' worth.
_READ_RECORDS = 32
# The note of what was acknowledged is renewed after so many; a crash repeats at most these.
_NOTE_EVERY = 64
_SET_ASIDE_FILES = 8
# How far one batch moves the clock by which others are too old: a wrong tick empties nothing, and after a long
# absence a few hundred batches agree.
_AGE_STEP_MS = 600_000
# What the log puts around a record: its header, and that of a segment that may have to begin.
_HEADERS_BYTES = 64


class Spool:
    """The queue on disk in ``directory``."""

    def __init__(self, directory: Path, *, limit_bytes: int, age_limit_seconds: float = math.inf) -> None:
        """Describe the spool; ``open`` touches the disk."""
        self.limit_bytes = limit_bytes
        self._age_limit_ms = age_limit_seconds * 1000
        self._note = directory / "acknowledged"
        segment_limit = max(4096, min(_SEGMENT_LIMIT_BYTES, limit_bytes // _SEGMENTS_AT_LEAST))
        self._log = SegmentLog(directory, segment_limit_bytes=segment_limit, steps_over_unreadable=True)
        self.losses = Losses(directory / "losses")
        # One for each segment, oldest first; the last one is appended to.
        self._shelves: list[Shelf] = []
        self._count = 0
        # When the oldest batch that waits was made, as near as its segment tells; zero when none does.
        self.oldest_ms = 0
        self._newest_ms = 0
        self._age_now_ms = 0
        self._unnoted = 0
        # Whether a segment may be there of which nothing waits, because the disk did not let it go.
        self._has_leftovers = False
        self._damages: set[tuple[Path, int]] = set()
        # Counts "spooled", "thinned", "dropped" and "damaged" batches since the start.
        self.counters = Counters()

    @property
    def count(self) -> int:
        """Batches that wait; damage on the disk can make it too high."""
        return self._count

    @property
    def size_bytes(self) -> int:
        """Bytes of batches that wait, zero when none does."""
        return self._log.size_bytes if self._count else 0

    def open(self) -> None:
        """Find what an earlier run left. Raises StorageError."""
        self._log.open()
        self.losses.open()
        starts = self._log.segment_starts
        self._shelves = [self._look_at(first, end) for first, end in zip(starts, [*starts[1:], 0], strict=False)]
        load_note(self._note, self._shelves, self._log.next_index)
        self._recount()
        if self._shelves:
            self._batches(self._shelves[-1])
        self._age_now_ms = self._newest_ms
        self._has_leftovers = True
        self._finish_drop()

    def close(self) -> None:
        """Keep the place and close the log."""
        self.losses.save()
        with contextlib.suppress(OSError):
            self._write_note()
        self._log.close()

    def append(self, packed: Packed) -> int:
        """Store a batch durably and return its index. Raises StorageError, DiskFullError."""
        record = packed.to_record()
        self._tidy()
        self._drop_old(packed.at_ms)
        self._make_room(len(record) + _HEADERS_BYTES)
        index = self._log.append([record])
        self._log.sync()
        self._follow_log()
        shelf = self._shelves[-1]
        shelf.low_ms = shelf.low_ms or packed.at_ms
        self._newest_ms = packed.at_ms or self._newest_ms
        self._recount()
        self.counters.add("spooled")
        return index

    def read(self) -> list[Waiting]:
        """Return the newest few that wait, the newest first; empty when none does."""
        self._tidy()
        for shelf in reversed(list(self._shelves)):
            if not self._waiting(shelf):
                continue
            found = self._batches(shelf)
            if found:
                return found[: -_READ_RECORDS - 1 : -1]
            self._clear(shelf)
        self._recount()
        return []

    def acknowledge(self, index: int, level: int = 0) -> None:
        """Take out a batch of that index and level. Raises StorageError.

        One that was thinned since it was read stays: another may have its index, and to send it again harms nobody.
        """
        self._tidy()
        place = bisect_right(self._shelves, index, key=_first) - 1
        if place < 0 or index >= self._log.next_index or index in self._shelves[place].gone:
            return
        shelf = self._shelves[place]
        if shelf.level != level:
            return
        shelf.mark(index, index)
        self._count -= 1
        if not self._waiting(shelf):
            self._clear(shelf)
        self._unnoted += 1
        if not self._count or self._unnoted >= _NOTE_EVERY:
            try:
                self._write_note()
            except OSError as error:
                raise StorageError(f"cannot write {self._note}: {error.strerror}") from error

    def _look_at(self, first: int, end: int) -> Shelf:
        shelf = Shelf(first, end)
        with contextlib.suppress(ValueError, StorageError):
            record = self._log.read_first(first)
            packed = None if record is None else Packed.from_record(record)
            if packed is not None:
                shelf.low_ms, shelf.level = packed.at_ms, packed.level
        return shelf

    def _end(self, shelf: Shelf) -> int:
        return shelf.end or self._log.next_index

    def _waiting(self, shelf: Shelf) -> int:
        return self._end(shelf) - shelf.first - shelf.gone_count

    def _recount(self) -> None:
        self._count = sum(map(self._waiting, self._shelves))
        self.oldest_ms = next((shelf.low_ms for shelf in self._shelves if self._waiting(shelf)), 0)

    def _batches(self, shelf: Shelf) -> list[Waiting]:
        """Return what waits on a shelf, the oldest first; what is not there, or does not read back, waits no more."""
        found: list[Waiting] = []
        faults, holes, expected = 0, 0, shelf.first
        for index, record in self._log.read(shelf.first):
            holes, expected = holes + index - expected, index + 1
            if index in shelf.gone:
                continue
            try:
                found.append(Waiting(index, Packed.from_record(record)))
            except ValueError:
                faults += 1
        self._newest_ms = max([self._newest_ms, *(one.packed.at_ms for one in found)])
        places = self._new_damages()
        if places and expected == shelf.first and shelf.end and shelf.level == 0:
            # Nothing of it was read.
            faults = self._waiting(shelf)
        elif places and shelf.level == 0:
            # Of a segment that was thinned nobody knows how many batches the damage hit.
            faults += max(places, holes)
        elif places:
            faults += places
        if faults:
            self.counters.add("damaged", faults)
            self.losses.add(Reason.DAMAGED, faults, self._span(shelf))
        if self._waiting(shelf) > len(found):
            self._keep_only(shelf, found)
        return found

    def _new_damages(self) -> int:
        places = {(damage.segment, damage.offset) for damage in self._log.damages} - self._damages
        for path, offset in places:
            log.warning("spool_damaged segment=%s offset=%d", path, offset)
        self._damages |= places
        self._log.damages.clear()
        return len(places)

    def _keep_only(self, shelf: Shelf, kept: Iterable[Waiting]) -> None:
        next_index = shelf.first
        for one in kept:
            if one.index > next_index:
                shelf.mark(next_index, one.index - 1)
            next_index = one.index + 1
        if next_index < self._end(shelf):
            shelf.mark(next_index, self._end(shelf) - 1)
        self._recount()

    def _span(self, shelf: Shelf) -> tuple[int, int]:
        """Return the first and last moment of a shelf, as near as it and the next one tell."""
        place = bisect_right(self._shelves, shelf.first, key=_first)
        later = self._shelves[place].low_ms if place < len(self._shelves) else 0
        return shelf.low_ms, max(shelf.low_ms, later or self._newest_ms)

    def _tidy(self) -> None:
        """Do what the disk did not allow before."""
        self.losses.save()
        if self._has_leftovers:
            self._has_leftovers = False
            for shelf in [one for one in self._shelves if one.gone_count and not self._waiting(one)]:
                self._clear(shelf)

    def _clear(self, shelf: Shelf) -> None:
        """Remove a shelf on which nothing waits, now or later."""
        try:
            self._remove(shelf)
        except StorageError as error:
            self._has_leftovers = True
            log.debug("segment_not_removed reason=%s", error.message)

    def _remove(self, shelf: Shelf) -> None:
        self._log.remove(shelf.first)
        self._shelves.remove(shelf)
        self._follow_log()
        self._recount()

    def _follow_log(self) -> None:
        first = self._log.segment_starts[-1]
        if not self._shelves or self._shelves[-1].first < first:
            if self._shelves:
                self._shelves[-1].end = min(first, self._shelves[-1].end or first)
            self._shelves.append(Shelf(first))

    def _write_note(self) -> None:
        if self._unnoted:
            write_atomic(self._note, save_note(self._shelves), durable=False)
            self._unnoted = 0

    def _drop_old(self, now_ms: int) -> None:
        if not now_ms:
            return
        self._age_now_ms = min(now_ms, (self._age_now_ms or now_ms) + _AGE_STEP_MS)
        oldest_ms = self._age_now_ms - self._age_limit_ms
        while self._count and 0 < self._span(self._shelves[0])[1] < oldest_ms:
            self._drop(self._shelves[0], Reason.AGE, keeps_events=False)

    def _make_room(self, size: int) -> None:
        while self._count and self._log.size_bytes + size > self.limit_bytes:
            if len(self._shelves) == 1:
                # The open segment is ended when it alone fills the spool.
                self._log.seal()
                self._follow_log()
            ended = self._shelves[:-1]
            shelf = _least_missed(ended)
            try:
                if shelf is None:
                    self._drop(ended[0], Reason.FULL, keeps_events=ended[0].level < EVENTS_LEVEL)
                else:
                    self._thin(shelf, shelf.level + 1)
            except DiskFullError:
                # What is to take less room needs some first.
                self._drop(ended[0], Reason.FULL, keeps_events=False)

    def _thin(self, shelf: Shelf, level: int) -> None:
        made = thin(self._batches(shelf), level)
        if made.kept:
            self._log.rewrite(shelf.first, ((one.index, one.packed.to_record()) for one in made.kept))
        shelf.level = level
        self._keep_only(shelf, made.kept)
        if level < EVENTS_LEVEL:
            self.counters.add("thinned", made.left_out)
        if not made.kept:
            self._remove(shelf)
        self._unnoted += 1

    def _drop(self, shelf: Shelf, reason: Reason, *, keeps_events: bool) -> None:
        if shelf is self._shelves[-1]:
            self._log.seal()
            self._follow_log()
        spans = self._spans(shelf, self._batches(shelf))
        batches = sum(one.batches for one in spans)
        self.losses.note(reason, spans, Doomed(shelf.first, keeps_events))
        self.counters.add("dropped", batches)
        log.warning("spool_dropped batches=%d reason=%s limit_bytes=%d", batches, reason.value, self.limit_bytes)
        self._let_go(shelf, keeps_events=keeps_events)

    def _spans(self, shelf: Shelf, waiting: list[Waiting]) -> list[Span]:
        """Return how many batches go with a shelf: a span for each time without a hole, for in one the machine was off."""
        runs: list[list[Waiting]] = []
        for one in waiting:
            if not runs or abs(one.packed.at_ms - runs[-1][-1].packed.at_ms) > TOUCH_MS:
                runs.append([])
            runs[-1].append(one)
        later_ms = self._span(shelf)[1]
        spans = []
        for run in runs:
            moments = [one.packed.at_ms for one in run]
            begin_ms, end_ms = min(moments), max(moments)
            until_ms = max(end_ms, later_ms) if run is runs[-1] and later_ms - end_ms <= TOUCH_MS else end_ms
            # Those that stand for others were counted with them.
            batches = len(run) if shelf.level == EVENTS_LEVEL else thin(run, EVENTS_LEVEL).left_out
            spans.append(Span(batches, begin_ms, until_ms))
        return spans

    def _let_go(self, shelf: Shelf, *, keeps_events: bool) -> None:
        if keeps_events:
            # What is to take less room needs some first; where there is none the events go too.
            with contextlib.suppress(DiskFullError):
                self._thin(shelf, EVENTS_LEVEL)
                return
        self._remove(shelf)

    def _finish_drop(self) -> None:
        """Let go what was to go when the last run ended: the loss is noted already."""
        doomed = self.losses.doomed
        for shelf in [one for one in self._shelves[:-1] if one.first == doomed.first]:
            if not doomed.keeps_events or shelf.level < EVENTS_LEVEL:
                self._let_go(shelf, keeps_events=doomed.keeps_events)


def _least_missed(shelves: list[Shelf]) -> Shelf | None:
    """Return the one to thin next: moments may lie the further apart the older they are; None when all are thin enough."""
    ages = {shelf.first: len(shelves) - place for place, shelf in enumerate(shelves)}
    able = [shelf for shelf in shelves if shelf.level < LEVEL_LIMIT and ages[shelf.first] >= 2 ** (shelf.level + 1)]
    return max(able, key=lambda shelf: ages[shelf.first] / 2**shelf.level, default=None)


def _first(shelf: Shelf) -> int:
    return shelf.first


def set_aside(directory: Path, name: str, packed: Packed) -> None:
    """Keep a batch that the server will never take, for a person to look at; only the newest few stay.

    Raises StorageError.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomic(directory / f"{name}.batch", packed.to_record(), durable=False)
        kept = sorted(directory.glob("*.batch"), key=lambda path: path.stat().st_mtime_ns)
        for path in kept[:-_SET_ASIDE_FILES]:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise StorageError(f"cannot set batch aside in {directory}: {error.strerror}") from error
