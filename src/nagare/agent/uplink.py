"""The agent's connection to the server: the newest batch goes first, the backlog follows oldest first, nothing is lost.

While the server answers, a batch goes straight from memory. When it does not, every batch is on disk before this
module forgets it. What the server will never take is set aside and counted, so that it cannot block what follows.
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

from nagare.agent.batches import Packed
from nagare.agent.events import EventBox
from nagare.agent.link import Link
from nagare.agent.spool import Spool, Waiting, set_aside
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
from nagare.lib.backoff import Backoff
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters
from nagare.lib.plain_text import plain
from nagare.model.event import Severity
from nagare.wire.batch import BatchReply

log = logging.getLogger(__name__)

T = TypeVar("T")
# A server that returned is found within this; a fleet returns spread over it.
_RETRY_CAP_SECONDS = 10.0
# What only a person can mend is tried again this seldom.
_PATIENT_SECONDS = 30.0
# A host that waits to be accepted asks this often where the server does not say.
_WAITING_SECONDS = 1.5
_NEEDS_A_PERSON = (ConfigError, ConflictError, PermissionDeniedError, UnauthenticatedError)
_REASONS_LIMIT = 16
_REFUSAL_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Totals:
    """The uplink in numbers: what waits now, and counts since the start; ``dropped`` includes what was set aside."""

    is_up: bool
    spool_bytes: int
    spool_batches: int
    sent: int
    dropped: int
    failures: int


class Uplink:
    """Takes batches and delivers them. ``run`` works until cancelled; ``close`` leaves nothing only in memory."""

    def __init__(self, link: Link, spool: Spool, aside: Path, box: EventBox, clock: Clock) -> None:
        """Keep the parts; ``open`` touches the disk."""
        self._link = link
        self._spool = spool
        # Where batches go that the server will never take.
        self._aside = aside
        self._box = box
        self._clock = clock
        self._backoff = Backoff(base_seconds=0.5, cap_seconds=_RETRY_CAP_SECONDS)
        # The spool is owned by this one thread.
        self._disk = ThreadPoolExecutor(1, thread_name_prefix="spool")
        # On its way from memory; None when the next batch may take that way.
        self._live: Packed | None = None
        # The newest batch on disk, to be sent ahead of the backlog.
        self._newest: Waiting | None = None
        self._sent_ahead: set[int] = set()
        self._backlog: list[Waiting] = []
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
        # Counts: sent, failures, dropped, set_aside, refused_rows.
        self.counters = Counters()

    @property
    def host(self) -> str:
        """The name that batches carry."""
        return self._link.host

    def totals(self) -> Totals:
        """Return the uplink in numbers."""
        dropped = self.counters.get("dropped") + self._spool.counters.get("dropped")
        return Totals(
            is_up=self._is_up,
            spool_bytes=self._spool.size_bytes,
            spool_batches=self._spool.count,
            sent=int(self.counters.get("sent")),
            dropped=int(dropped + self.counters.get("set_aside")),
            failures=int(self.counters.get("failures")),
        )

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
        await self._link.close()
        await self._on_disk(self._spool.close)
        self._disk.shutdown()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            try:
                delay = await self._deliver_next()
            except StorageError as error:
                delay = self._fail(error)
            self._note_settled()
            if delay is not None:
                await self._clock.sleep(delay)

    async def _deliver_next(self) -> float | None:
        """Deliver what is next, or wait for something; return the delay to keep after a failure."""
        if self._live is not None:
            delay = await self._send(self._live)
            if delay is not None:
                newer = self._newest
                await self._keep(self._live)
                self._newest = newer or self._newest
            self._live = None
            return delay
        if self._newest is not None:
            newest = self._newest
            delay = await self._send(newest.packed)
            if delay is None:
                self._sent_ahead.add(newest.index)
                # A newer one may have come meanwhile; then that one is the next to go ahead.
                self._newest = None if self._newest is newest else self._newest
            return delay
        if self._backlog or self._spool.count:
            return await self._send_oldest()
        self._work.clear()
        self._note_settled()
        await self._work.wait()
        return None

    async def _send_oldest(self) -> float | None:
        if not self._backlog:
            self._backlog = await self._on_disk(self._spool.read)
            if not self._backlog:
                return None
        waiting = self._backlog[0]
        if waiting.index not in self._sent_ahead:
            delay = await self._send(waiting.packed)
            if delay is not None:
                return delay
        await self._on_disk(self._spool.acknowledge, waiting.index)
        self._sent_ahead.discard(waiting.index)
        del self._backlog[0]
        return None

    async def _send(self, packed: Packed) -> float | None:
        """Try once. None: the batch is done with, stored or set aside; else the delay before the next try."""
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
        """Put a batch on disk; when even that fails it is dropped and counted, for the agent must go on."""
        try:
            index = await self._on_disk(self._spool.append, packed)
        except (StorageError, LimitExceededError) as error:
            self.counters.add("dropped")
            if error.message not in self._reasons and len(self._reasons) < _REASONS_LIMIT:
                self._reasons.add(error.message)
                log.error("batch_dropped reason=%s", plain(error.message, 300))  # noqa: TRY400  the message says it all
            return
        self._newest = Waiting(index, packed)

    def _note_settled(self) -> None:
        if self._live is None and (self._newest is None or self._is_down):
            self._settled.set()

    async def _on_disk(self, function: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._disk, function, *arguments)
