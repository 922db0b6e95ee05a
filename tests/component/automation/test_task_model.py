"""Hypothesis plays two servers, a clock and an impatient person against the store, and holds what it says to a model."""

import asyncio
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from nagare.automation.tasks.rules import Ending, decide
from nagare.automation.tasks.store import OpenLimits, TaskStore
from nagare.model.task import ENDED, NEXT, Owner, Task, TaskReason, TaskState
from nagare.records.engine import Records
from tests.support.migrated import place_records
from tests.support.task_kinds import ONCE, REPEATABLE

LEASE_MS, SKEW_MS = 30_000, 5_000
_ENDINGS = (
    Ending(result={"n": 1}),
    Ending(TaskReason.ERROR, "wrong"),
    Ending(TaskReason.ERROR, "away", may_retry=True),
    Ending(TaskReason.WORKER_DIED, "died"),
    Ending(TaskReason.DEADLINE, "late"),
    Ending(TaskReason.SERVER_STOPPED, "stopped"),
)
_KINDS = {kind.name: kind for kind in (REPEATABLE, ONCE)}


@dataclass
class _Believed:
    """What one server believes that it runs, until its own clock tells it to stop."""

    task: Task
    until_ms: int
    is_alive: bool = True


@dataclass
class _World:
    now_ms: int = 1_760_000_000_000
    running: dict[str, list[_Believed]] = field(default_factory=dict)
    seen: dict[str, Task] = field(default_factory=dict)


class TaskMachine(RuleBasedStateMachine):
    """Any order of claims, renewals, ends, deaths, take-overs and cancellations."""

    @initialize()
    def begin(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.folder = tempfile.TemporaryDirectory()
        place_records(Path(self.folder.name) / "records.db")
        self.records = Records(Path(self.folder.name) / "records.db")
        self._do(self.records.__aenter__())
        self.store = TaskStore(self.records)
        self.world = _World()
        self.made = 0

    def teardown(self) -> None:
        if hasattr(self, "loop"):
            self._do(self.records.__aexit__(None, None, None))
            self.loop.close()
            self.folder.cleanup()

    def _do(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    @rule(kind=st.sampled_from(sorted(_KINDS)))
    def submit(self, kind: str) -> None:
        if self.made < 3:
            self.made += 1
            now = self.world.now_ms
            self._do(
                self.store.add(Task(f"{self.made:032x}", kind, {}, Owner("u", "alice"), now, now, now), OpenLimits(10))
            )

    @rule(number=st.integers(1, 3), server=st.sampled_from(["s1", "s2"]))
    def claim(self, number: int, server: str) -> None:
        now = self.world.now_ms
        task = self._do(self.store.claim(f"{number:032x}", server, now, now + LEASE_MS))
        if task is not None:
            others = [one for one in self.world.running.setdefault(task.id, []) if self._is_running(one)]
            assert others == [], "a task was given away while somebody runs it"
            # A server stops by itself at 80 % of its lease.
            self.world.running[task.id].append(_Believed(task, now + round(LEASE_MS * 0.8)))

    @rule(number=st.integers(1, 3), place=st.integers(0, 5))
    def renew(self, number: int, place: int) -> None:
        if (one := self._pick(number, place)) is not None and self._is_running(one):
            now = self.world.now_ms
            kept = self._do(self.store.renew(one.task, now + LEASE_MS, now, 0.5, "half"))
            assert kept is not None, "who runs it in time keeps it"
            one.until_ms = now + round(LEASE_MS * 0.8)
            one.task = kept

    @rule(number=st.integers(1, 3), place=st.integers(0, 5), ending=st.sampled_from(_ENDINGS))
    def end(self, number: int, place: int, ending: Ending) -> None:
        if (one := self._pick(number, place)) is None:
            return
        was_running = self._is_running(one)
        verdict = decide(_KINDS[one.task.kind], one.task, ending, self.world.now_ms)
        settled = self._do(self.store.settle(one.task, verdict, self.world.now_ms))
        if was_running:
            assert settled is not None
        if settled is not None:
            assert settled.attempt == one.task.attempt
        one.is_alive = False

    @rule(number=st.integers(1, 3), place=st.integers(0, 5))
    def die(self, number: int, place: int) -> None:
        if (one := self._pick(number, place)) is not None:
            one.is_alive = False

    @rule(number=st.integers(1, 3))
    def cancel(self, number: int) -> None:
        if (task := self._do(self.store.find(f"{number:032x}"))) is not None:
            self._do(self.store.cancel(task, "bob", self.world.now_ms))

    @rule()
    def take_over(self) -> None:
        now = self.world.now_ms
        for task in self._do(self.store.lapsed(now - SKEW_MS, 10)):
            assert not any(map(self._is_running, self.world.running.get(task.id, []))), "its runner lives"
            verdict = decide(_KINDS[task.kind], task, Ending(TaskReason.SERVER_DIED), now)
            self._do(self.store.take_lapsed(task, verdict, now))

    @rule(seconds=st.sampled_from([1, 5, 20, 25, 31, 36, 400]))
    def wait(self, seconds: int) -> None:
        self.world.now_ms += seconds * 1000

    @invariant()
    def states_follow_each_other(self) -> None:
        if not hasattr(self, "store"):
            return
        for number in range(1, self.made + 1):
            task = self._do(self.store.find(f"{number:032x}"))
            assert task is not None, "no task vanishes"
            before = self.world.seen.get(task.id)
            if before is not None and before.state is not task.state:
                assert self._may_follow(before, task), (before.state, task.state)
            if before is not None:
                assert task.attempt >= before.attempt
                assert task.revision >= before.revision
                if before.state in ENDED:
                    assert task == before
            if task.state is TaskState.LOST:
                assert task.kind == ONCE.name
            assert (task.ended_ms is not None) == (task.state in ENDED)
            self.world.seen[task.id] = task

    @staticmethod
    def _may_follow(before: Task, after: Task) -> bool:
        # A rule may take two steps: to the next attempt and on.
        return after.state in NEXT[before.state] or any(after.state in NEXT[state] for state in NEXT[before.state])

    def _is_running(self, one: _Believed) -> bool:
        return one.is_alive and self.world.now_ms < one.until_ms

    def _pick(self, number: int, place: int) -> _Believed | None:
        believed = [one for one in self.world.running.get(f"{number:032x}", []) if one.is_alive]
        return believed[place % len(believed)] if believed else None


TestTaskMachine = TaskMachine.TestCase
TestTaskMachine.settings = settings(max_examples=30, stateful_step_count=30, deadline=None)
