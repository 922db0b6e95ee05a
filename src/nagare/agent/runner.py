"""Gives each collector its thread: the quick ones share one, those that wait on others have one each.

Keeps the health of every collector and never runs one twice at a time; a tick that finds it busy is counted and skipped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from nagare.agent.health import Health
from nagare.agent.lane import Lane, Outcome
from nagare.collect.collector import Collector, Tick
from nagare.config.settings import AgentSettings
from nagare.lib.clock import Clock
from nagare.lib.tasks import TaskSupervisor


class Runner:
    """Runs due collectors and delivers each outcome to ``deliver`` on the event loop."""

    def __init__(
        self, settings: AgentSettings, collectors: Sequence[Collector], clock: Clock, deliver: Callable[[Outcome], None]
    ) -> None:
        """Take over ``collectors``: ``close`` closes them."""
        self._collectors = {collector.name: collector for collector in collectors}
        self._deliver = deliver
        self._fast = Lane("fast", clock, timeout_seconds=settings.timeout_seconds)
        self._slow = {
            name: Lane(name, clock, timeout_seconds=settings.timeout_seconds)
            for name, collector in self._collectors.items()
            if collector.is_slow
        }
        self._running_slow: set[str] = set()
        self.healths = {
            name: Health(name, settings.intervals.get(name) or collector.interval_seconds or settings.interval_seconds)
            for name, collector in self._collectors.items()
        }

    @property
    def intervals(self) -> Mapping[str, float]:
        """Seconds between collections, by collector."""
        return {name: health.interval_seconds for name, health in self.healths.items()}

    async def run(self, due: Mapping[str, int], tick: Tick, tasks: TaskSupervisor) -> None:
        """Run the collectors in ``due`` (name to ticks missed); return when the quick ones have ended.

        Slow ones go on in ``tasks`` and deliver when they end.
        """
        fast: list[Collector] = []
        busy = self._busy()
        for name, missed in due.items():
            self.healths[name].skip(missed + (name in busy))
            if name in busy:
                continue
            if name in self._slow:
                self._running_slow.add(name)
                task = tasks.start(f"collect {name}", self._run_slow(name, tick))
                # Not in the task itself: one that is cancelled before it began would never say so.
                task.add_done_callback(partial(self._note_end, name))
            else:
                fast.append(self._collectors[name])
        for outcome in await self._fast.run(fast, tick):
            self._take(outcome)

    def close(self) -> None:
        """Close the collectors, but leave one that still runs to its thread."""
        busy = self._busy()
        for lane in (self._fast, *self._slow.values()):
            lane.close()
        for name, collector in self._collectors.items():
            if name not in busy:
                collector.close()

    async def _run_slow(self, name: str, tick: Tick) -> None:
        for outcome in await self._slow[name].run([self._collectors[name]], tick):
            self._take(outcome)
        # Slow sources are asked seldom: a thread that only waits for the next time would hold its stack meanwhile.
        self._slow[name].close()

    def _note_end(self, name: str, _: object) -> None:
        self._running_slow.discard(name)

    def _take(self, outcome: Outcome) -> None:
        self.healths[outcome.name].record(outcome)
        self._deliver(outcome)

    def _busy(self) -> set[str]:
        return self._running_slow.union(self._fast.stuck, *(lane.stuck for lane in self._slow.values()))
