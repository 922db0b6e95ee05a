"""One target's life: wait, fetch, read, store, and mark what vanished; a fault ends the scrape, never the loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from nagare.errors import NagareError
from nagare.interop.columns import joined, stale_marks
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters
from nagare.lib.plain_text import plain
from nagare.model.event import Event
from nagare.model.samples import MetricMetadata, Samples, SamplesReply, SeriesIntern
from nagare.scrape.events import came_up, went_down
from nagare.scrape.fetch import Fetcher
from nagare.scrape.page import PageReader, Taken
from nagare.scrape.reports import Report, ReportSeries
from nagare.scrape.schedule import Schedule
from nagare.scrape.staleness import NOTHING, Numbers, Presence
from nagare.scrape.targets import Target

_ERROR_LIMIT = 300


class SampleStore(Protocol):
    """Where samples go; the metric store is one."""

    @property
    def series(self) -> SeriesIntern:
        """What numbers series."""
        ...

    async def append_samples(self, samples: Samples, *, metadata: Sequence[MetricMetadata] = ()) -> SamplesReply:
        """Store samples durably and say what became of them."""
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all loops share. ``slots`` bounds how many scrapes run at one time; ``tell`` takes events."""

    store: SampleStore
    fetcher: Fetcher
    threads: Executor
    clock: Clock
    counters: Counters
    slots: asyncio.Semaphore
    tell: Callable[[Event], Awaitable[None]]


@dataclass(slots=True)
class TargetState:
    """How a target does; ``is_up`` is None before the first scrape."""

    is_up: bool | None = None
    scraped_ms: int | None = None
    duration_seconds: float = 0.0
    samples: int = 0
    refused: int = 0
    error: str = ""
    scrapes: int = 0
    failures: int = 0
    missed: int = 0


@dataclass(slots=True)
class _Outcome:
    """What a scrape found: a page's samples, or why there are none."""

    taken: Taken | None = None
    error: str = ""


@dataclass(slots=True)
class TargetLoop:
    """Scrapes ``target`` until cancelled. ``presence`` may hold series that a loop before it left."""

    target: Target
    around: Surroundings
    presence: Presence = field(default_factory=Presence)
    state: TargetState = field(default_factory=TargetState)
    _reader: PageReader | None = None
    _reports: ReportSeries | None = None
    _told: tuple[MetricMetadata, ...] = ()

    async def run(self) -> None:
        """Scrape at each tick."""
        around, settings = self.around, self.target.settings
        schedule = Schedule(settings.interval_seconds, self.target.offset_ratio(), around.clock)
        while True:
            tick = await schedule.next()
            if tick.missed:
                self.state.missed += tick.missed
                around.counters.add("missed", tick.missed)
            async with around.slots:
                await self.scrape(tick.ts_ms)

    async def scrape(self, ts_ms: int) -> None:
        """Make the scrape of ``ts_ms``."""
        began = self.around.clock.monotonic()
        outcome = await self._outcome(ts_ms)
        state = self.state
        state.scrapes += 1
        state.scraped_ms, state.duration_seconds = ts_ms, self.around.clock.monotonic() - began
        state.samples, state.error = 0 if outcome.taken is None else len(outcome.taken.samples), outcome.error
        self.around.counters.add("scrapes")
        if outcome.taken is None:
            state.failures += 1
            self.around.counters.add("failures")
        await self._keep(outcome, ts_ms)
        await self._tell(is_up=outcome.taken is not None)

    async def end(self, ts_ms: int) -> None:
        """Mark every series of the target as ended: it is not scraped any more."""
        await self._append(stale_marks(self.all_series(), ts_ms), ())

    def all_series(self) -> Numbers:
        """Return the series that have no mark yet, those of the reports too."""
        if self._reports is None:
            return self.presence.series
        return np.union1d(self.presence.series, self._reports.numbers)

    async def _outcome(self, ts_ms: int) -> _Outcome:
        around = self.around
        try:
            async with around.fetcher.fetched(self.target) as page:
                if self._reader is None:
                    self._reader = PageReader(self.target, around.store.series)
                loop = asyncio.get_running_loop()
                return _Outcome(await loop.run_in_executor(around.threads, self._reader.read, page, ts_ms))
        except NagareError as error:
            return _Outcome(error=plain(error.message, _ERROR_LIMIT))

    async def _keep(self, outcome: _Outcome, ts_ms: int) -> None:
        try:
            if self._reports is None:
                self._reports = ReportSeries(self.target, self.around.store.series)
        except NagareError as error:
            self._not_stored(error)
            return
        nothing = stale_marks(NOTHING, ts_ms)
        taken = outcome.taken or Taken(0, nothing, ())
        found = self.presence.compare(taken.samples, ts_ms)
        # Reports of a loop before this one with the same labels go on.
        vanished = np.setdiff1d(found.vanished, self._reports.numbers) if len(found.vanished) else NOTHING
        report = Report(
            up=float(outcome.taken is not None),
            duration_seconds=self.state.duration_seconds,
            scraped=taken.scraped,
            kept=len(taken.samples),
            added=len(found.added),
        )
        samples = joined((taken.samples, stale_marks(vanished, ts_ms), self._reports.samples(report, ts_ms)))
        metadata = taken.metadata if taken.metadata != self._told else ()
        if await self._append(samples, metadata):
            self.presence.take(found, taken.samples, ts_ms)
            self._told = taken.metadata or self._told

    async def _append(self, samples: Samples, metadata: tuple[MetricMetadata, ...]) -> bool:
        try:
            reply = await self.around.store.append_samples(samples, metadata=metadata)
        except NagareError as error:
            self._not_stored(error)
            return False
        self.state.refused = sum(reply.refused.values())
        self.around.counters.add("samples", reply.accepted)
        self.around.counters.add("refused_samples", self.state.refused)
        return True

    def _not_stored(self, error: NagareError) -> None:
        self.around.counters.add("append_failures")
        self.state.error = plain(error.message, _ERROR_LIMIT)

    async def _tell(self, *, is_up: bool) -> None:
        before, self.state.is_up = self.state.is_up, is_up
        # A target that answers from the start is no news.
        if before is is_up or (before is None and is_up):
            return
        now = self.around.clock.now_ms()
        event = came_up(self.target, now) if is_up else went_down(self.target, self.state.error, now)
        try:
            await self.around.tell(event)
        except NagareError:
            self.around.counters.add("event_failures")
