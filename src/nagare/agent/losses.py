"""What the spool had to give up, kept on disk until the server was told: an event each, once, also over restarts.

A loss is noted before its batches go, with the segment that is about to go, so that a crash between the two neither
forgets nor repeats it. While the server is away losses of one reason that touch are joined, and others only when they
become too many: a time between them in which the machine was off must not be told as dropped.
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from itertools import pairwise
from pathlib import Path

from nagare.agent.batches import Packed, TableSet, pack_batch
from nagare.errors import NagareError
from nagare.lib.atomic_file import write_atomic
from nagare.model.event import Severity
from nagare.wire.codec import decode, encode

log = logging.getLogger(__name__)

KIND = "agent.batches_dropped"
# What lies no further apart is one time: thinned moments lie sixteen intervals apart.
TOUCH_MS = 600_000
# Losses of one reason that wait to be told; of more the nearest are joined.
_LOSSES_LIMIT = 16


class Reason(StrEnum):
    """Why batches never reached the server."""

    FULL = "full"
    AGE = "age"
    DAMAGED = "damaged"


_CAUSES = {
    Reason.FULL: "no room was left for them on disk",
    Reason.AGE: "they had waited too long",
    Reason.DAMAGED: "they did not read back from the disk",
}


@dataclass(frozen=True, slots=True)
class Loss:
    """Batches that are gone, from the first to the last moment (zero when not known); ``is_told`` ones grow no more."""

    id: str
    reason: Reason
    from_ms: int
    until_ms: int
    batches: int
    is_told: bool = False


@dataclass(frozen=True, slots=True)
class Span:
    """Some batches, from the first to the last moment; zero when not known."""

    batches: int
    from_ms: int
    until_ms: int


@dataclass(frozen=True, slots=True)
class Doomed:
    """The segment that is to go: whole, or all of it but its events."""

    first: int = 0
    keeps_events: bool = False


@dataclass(frozen=True, slots=True)
class _Book:
    losses: list[Loss] = field(default_factory=list)
    doomed: Doomed = Doomed()


class Losses:
    """The losses that the server has not been told of. Blocking; owned by the spool's thread."""

    def __init__(self, path: Path) -> None:
        """Keep the path; ``open`` reads it."""
        self._path = path
        self._book = _Book()
        # Whether the disk has all of it.
        self._is_saved = True

    @property
    def is_empty(self) -> bool:
        """Whether the server knows of everything."""
        return not self._book.losses

    @property
    def doomed(self) -> Doomed:
        """The segment that was to go when this was written last; it may be gone."""
        return self._book.doomed

    def open(self) -> None:
        """Read what an earlier run left; a file that does not read back is as none."""
        try:
            book = decode(self._path.read_bytes(), _Book)
        except FileNotFoundError:
            book = _Book()
        except (OSError, NagareError) as error:
            log.warning("losses_not_read reason=%s", error)
            book = _Book()
        # They may have been told when the disk could not take that any more, and what was told must not grow.
        self._book = _all_told(book)

    def add(self, reason: Reason, batches: int, span: tuple[int, int]) -> None:
        """Note that ``batches`` of that time are gone; durably where the disk takes it."""
        self.note(reason, [Span(batches, *span)])

    def note(self, reason: Reason, spans: Iterable[Span], doomed: Doomed | None = None) -> None:
        """Note that those batches are gone, or with ``doomed`` will be; durably where the disk takes it."""
        new = [Loss(str(uuid.uuid4()), reason, one.from_ms, one.until_ms, one.batches) for one in spans if one.batches]
        others = [loss for loss in self._book.losses if loss.reason is not reason or loss.is_told]
        able = [loss for loss in self._book.losses if loss.reason is reason and not loss.is_told]
        self._save(_Book([*others, *_joined([*able, *new])], doomed or self._book.doomed))

    def save(self) -> None:
        """Try again what the disk did not take, if there is something."""
        self._save(self._book)

    def report(self, host: str, now_ms: int) -> Packed | None:
        """Return a batch that tells all of them, the same again until ``forget_told``; None when there are none."""
        if not any(loss.is_told for loss in self._book.losses):
            self._save(_all_told(self._book))
        told = [loss for loss in self._book.losses if loss.is_told]
        if not told:
            return None
        tables = TableSet()
        tables.add_rows("events", [_row(loss, now_ms) for loss in told], now_ms)
        # A name of its own: the server takes it once, whichever start of the agent sends it.
        name = uuid.uuid5(uuid.NAMESPACE_OID, " ".join(loss.id for loss in told))
        return pack_batch(host, str(name), 1, tables.take(), now_ms)

    def forget_told(self) -> None:
        """Forget those of the last report, which has arrived."""
        self._save(_Book([loss for loss in self._book.losses if not loss.is_told], self._book.doomed))

    def _save(self, book: _Book) -> None:
        if book == self._book and self._is_saved:
            return
        self._book = book
        try:
            write_atomic(self._path, encode(book))
        except OSError:
            # A disk that is full must not keep the spool from making room on it; the next call tries again.
            self._is_saved = False
        else:
            self._is_saved = True


def _all_told(book: _Book) -> _Book:
    return _Book([replace(loss, is_told=True) for loss in book.losses], book.doomed)


def _joined(losses: Sequence[Loss]) -> list[Loss]:
    """Return ``losses`` of one reason by time, those joined that touch, and the nearest ones while they are too many."""
    found = sorted(losses, key=_begin)
    while len(found) > 1:
        apart, place = min((_begin(later) - one.until_ms, place) for place, (one, later) in enumerate(pairwise(found)))
        if apart > TOUCH_MS and len(found) <= _LOSSES_LIMIT:
            break
        found[place : place + 2] = [_join(*found[place : place + 2])]
    return found


def _begin(loss: Loss) -> int:
    return loss.from_ms or loss.until_ms


def _join(one: Loss, later: Loss) -> Loss:
    return replace(
        one,
        from_ms=_begin(one) or _begin(later),
        until_ms=max(one.until_ms, later.until_ms),
        batches=one.batches + later.batches,
    )


def _row(loss: Loss, now_ms: int) -> dict[str, int | str | dict[str, str]]:
    return {
        "ts": now_ms,
        "id": loss.id,
        "kind": KIND,
        "severity": int(Severity.WARNING),
        "source": "agent",
        "text": f"{loss.batches} batches never reached the server: {_CAUSES[loss.reason]}",
        "attributes": {
            "reason": loss.reason.value,
            "batches": str(loss.batches),
            "from_ms": str(loss.from_ms),
            "until_ms": str(loss.until_ms),
        },
    }
