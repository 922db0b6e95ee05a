"""The agent's connection to the server: two lanes over one line, the live one first, and nothing is lost.

While the server answers, a batch goes straight from memory. When it does not, every batch is on disk before this
module forgets it, and later follows newest first, at a bounded pace, so that a fleet that comes back leaves the server
room for what is live. A server that says when to come again is left alone by both lanes until then. What it will never
take is set aside and counted, so that it cannot block what follows.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from nagare.agent.batches import Packed, Waiting
from nagare.agent.events import EventBox
from nagare.agent.held import Held
from nagare.agent.link import Link
from nagare.agent.losses import Reason
from nagare.agent.pace import Pace
from nagare.agent.spool import Spool, set_aside
from nagare.config.settings import AgentSettings
from nagare.errors import (
    ConfigError,
    ConflictError,
    HostPendingError,
    InputError,
    LimitExceededError,
    NagareError,
    PermissionDeniedError,
    RateLimitedError,
    StorageError,
    UnauthenticatedError,
)
from nagare.lib.alarm import Alarm
from nagare.lib.backoff import Backoff
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters
from nagare.lib.plain_text import plain
from nagare.model.event import Severity
from nagare.wire.batch import BatchReply

log = logging.getLogger(__name__)

T = TypeVar("T")
# What only a person can mend is tried again this seldom.
_PATIENT_SECONDS = 30.0
# A host that waits to be accepted asks this often where the server does not say.
_WAITING_SECONDS = 1.5
_NEEDS_A_PERSON = (ConfigError, ConflictError, PermissionDeniedError, UnauthenticatedError)
_REASONS_LIMIT = 16
# Between tries while the disk does not do what is asked of it.
_DISK_SECONDS = 1.0
_REFUSAL_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Totals:
    """The uplink in numbers: what waits now, and counts since the start; ``dropped`` includes what was set aside."""

    # None before the first try has ended.
    is_up: bool | None
    spool_bytes: int
    spool_batches: int
    spool_limit_bytes: int
    # Null while it is not known; zero when nothing waits.
    spool_oldest_seconds: float | None
    sent: int
    resent: int
    thinned: int
    dropped: int
    damaged: int
    failures: int


@dataclass(slots=True)
class Last:
    """What came of the last tries: when a batch was taken, and what went wrong when, Unix milliseconds."""

    sent_ms: int | None = None
    error: str = ""
    error_ms: int | None = None


class Uplink:
    """Takes batches and delivers them. ``run`` works until cancelled; ``close`` leaves nothing only in memory."""

    def __init__(
        self, link: Link, spool: Spool, aside: Path, box: EventBox, settings: AgentSettings, clock: Clock
    ) -> None:
        """Keep the parts; ``open`` touches the disk."""
        self._link = link
        self._spool = spool
        # Where batches go that the server will never take.
        self._aside = aside
        self._box = box
        self._clock = clock
        # That of the backlog.
        self._pace = Pace(settings, clock)
        # Rung by a batch that must not wait for the pace of the backlog.
        self._pause = Alarm(clock)
        self._backoff = Backoff(base_seconds=0.5, cap_seconds=settings.retry_limit_seconds)
        # The spool is owned by this one thread.
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="spool")
        # On its way from memory; None when the next batch may take that way.
        self._live: Packed | None = None
        # What the disk did not take.
        self._held = Held()
        # The newest on disk, the newest first; read anew when a newer one has come.
        self._backlog: list[Waiting] = []
        # Whether the newest on disk has come since one was taken from there: it may go at once.
        self._is_fresh = False
        # Neither before the first attempt.
        self._is_up = False
        self._is_down = False
        # Reasons told in this outage, and reasons of refusals told as events; both bounded.
        self._reasons: set[str] = set()
        self._told: set[str] = set()
        self._next_refusal_told_at = 0.0
        self._work = asyncio.Event()
        self._settled = asyncio.Event()
        # Set by the first acknowledged batch.
        self.delivered = asyncio.Event()
        # The batch of the last attempt, when that had no answer: the next attempt may repeat what has arrived.
        self._unanswered: Packed | None = None
        self.last = Last()
        # Counts: sent, resent, failures, disk_faults, dropped, set_aside, refused_rows.
        self.counters = Counters()

    @property
    def host(self) -> str:
        """The name that batches carry."""
        return self._link.host

    @property
    def server(self) -> str:
        """The URL of the server that was found last, empty before one was."""
        return self._link.server

    async def beside_spool(self, work: Callable[..., T], *arguments: Any) -> T:
        """Return ``work`` of the thread that owns the spool, done after what that does now."""
        return await self._on_disk(work, *arguments)

    def totals(self) -> Totals:
        """Return the uplink in numbers."""
        spool, counts = self._spool, self.counters
        dropped = counts.get("dropped") + spool.counters.get("dropped") + counts.get("set_aside")
        return Totals(
            is_up=self._is_up if self._is_up or self._is_down else None,
            spool_bytes=spool.size_bytes,
            spool_batches=spool.count + len(self._held),
            spool_limit_bytes=spool.limit_bytes,
            spool_oldest_seconds=self._oldest_seconds(),
            sent=int(counts.get("sent")),
            resent=int(counts.get("resent")),
            thinned=int(spool.counters.get("thinned")),
            dropped=int(dropped),
            damaged=int(spool.counters.get("damaged")),
            failures=int(counts.get("failures")),
        )

    def _oldest_seconds(self) -> float | None:
        oldest_ms, waits = self._spool.oldest_ms, self._spool.count
        if not waits:
            return 0.0
        return max(0.0, (self._clock.now_ms() - oldest_ms) / 1000) if oldest_ms else None

    async def open(self) -> None:
        """Find what an earlier run left. Raises StorageError."""
        await self._on_disk(self._spool.open)

    async def offer(self, packed: Packed) -> None:
        """Take a batch: to memory while the server answers, else to disk before this returns."""
        if self._is_up and self._live is None:
            self._live = packed
        else:
            await self._keep(packed)
        # Not before the batch has its place: in between ``run`` could find nothing to do and call that settled.
        self._settled.clear()
        self._work.set()
        self._pause.ring()
        # While the server is away ``run`` sleeps, and what is on disk has nothing to wait for.
        self._note_settled()

    async def settle(self) -> None:
        """Wait until everything offered is delivered or on disk, as far as the link allows; the backlog may remain."""
        await self._settled.wait()

    async def close(self) -> None:
        """Put what is still in memory on disk and let go of everything; ``run`` must have ended."""
        if self._live is not None:
            await self._keep(self._live)
            self._live = None
        await self._move_to_disk()
        while self._held:
            await self._drop(self._held.oldest)
        await self._link.close()
        await self._on_disk(self._spool.close)
        self._disk.shutdown()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            try:
                delay = await self._deliver_next()
            except StorageError as error:
                # It says nothing about the server, which goes on having the newest batch.
                self._tell_disk_fault("spool_failed", error)
                delay = _DISK_SECONDS
            self._note_settled()
            if delay is not None:
                await self._clock.sleep(delay)

    async def _deliver_next(self) -> float | None:
        """Deliver what is next, or wait for something; return the delay to keep after a failure."""
        if self._live is not None:
            delay = await self._send(self._live)
            if delay is not None:
                await self._keep(self._live)
            self._live = None
            return delay
        if self._held:
            return await self._send_held()
        if self._is_up and not self._spool.losses.is_empty:
            return await self._report_losses()
        if self._spool.count:
            return await self._send_backlog()
        self._work.clear()
        self._note_settled()
        await self._work.wait()
        return None

    async def _send_held(self) -> float | None:
        """Send the newest batch that the disk did not take; when that fails, the disk may take them by now."""
        newest = self._held.newest
        delay = await self._send(newest)
        if delay is None:
            self._held.remove(newest)
        else:
            await self._move_to_disk()
        return delay

    async def _move_to_disk(self) -> None:
        while self._held:
            oldest = self._held.oldest
            if not await self._store(oldest):
                return
            self._held.remove(oldest)

    async def _report_losses(self) -> float | None:
        losses = self._spool.losses
        report = await self._on_disk(losses.report, self._link.host, self._clock.now_ms())
        delay = None if report is None else await self._send(report)
        if delay is None:
            await self._on_disk(losses.forget_told)
        return delay

    async def _send_backlog(self) -> float | None:
        """Send the newest batch on disk, unless the pace says that it is too early; then wait for that or a live one."""
        if self._is_up and not self._is_fresh and (seconds := self._pace.wait_seconds()):
            self._pause = Alarm(self._clock)
            await self._pause.wait(seconds)
            return None
        if not self._backlog:
            self._backlog = await self._on_disk(self._spool.read)
            if not self._backlog:
                return None
        backlog = self._backlog
        delay = await self._send(backlog[0].packed)
        if delay is None:
            # Unless a newer one came meanwhile, which may go at once too.
            self._is_fresh = self._is_fresh and self._backlog is not backlog
            self._pace.spend(len(backlog[0].packed.body))
            sent = backlog.pop(0)
            await self._on_disk(self._spool.acknowledge, sent.index, sent.packed.level)
        return delay

    async def _send(self, packed: Packed) -> float | None:
        """Try once. None: the batch is done with, stored or set aside; else the delay before the next try."""
        if self._unanswered is packed:
            self.counters.add("resent")
        self._unanswered = packed
        try:
            reply = await self._link.send(packed)
        except RateLimitedError as error:
            return self._fail(error)
        except (InputError, LimitExceededError) as error:
            await self._set_aside(packed, error)
        except NagareError as error:
            return self._fail(error)
        else:
            self._succeed(reply)
        return None

    def _succeed(self, reply: BatchReply) -> None:
        self.counters.add("sent")
        self.last.sent_ms = self._clock.now_ms()
        self.delivered.set()
        self._backoff.reset()
        if not self._is_up:
            log.info("uplink_up host=%s waiting_batches=%d", self._link.host, self._spool.count)
        self._is_up, self._is_down = True, False
        self._reasons.clear()
        if reply.refused:
            self._note_refused(reply)

    def _note_refused(self, reply: BatchReply) -> None:
        """Count rows that the server did not store; a wrong clock refuses every batch, so that is told once a minute."""
        self.counters.add("refused_rows", sum(len(refusal.rows) for refusal in reply.refused))
        now = self._clock.monotonic()
        if now < self._next_refusal_told_at:
            return
        self._next_refusal_told_at = now + _REFUSAL_SECONDS
        first = reply.refused[0]
        log.warning(
            "rows_refused rows_total=%d table=%s reason=%s",
            self.counters.get("refused_rows"),
            plain(first.table, 64),
            plain(first.reason, 200),
        )

    def _fail(self, error: NagareError) -> float:
        """Count the failure, tell a reason once in an outage, and return the delay before the next try."""
        self.counters.add("failures")
        self._note_error(error)
        self._is_up, self._is_down = False, True
        is_repeat = error.message in self._reasons
        if not is_repeat and len(self._reasons) < _REASONS_LIMIT:
            self._reasons.add(error.message)
            hint = f" ({error.hint})" if error.hint else ""
            what = "host_waits" if isinstance(error, HostPendingError) else "uplink_down"
            log.warning("%s reason=%s", what, plain(error.message + hint, 500))
        if isinstance(error, HostPendingError):
            # The server says how often it likes to be asked; a longer and longer delay would keep who accepts it waiting.
            self._backoff.reset()
            return self._backoff.next_seconds(error.retry_after_seconds or _WAITING_SECONDS)
        delay = self._backoff.next_seconds(getattr(error, "retry_after_seconds", None))
        return max(delay, _PATIENT_SECONDS) if is_repeat and isinstance(error, _NEEDS_A_PERSON) else delay

    async def _set_aside(self, packed: Packed, error: NagareError) -> None:
        self.counters.add("set_aside")
        self._note_error(error)
        log.error("batch_set_aside reason=%s directory=%s", plain(error.message, 300), self._aside)
        self._is_up, self._is_down = True, False
        if error.message not in self._told and len(self._told) < _REASONS_LIMIT:
            # Told once a reason: the event rides in the next batch, and must not make an endless chain of them.
            self._told.add(error.message)
            text = f"the server refused a batch for good: {plain(error.message, 300)}"
            self._box.tell("agent.batch_refused", text, self._clock.now_ms(), severity=Severity.WARNING)
        name = f"{self._clock.now_ms()}-{int(self.counters.get('set_aside'))}"
        # It is of use to nobody but a curious person: a disk that cannot take it must not hold up what follows.
        with contextlib.suppress(StorageError):
            await self._on_disk(set_aside, self._aside, name, packed)

    async def _keep(self, packed: Packed) -> None:
        """Put a batch on disk, or, where the disk does not take it, among those in memory."""
        if not await self._store(packed) and (crowded_out := self._held.put(packed)) is not None:
            await self._drop(crowded_out)

    async def _store(self, packed: Packed) -> bool:
        try:
            await self._on_disk(self._spool.append, packed)
        except (StorageError, LimitExceededError) as error:
            self._tell_disk_fault("batch_not_stored", error)
            is_stored = False
        else:
            self._is_fresh = True
            is_stored = True
        # A list of its own for whoever is sending from the one before, of which room may have been made meanwhile.
        self._backlog = []
        return is_stored

    async def _drop(self, packed: Packed) -> None:
        """Count a batch for which there was no room anywhere, and note it for the server."""
        self.counters.add("dropped")
        self._held.remove(packed)
        await self._on_disk(self._spool.losses.add, Reason.FULL, 1, (packed.at_ms, packed.at_ms))

    def _tell_disk_fault(self, what: str, error: NagareError) -> None:
        self.counters.add("disk_faults")
        self._note_error(error)
        if error.message not in self._reasons and len(self._reasons) < _REASONS_LIMIT:
            self._reasons.add(error.message)
            log.error("%s reason=%s", what, plain(error.message, 300))

    def _note_error(self, error: NagareError) -> None:
        self.last.error, self.last.error_ms = plain(error.message, 500), self._clock.now_ms()

    def _note_settled(self) -> None:
        in_memory = self._live is not None or (self._held and not self._is_down)
        if not in_memory and (not self._is_fresh or not self._spool.count or self._is_down):
            self._settled.set()

    async def _on_disk(self, function: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._disk, function, *arguments)
