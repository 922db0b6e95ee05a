"""The scraper: a loop for each target, and the change from one set of targets to another without a restart."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from nagare.config.settings import ScrapeJob
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters
from nagare.lib.tasks import TaskSupervisor
from nagare.model.event import Event
from nagare.scrape.fetch import Fetcher
from nagare.scrape.loop import SampleStore, Surroundings, TargetLoop
from nagare.scrape.staleness import Presence
from nagare.scrape.targets import Target, targets_of
from nagare.wire.targets import TargetView

# So many pages are fetched at one time; far more targets than that answer within their interval all the same.
CONCURRENT_SCRAPES = 128
_STATES: Mapping[bool | None, str] = {None: "unknown", True: "up", False: "down"}


@dataclass(frozen=True, slots=True)
class _Running:
    """A loop and its task."""

    loop: TargetLoop
    task: asyncio.Task[None]


class Scraper:
    """Pulls the targets of ``jobs``; ``async with`` owns threads and connections, ``run`` works until cancelled."""

    def __init__(
        self, jobs: Iterable[ScrapeJob], store: SampleStore, clock: Clock, tell: Callable[[Event], Awaitable[None]]
    ) -> None:
        """Keep what to pull; ``tell`` takes the events of targets that go down and come back."""
        self._jobs = tuple(jobs)
        self._changed = asyncio.Event()
        self._running: dict[tuple[str, str], _Running] = {}
        # One thread: it is bound by the interpreter's lock anyway, and a second would only take turns with the loop.
        threads = ThreadPoolExecutor(1, thread_name_prefix="scrape")
        self.counters = Counters()
        self._threads = threads
        self._fetcher = Fetcher(threads)
        self._clock = clock
        slots = asyncio.Semaphore(CONCURRENT_SCRAPES)
        self._around = Surroundings(store, self._fetcher, threads, clock, self.counters, slots, tell)

    async def __aenter__(self) -> Self:
        """Enter; connections open at first use."""
        await self._fetcher.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections and let the thread end."""
        await self._fetcher.__aexit__(None, None, None)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def run(self) -> None:
        """Scrape until cancelled; take up other jobs when they are given."""
        self._running.clear()
        async with TaskSupervisor(clock=self._clock) as tasks:
            while True:
                self._changed.clear()
                await self._take_up(tasks)
                await self._changed.wait()

    def apply(self, jobs: Iterable[ScrapeJob]) -> None:
        """Pull ``jobs`` from now on; series of targets that are no more get their mark."""
        self._jobs = tuple(jobs)
        self._changed.set()

    def views(self) -> list[TargetView]:
        """Return every target, by job and URL."""
        return [_view(running.loop) for _, running in sorted(self._running.items())]

    def count_by_state(self) -> Mapping[str, int]:
        """Return the number of targets in each state."""
        counts = Counter(_STATES[running.loop.state.is_up] for running in self._running.values())
        return {state: counts[state] for state in _STATES.values()}

    async def _take_up(self, tasks: TaskSupervisor) -> None:
        wanted = {target.key: target for target in targets_of(self._jobs)}
        left: dict[tuple[str, str], TargetLoop] = {}
        for key, running in list(self._running.items()):
            if wanted.get(key) == running.loop.target:
                continue
            del self._running[key]
            running.task.cancel()
            await asyncio.wait({running.task})
            if key in wanted:
                left[key] = running.loop
            else:
                await running.loop.end(self._clock.now_ms())
        for key, target in wanted.items():
            if key not in self._running:
                loop = self._loop(target, left.get(key))
                task = tasks.supervise(f"scrape {target.url}", loop.run)
                self._running[key] = _Running(loop, task)

    def _loop(self, target: Target, before: TargetLoop | None) -> TargetLoop:
        if before is None:
            return TargetLoop(target, self._around)
        # Series that it does not have any more with its new settings vanish at its first scrape.
        return TargetLoop(target, self._around, Presence(before.all_series()), before.state)


def _view(loop: TargetLoop) -> TargetView:
    target, state = loop.target, loop.state
    scraped = None if state.scraped_ms is None else datetime.fromtimestamp(state.scraped_ms / 1000, UTC)
    return TargetView(
        job=target.settings.job,
        instance=target.instance,
        url=target.url,
        state=_STATES[state.is_up],
        interval_seconds=target.settings.interval_seconds,
        last_scrape_at=None if scraped is None else scraped.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        duration_seconds=state.duration_seconds,
        samples=state.samples,
        refused=state.refused,
        error=state.error,
        scrapes=state.scrapes,
        failures=state.failures,
        missed=state.missed,
        labels=dict(target.labels),
    )
