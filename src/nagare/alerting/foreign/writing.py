"""What people do to alerts here is written to the system that told of them: at least once, in order, for a day at the most.

A row is made with its turn, so no crash loses one. That it is tried is kept before it is; after a try of which nobody knows how it ended the
other side is asked first whether it has our mark. The server that judges writes; where none can be reached, rows wait.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from nagare.alerting.alerts.lifecycle import Step
from nagare.alerting.foreign.store import DEAD, DONE, WriteBack, WriteStore
from nagare.alerting.foreign.zabbix import ZabbixApi, zabbix_api
from nagare.errors import ConnectFailedError, InputError, NagareError
from nagare.lib.backoff import Backoff
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters
from nagare.lib.plain_text import plain
from nagare.lib.teller import Teller
from nagare.model.alert.foreign import Told
from nagare.model.alert.monitor import Monitor
from nagare.model.event import Event, Severity

log = logging.getLogger(__name__)
DEAD_MS = 86_400_000
_LOOK_SECONDS = 5.0
_AT_A_TIME = 200
# So many monitors are written to at one time.
_PLACES = 16
_FIRST_SECONDS, _MOST_SECONDS = 1.0, 300.0
_FAULT_LIMIT = 500


class Monitored(Protocol):
    """Who knows the monitors that hold."""

    @property
    def monitors(self) -> Mapping[str, Monitor]:
        """The monitors by the source of their alerts."""
        ...


@dataclass(slots=True)
class _Rest:
    """A monitor that did not answer is left alone for a while."""

    backoff: Backoff = field(default_factory=lambda: Backoff(_FIRST_SECONDS, _MOST_SECONDS))
    until: float = 0.0


class Writing:
    """Marks what is to be written; ``run`` writes it until cancelled."""

    def __init__(
        self,
        store: WriteStore,
        book: Monitored,
        teller: Teller[Event],
        clock: Clock,
        counters: Counters,
        leads: Callable[[], bool],
    ) -> None:
        """Keep the parts; ``leads`` tells whether this server is the one that writes."""
        self.store = store
        self._book = book
        self._teller = teller
        self._clock = clock
        self._counters = counters
        self._leads = leads
        self._rests: dict[str, _Rest] = {}
        # To whom something is being written now, and for whom more came meanwhile.
        self._busy = set[str]()
        self._passed_over = set[str]()
        self._places = asyncio.Semaphore(_PLACES)
        self._woken = asyncio.Event()

    def marked(self, step: Step | None, verb: str) -> Step | None:
        """Return ``step``, by which somebody did ``verb``, with what is to be written back of it."""
        if step is None or not step.turns:
            return step
        monitor = self._book.monitors.get(step.alert.source)
        return replace(step, back=verb) if monitor is not None and monitor.writes_back else step

    async def foreign(self, told: Sequence[Told]) -> Sequence[Told]:
        """Return what others said: of ``told`` without what we wrote to that event ourselves. Raises StorageError.

        Our own word comes back late: other things may have been done here since, and none of them is undone by it. That of another
        installation has a mark, too, and is news.
        """
        return [one for one in told if not (one.mark and await self.store.has(one.source, one.fingerprint, one.mark))]

    def wake(self) -> None:
        """Write what was just made without waiting for the next look."""
        self._woken.set()

    async def run(self) -> None:
        """Write what waits, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            while True:
                self._woken.clear()
                if self._leads():
                    try:
                        await self._begin(tasks)
                    except NagareError as error:
                        log.warning("write_backs_not_looked_at: %s", error.message)
                async with asyncio.TaskGroup() as waits:
                    timer = waits.create_task(self._wake_after(_LOOK_SECONDS))
                    await self._woken.wait()
                    timer.cancel()

    async def flush(self) -> None:
        """Write what waits and is due, once. Raises StorageError."""
        async with asyncio.TaskGroup() as tasks:
            await self._begin(tasks)

    async def _begin(self, tasks: asyncio.TaskGroup) -> None:
        """Begin one task for each monitor for which something waits: one that hangs holds back no other."""
        for found in await self.store.overdue(self._clock.now_ms() - DEAD_MS, _AT_A_TIME):
            await self._give_up(found, found.fault or "it could not be reached for a day")
        for source in await self.store.sources():
            monitor = self._book.monitors.get(source)
            if source in self._busy:
                self._passed_over.add(source)
            elif monitor is None or not monitor.writes_back:
                for found in await self.store.waiting(source, _AT_A_TIME):
                    await self._give_up(found, "nothing is written back to it any more")
            elif self._clock.monotonic() >= self._rests.setdefault(source, _Rest()).until:
                self._busy.add(source)
                tasks.create_task(self._write_all(monitor))

    async def _write_all(self, monitor: Monitor) -> None:
        source = monitor.source
        try:
            async with self._places:
                several = await self.store.waiting(source, _AT_A_TIME)
                if any(found.due_ms <= self._clock.now_ms() for found in several):
                    async with zabbix_api(monitor) as api:
                        await self._write_due(api, several)
        except NagareError as error:
            self._counters.add("write_backs_unreachable")
            rest = self._rests[source]
            rest.until = self._clock.monotonic() + rest.backoff.next_seconds()
            log.warning("write_backs_wait monitor=%s: %s", monitor.name, error.message)
        finally:
            self._busy.discard(source)
            if source in self._passed_over:
                # Something was done meanwhile.
                self._passed_over.discard(source)
                self.wake()

    async def _write_due(self, api: ZabbixApi, several: Sequence[WriteBack]) -> None:
        """Write what is due, of one event in the order in which it was done. Raises ConnectFailedError for one that went away."""
        held = set[str]()
        # By the numbers of their turns: a clock that is set back changes no order.
        for found in sorted(several, key=lambda one: one.number):
            if found.event in held:
                continue
            if found.due_ms > self._clock.now_ms() or not await self._write(api, found):
                held.add(found.event)

    async def _write(self, api: ZabbixApi, found: WriteBack) -> bool:
        """Write one; tell whether that is over. Raises ConnectFailedError: the others need not be tried."""
        tried = replace(found, tries=found.tries + 1)
        await self.store.keep(tried)
        try:
            await api.write(tried)
        except InputError as error:
            await self._give_up(tried, error.message)
        except NagareError as error:
            self._counters.add("write_backs_failed")
            seconds = min(_MOST_SECONDS, _FIRST_SECONDS * 2 ** min(tried.tries, 10))
            due_ms = self._clock.now_ms() + round(seconds * 1000)
            await self.store.keep(replace(tried, due_ms=due_ms, fault=plain(error.message, _FAULT_LIMIT)))
            if isinstance(error, ConnectFailedError):
                raise
            return False
        else:
            self._counters.add("write_backs_sent")
            await self.store.keep(replace(tried, state=DONE, fault=""))
        self._rests[found.source].backoff.reset()
        return True

    async def _give_up(self, found: WriteBack, fault: str) -> None:
        self._counters.add("write_backs_given_up")
        fault = plain(fault, _FAULT_LIMIT)
        log.warning("write_back_given_up id=%s: %s", found.id, fault)
        await self.store.keep(replace(found, state=DEAD, fault=fault))
        alert_id = found.id.partition(".")[0]
        self._teller.tell(
            Event(
                id=f"write-back.{found.id}",
                ts=self._clock.now_ms(),
                host="",
                kind="alert.not_written_back",
                severity=Severity.WARNING,
                source="alerting",
                text=plain(f"{found.source} was not told of {found.verb} by {found.actor}: {fault}", 1000),
                attributes={
                    "alert": alert_id,
                    "event": found.event,
                    "verb": found.verb,
                    "actor": plain(found.actor, 253),
                },
            )
        )

    async def _wake_after(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._woken.set()
