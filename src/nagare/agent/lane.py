"""Runs collectors off the event loop, one after another in one thread, and survives those that never return.

The loop gives a lane a group of collectors and awaits their outcomes. A collection that takes too long is reported,
its thread is left to itself and the rest of the group goes on in a new one; the stuck collector is not called again
before its old thread has returned, so that it is never run by two threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from queue import SimpleQueue

from nagare.collect.collector import AbsentError, Collector, Tables, Tick
from nagare.errors import NagareError
from nagare.lib.clock import Clock
from nagare.lib.plain_text import plain

log = logging.getLogger(__name__)

_ERROR_LIMIT = 300


class Verdict(StrEnum):
    """How one collection ended."""

    OK = "ok"
    ABSENT = "absent"
    FAILED = "failed"
    LATE = "late"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one collection of one collector brought."""

    name: str
    tick: Tick
    verdict: Verdict
    duration_seconds: float
    tables: Tables = field(default_factory=dict)
    error: str = ""
    # An exception that is no NagareError and no OSError: a fault of ours, worth a traceback.
    bug: Exception | None = None


class _Job:
    """One group of collectors at one tick, shared by the loop and one worker thread.

    ``_lock`` protects ``_current``, ``_started``, ``_is_abandoned``, ``_done`` and ``_waiting``.
    """

    def __init__(self, collectors: Iterable[Collector], tick: Tick, clock: Clock, finish: Callable[[], None]) -> None:
        self.tick = tick
        self.finish = finish
        self._clock = clock
        self._lock = threading.Lock()
        self._waiting = deque(collectors)
        self._done: list[Outcome] = []
        self._current: Collector | None = None
        self._started = clock.monotonic()
        self._is_abandoned = False

    def take_next(self) -> Collector | None:
        with self._lock:
            if self._is_abandoned or not self._waiting:
                return None
            self._current = self._waiting.popleft()
            self._started = self._clock.monotonic()
            return self._current

    def keep(self, outcome: Outcome) -> bool:
        """Store the outcome; False when the loop has given up on this collection meanwhile."""
        with self._lock:
            if self._is_abandoned:
                return False
            self._done.append(outcome)
            self._current = None
            return True

    def outcomes(self) -> list[Outcome]:
        with self._lock:
            return self._done

    def remaining_seconds(self, timeout_seconds: float) -> float:
        with self._lock:
            return self._started + timeout_seconds - self._clock.monotonic()

    def abandon_if_late(self, timeout_seconds: float) -> tuple[Collector, list[Collector]] | None:
        """Give up on the running collection if it is over its time; return it and those that still wait."""
        with self._lock:
            if self._current is None or self._clock.monotonic() - self._started < timeout_seconds:
                return None
            self._is_abandoned = True
            return self._current, list(self._waiting)

    def abandon(self) -> Collector | None:
        """Give up on the whole group; return what runs at this moment."""
        with self._lock:
            self._is_abandoned = True
            return self._current


class Lane:
    """One worker thread and what it runs. Used by one event loop; ``run`` is not re-entered."""

    def __init__(self, name: str, clock: Clock, *, timeout_seconds: float) -> None:
        """Prepare; the thread starts with the first group."""
        self._name = name
        self._clock = clock
        self._timeout_seconds = timeout_seconds
        self._inbox: SimpleQueue[_Job | None] | None = None
        # Names of collectors whose abandoned thread has not returned; touched by the loop only.
        self.stuck: set[str] = set()

    async def run(self, collectors: Iterable[Collector], tick: Tick) -> list[Outcome]:
        """Return the outcome of every collector that is not stuck, in order; never raises for what they do."""
        outcomes: list[Outcome] = []
        waiting = [collector for collector in collectors if collector.name not in self.stuck]
        while waiting:
            done, waiting = await self._run_until_late(waiting, tick)
            outcomes += done
        return outcomes

    def close(self) -> None:
        """Let the thread end after what it does now; it is not waited for."""
        if self._inbox is not None:
            self._inbox.put(None)
            self._inbox = None

    async def _run_until_late(self, collectors: list[Collector], tick: Tick) -> tuple[list[Outcome], list[Collector]]:
        loop = asyncio.get_running_loop()
        finished = asyncio.Event()
        job = _Job(collectors, tick, self._clock, partial(_post, loop, finished.set))
        self._open_inbox(loop).put(job)
        while True:
            try:
                async with asyncio.timeout(max(0.0, job.remaining_seconds(self._timeout_seconds))):
                    await finished.wait()
                return job.outcomes(), []
            except TimeoutError:
                late = job.abandon_if_late(self._timeout_seconds)
            except asyncio.CancelledError:
                self._mark_stuck(job.abandon())
                raise
            if late is not None:
                return self._leave(job, *late)

    def _leave(self, job: _Job, stuck: Collector, waiting: list[Collector]) -> tuple[list[Outcome], list[Collector]]:
        self._mark_stuck(stuck)
        error = f"no answer within {self._timeout_seconds:g} s"
        log.warning("collector_late name=%s after_seconds=%g", stuck.name, self._timeout_seconds)
        late = Outcome(stuck.name, job.tick, Verdict.LATE, self._timeout_seconds, error=error)
        return [*job.outcomes(), late], waiting

    def _mark_stuck(self, running: Collector | None) -> None:
        """Leave the thread to what it runs; the thread itself takes the mark away when it returns, and ends."""
        if running is not None:
            self.stuck.add(running.name)
            self._inbox = None

    def _open_inbox(self, loop: asyncio.AbstractEventLoop) -> SimpleQueue[_Job | None]:
        if self._inbox is None:
            self._inbox = SimpleQueue()
            # A daemon: a collector that hangs in the kernel must not keep the agent from ending.
            threading.Thread(
                target=self._work, args=(self._inbox, loop), name=f"collect {self._name}", daemon=True
            ).start()
        return self._inbox

    def _work(self, inbox: SimpleQueue[_Job | None], loop: asyncio.AbstractEventLoop) -> None:
        while (job := inbox.get()) is not None:
            while (collector := job.take_next()) is not None:
                if not job.keep(_collect(collector, job.tick, self._clock)):
                    _post(loop, partial(self.stuck.discard, collector.name))
                    return
            job.finish()


def _post(loop: asyncio.AbstractEventLoop, callback: Callable[[], object]) -> None:
    # The loop may have closed while the thread was busy; then nobody waits for the news.
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(callback)


def _collect(collector: Collector, tick: Tick, clock: Clock) -> Outcome:
    started = clock.monotonic()
    tables: Tables = {}
    error = ""
    bug: Exception | None = None
    try:
        tables = collector.collect(tick)
        verdict = Verdict.OK
    except AbsentError as absent:
        verdict, error = Verdict.ABSENT, plain(absent.message, _ERROR_LIMIT)
    except (NagareError, OSError) as fault:
        verdict, error = Verdict.FAILED, plain(str(fault), _ERROR_LIMIT)
    except Exception as broken:  # noqa: BLE001  a bug in one source must not silence the others; it is told and logged
        verdict, error, bug = Verdict.FAILED, plain(f"{type(broken).__name__}: {broken}", _ERROR_LIMIT), broken
    return Outcome(collector.name, tick, verdict, clock.monotonic() - started, tables, error, bug)
