"""The agent: asks the collectors on their timetable, makes a batch of what they bring, and hands it to the uplink."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from nagare import __version__
from nagare.agent.batches import TableSet, pack_batch
from nagare.agent.events import EventBox
from nagare.agent.health import ABSENT_SECONDS, Row, find_rows
from nagare.agent.lane import Outcome, Verdict
from nagare.agent.own_cost import OwnCost
from nagare.agent.runner import Runner
from nagare.agent.schedule import Timetable
from nagare.agent.uplink import Uplink
from nagare.collect.collector import Collector, Tick
from nagare.config.settings import AgentSettings
from nagare.lib.clock import Clock
from nagare.lib.tasks import TaskSupervisor

# The agent's own line in the timetable, and its row in the table `agent`.
OWN = "agent"
_COLLECT_STOP_SECONDS = 1.0


class Agent:
    """Collects and offers batches. ``run`` works until cancelled; ``finish`` offers what is left."""

    def __init__(
        self, settings: AgentSettings, collectors: Sequence[Collector], uplink: Uplink, box: EventBox, clock: Clock
    ) -> None:
        """Take over ``collectors``; ``finish`` closes them."""
        self._interval = settings.interval_seconds
        self._uplink = uplink
        self._box = box
        self._clock = clock
        self._boot = str(uuid.uuid4())
        self._seq = 0
        self._tables = TableSet()
        self._cost = OwnCost()
        self._runner = Runner(settings, collectors, clock, self._take)
        self._timetable: Timetable | None = None

    async def run(self, phase: float) -> None:
        """Collect until cancelled; ``phase`` (0 to 1) is where in the interval this host's ticks lie."""
        self._timetable = Timetable(
            {**self._runner.intervals, OWN: self._interval},
            now=self._clock.monotonic(),
            wall=self._clock.now_ms() / 1000,
            phase=phase * self._interval,
        )
        async with TaskSupervisor(clock=self._clock, stop_seconds=_COLLECT_STOP_SECONDS) as tasks:
            while True:
                await self._tick(self._timetable.take_due(self._clock.monotonic()), tasks)
                await self._clock.sleep(self._timetable.next_at - self._clock.monotonic())

    async def announce(self) -> None:
        """Offer the events that were told before the first collection."""
        await self._offer(self._now())

    async def finish(self) -> None:
        """Offer the last batch and let the collectors go; ``run`` must have ended."""
        await self._offer(self._now())
        self._runner.close()

    async def _tick(self, due: dict[str, int], tasks: TaskSupervisor) -> None:
        tick = self._now()
        is_own_due = due.pop(OWN, None) is not None
        await self._runner.run(due, tick, tasks)
        if is_own_due:
            rows = [self._own_row(tick), *find_rows(self._runner.healths.values(), tick.monotonic)]
            self._tables.add_rows("agent", rows, tick.now_ms)
        await self._offer(tick)

    def _take(self, outcome: Outcome) -> None:
        self._tables.add(outcome.tables, outcome.tick.now_ms)
        if outcome.verdict is Verdict.ABSENT and self._timetable is not None:
            self._timetable.postpone(outcome.name, outcome.tick.monotonic + ABSENT_SECONDS)

    async def _offer(self, tick: Tick) -> None:
        self._tables.add_rows("events", self._box.take(), tick.now_ms)
        tables = self._tables.take()
        if tables:
            self._seq += 1
            await self._uplink.offer(pack_batch(self._uplink.host, self._boot, self._seq, tables, tick.now_ms))

    def _own_row(self, tick: Tick) -> Row:
        cost = self._cost.read(tick.monotonic)
        totals = self._uplink.totals()
        return {
            "collector": OWN,
            "ok": totals.is_up,
            "interval_seconds": self._interval,
            "cpu_seconds_total": cost.cpu_seconds_total,
            "cpu_ratio": cost.cpu_ratio,
            "memory_bytes": cost.memory_bytes,
            "spool_bytes": totals.spool_bytes,
            "spool_batches": totals.spool_batches,
            "spool_limit_bytes": totals.spool_limit_bytes,
            "spool_oldest_seconds": totals.spool_oldest_seconds,
            "batches_sent_total": totals.sent,
            "batches_resent_total": totals.resent,
            "batches_thinned_total": totals.thinned,
            "batches_dropped_total": totals.dropped,
            "batches_damaged_total": totals.damaged,
            "send_failures_total": totals.failures,
            "version": __version__,
        }

    def _now(self) -> Tick:
        return Tick(self._clock.now_ms(), self._clock.monotonic())
