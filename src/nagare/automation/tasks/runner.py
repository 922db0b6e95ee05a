"""Fetches what waits from the bus, runs it, and says what became of it: to the records first, then to the bus.

A message says only that there is work. The row decides whether there is: it is claimed for one attempt, and whoever comes
twice, late, or with a message of long ago finds nothing to claim. What the bus lost is said again by the sweep.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from nagare.automation.tasks.attempt import OWN_SHARE, Attempt, Fenced, Means
from nagare.automation.tasks.events import end_event
from nagare.automation.tasks.kinds import Kind, Kinds
from nagare.automation.tasks.rules import GREATEST_DELAY_SECONDS, Ending, decide
from nagare.automation.tasks.store import Verdict
from nagare.automation.tasks.turns import Turns
from nagare.bus.message import Message
from nagare.bus.protocol import Bus, Consumer, ConsumerSpec, Delivery
from nagare.errors import NagareError
from nagare.lib.counters import Counters
from nagare.lib.plain_text import plain
from nagare.model.event import Event
from nagare.model.task import ENDED, Task, TaskReason, TaskState

log = logging.getLogger(__name__)

STREAM = "tasks"
SWEEP_SECONDS = 5.0
# Clocks of servers differ; a lease that is over is taken by others only after so long.
_SKEW_MS = 5_000
# What waits so long without a word of it on the bus is said again.
_UNTOLD_MS = 30_000
_SWEEP_LIMIT = 200
_FETCH_SECONDS = 30.0
_RETRY_SECONDS = 1.0
_STOP_AGAIN_MS = 2_000
# The row knows how often something was tried; the bus must not give up before it does.
_DELIVER_LIMIT = 1_000_000
_SETTLE_SECONDS = 30.0
# A kind that is not known here may be known again soon, when a server was set back to an earlier version by mistake.
_STRANGE_MS = 600_000
# Of several servers one may be of a later version, which knows it and is only at work at something else.
_STRANGE_TO_SOME_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Lane:
    """One way to run: its name among consumers, its kinds, and how many at one time of how many that may be open."""

    name: str
    kinds: tuple[str, ...]
    slots: int
    open_limit: int


class Told(Protocol):
    """By what a task was told of, as far as it is answered for it."""

    async def ack(self) -> None:
        """Say that it is done."""
        ...

    async def nak(self, delay_seconds: float = 0.0) -> None:
        """Ask for it again."""
        ...

    async def term(self, reason: str) -> None:
        """Say that it is given up."""
        ...

    async def in_progress(self) -> None:
        """Say that somebody is at it."""
        ...


class _Elsewhere:
    """For a task whose turn came before its own message did: that one will find that it runs, or has ended."""

    def __init__(self, runner: Runner, task: Task) -> None:
        self._runner = runner
        self._task = task

    async def ack(self) -> None:
        return

    async def nak(self, _delay_seconds: float = 0.0) -> None:
        # It may be put off for a lease by now, because it came while the task ran.
        await self._runner.announce([self._task], again=True)

    async def term(self, _reason: str) -> None:
        return

    async def in_progress(self) -> None:
        return


class Runner:
    """Runs tasks on one server; ``name`` is its own among all that ever ran."""

    def __init__(
        self, name: str, means: Means, kinds: Kinds, bus: Bus, counters: Counters, *, is_alone: bool = True
    ) -> None:
        """Prepare; ``open`` makes the consumers. ``is_alone``: no other server has these records."""
        self.name = name
        self._means = means
        self._kinds = kinds
        self._bus = bus
        self._counters = counters
        self._strange_ms = _STRANGE_MS if is_alone else _STRANGE_TO_SOME_MS
        self._attempts: dict[str, Attempt] = {}

    async def open(self, lanes: Iterable[Lane], ack_seconds: float, watch: Callable[[Consumer], None]) -> None:
        """Make the consumers of ``lanes``. Raises UnavailableError, StorageError."""
        self._lanes: list[tuple[Lane, Consumer]] = []
        for lane in lanes:
            subjects = tuple(f"tasks.{kind}" for kind in lane.kinds)
            # What waits for its moment is out, too: all that are open may, and one that is due still has to come.
            unacked_limit = lane.slots + lane.open_limit
            spec = ConsumerSpec(STREAM, lane.name, subjects, ack_seconds, _DELIVER_LIMIT, unacked_limit)
            consumer = await self._bus.consumer(spec)
            watch(consumer)
            self._lanes.append((lane, consumer))

    async def run(self) -> None:
        """Run what comes, until cancelled; what runs then ends with it, and says so."""
        async with asyncio.TaskGroup() as tasks:
            for lane, consumer in self._lanes:
                if lane.slots:
                    tasks.create_task(self._pump(tasks, lane, consumer), name=f"tasks.{lane.name}")
            tasks.create_task(self._sweep(), name="tasks.sweep")

    def find(self, task_id: str) -> Attempt | None:
        """Return the attempt that runs here, or None."""
        return self._attempts.get(task_id)

    def __len__(self) -> int:
        """Return how many run here now."""
        return len(self._attempts)

    async def announce(self, tasks: list[Task], *, again: bool = False) -> None:
        """Say on the bus that ``tasks`` wait. One that cannot be said now, the sweep says later."""
        now_ms = self._means.clock.now_ms()
        # A repeat has a name of its own: the bus would take it for known.
        suffix = f"-{now_ms // 1000}" if again else ""
        messages = [
            Message(f"tasks.{task.kind}", task.id.encode(), f"{task.id}-{task.attempt}{suffix}") for task in tasks
        ]
        try:
            await self._bus.publish(messages)
        except NagareError as error:
            self._counters.add("announcements_failed", len(tasks))
            log.warning("task_not_announced count=%d: %s", len(tasks), error.message)

    async def take_over(self, *, is_alone: bool) -> None:
        """Decide about attempts whose runner is gone; alone, all that are said to run are such."""
        now_ms = self._means.clock.now_ms()
        before_ms = 2**62 if is_alone else now_ms - _SKEW_MS
        for task in await self._means.store.lapsed(before_ms, _SWEEP_LIMIT):
            if task.id in self._attempts:
                continue
            ending = Ending(TaskReason.SERVER_DIED, "the server that ran it is gone")
            verdict = await self._decide(self._kinds.find(task.kind), task, ending)
            taken = await self._means.store.take_lapsed(task, verdict, now_ms)
            if taken is not None:
                self._counters.add("tasks_taken_over")
                await self._tell(taken)
                if taken.state is TaskState.QUEUED:
                    await self.announce([taken])

    async def _sweep(self) -> None:
        while True:
            await self._means.clock.sleep(SWEEP_SECONDS)
            try:
                await self.take_over(is_alone=False)
                await self._mend_waiting()
                for lane, consumer in self._lanes:
                    await self._say_again(lane, consumer)
            except NagareError as error:
                log.warning("tasks_not_swept: %s", error.message)

    async def _mend_waiting(self) -> None:
        """Let nothing wait for ever: for a clock that was ahead, or for a kind that nobody knows."""
        now_ms = self._means.clock.now_ms()
        due_ms = now_ms + round(GREATEST_DELAY_SECONDS * 1000)
        if lowered := await self._means.store.lower_due(due_ms + _SKEW_MS, due_ms, now_ms):
            log.warning("tasks_due_too_late count=%d: the clock was ahead when that was said", lowered)
        known = [kind.name for kind in self._kinds]
        for task in await self._means.store.strangers(known, now_ms - self._strange_ms, _SWEEP_LIMIT):
            ended = await self._means.store.end_waiting(task, _unknown(task), now_ms)
            if ended is not None:
                await self._tell(ended)

    def _wait_seconds(self, task: Task, least: float) -> float:
        """Return how long the message of a task that waits is to stay away."""
        waits = (task.due_ms - self._means.clock.now_ms()) / 1000
        return min(max(least, waits), GREATEST_DELAY_SECONDS)

    async def _say_again(self, lane: Lane, consumer: Consumer) -> None:
        now_ms = self._means.clock.now_ms()
        untold = await self._means.store.untold(now_ms, now_ms - _UNTOLD_MS, lane.kinds, _SWEEP_LIMIT)
        # While messages wait, theirs may be among them.
        if untold and not (await consumer.lag()).waiting:
            self._counters.add("tasks_announced_again", len(untold))
            await self.announce(untold, again=True)
            await self._means.store.note_told([task.id for task in untold], now_ms)

    async def _pump(self, tasks: asyncio.TaskGroup, lane: Lane, consumer: Consumer) -> None:
        free = asyncio.Semaphore(lane.slots)

        turns = Turns()

        async def work(delivery: Delivery) -> None:
            try:
                await self._work(delivery, lane, turns)
            finally:
                free.release()

        while True:
            await free.acquire()
            try:
                # One at a time: what is fetched and waits for a slot would be kept from other servers.
                found = await consumer.fetch(1, _FETCH_SECONDS)
            except NagareError as error:
                log.warning("tasks_not_fetched lane=%s: %s", lane.name, error.message)
                found = ()
                await self._means.clock.sleep(_RETRY_SECONDS)
            if not found:
                free.release()
                continue
            tasks.create_task(work(found[0]), name=f"tasks.{lane.name}.one")

    async def _work(self, delivery: Delivery, lane: Lane, turns: Turns) -> None:
        task_id = delivery.message.data.decode("ascii", "replace")
        claimed = self._means.clock.monotonic()
        try:
            task = await self._claim(task_id, lane, turns)
        except NagareError as error:
            # The message comes again.
            log.warning("task_not_worked_on: %s", error.message)
            return
        if task is not None and task.id == task_id:
            await self._begin(task, delivery, claimed)
            return
        async with asyncio.TaskGroup() as both:
            # Beside it, for what was claimed must begin now: nobody else will, and an answer may fail or hang.
            both.create_task(self._let_go(delivery, task_id), name=f"tasks.{lane.name}.let-go")
            if task is not None:
                await self._begin(task, _Elsewhere(self, task), claimed)

    async def _begin(self, task: Task, told: Told, claimed: float) -> None:
        """Do what was claimed, and say by ``told`` what became of it."""
        try:
            self._means.on_change(task)
            ended = await self._attempt(task, told, claimed)
            if ended is not None:
                await self._settle_delivery(told, ended)
        except NagareError as error:
            # The message comes again, and the lease ends: nothing is lost by it.
            log.warning("task_not_worked_on: %s", error.message)

    async def _claim(self, task_id: str, lane: Lane, turns: Turns) -> Task | None:
        """Return the task that was claimed: the one of that id, or of the owner whose turn it is where several wait."""
        store, now_ms = self._means.store, self._means.clock.now_ms()
        lease_ms = now_ms + round(self._means.lease_seconds * 1000)
        waiting = await store.waiting(lane.kinds, now_ms)
        if len(waiting) > 1:
            running = Counter(one.task.owner.id for one in self._attempts.values() if one.task.kind in lane.kinds)
            owner_id = turns.take(waiting, running)
            for oldest in await store.oldest(owner_id, lane.kinds, now_ms, 1):
                if (task := await store.claim(oldest, self.name, now_ms, lease_ms)) is not None:
                    return task
        return await store.claim(task_id, self.name, now_ms, lease_ms)

    async def _let_go(self, delivery: Delivery, task_id: str) -> None:
        """Answer a message that brought nothing to do of its own; one that cannot be answered comes again."""
        try:
            task = await self._means.store.find(task_id)
            if task is None or task.state in ENDED:
                await delivery.ack()
            elif task.state is TaskState.QUEUED:
                await delivery.nak(self._wait_seconds(task, 0.1))
            else:
                # Somebody has it. Should he die, this message may be the one that brings it on.
                await delivery.nak(self._means.lease_seconds)
        except NagareError as error:
            log.warning("task_message_not_answered id=%s: %s", plain(task_id, 64), error.message)

    async def _attempt(self, task: Task, delivery: Told, claimed: float) -> Task | None:
        kind = self._kinds.find(task.kind)
        if kind is None:
            return await self._settle(task, _unknown(task))
        attempt = self._attempts[task.id] = Attempt(self._means, task, kind, delivery.in_progress, claimed)
        try:
            ending = await attempt.run()
        except Fenced:
            self._counters.add("attempts_fenced")
            return None
        except asyncio.CancelledError:
            # All of it has ended. This much may still be said, for the server gives us some time.
            await self._stopped(attempt.task, kind, delivery)
            raise
        finally:
            del self._attempts[task.id]
        return await self._settle(attempt.task, await self._decide(kind, attempt.task, ending))

    async def _decide(self, kind: Kind | None, task: Task, ending: Ending) -> Verdict:
        """Return what becomes of a task; before it is said to be over, what it waited for has been ended."""
        now_ms = self._means.clock.now_ms()
        verdict = decide(kind, task, ending, now_ms)
        if kind is None or kind.stop is None or verdict.state not in ENDED or verdict.state is TaskState.DONE:
            return verdict
        try:
            await kind.stop(self._means.book, task)
        except NagareError as error:
            log.warning("task_not_stopped id=%s: %s", task.id, error.message)
            # It goes on. The next attempt tries again to end it.
            return Verdict(TaskState.QUEUED, ending.reason, error.message, due_ms=now_ms + _STOP_AGAIN_MS)
        return verdict

    async def _stopped(self, task: Task, kind: Kind, delivery: Told) -> None:
        ending = Ending(TaskReason.SERVER_STOPPED, "the server that ran it was stopped")
        try:
            verdict = await self._decide(kind, task, ending)
            settled = await self._means.store.settle(task, verdict, self._means.clock.now_ms())
            if settled is not None:
                await self._tell(settled)
                await self._settle_delivery(delivery, settled)
        except NagareError as error:
            log.warning("task_end_not_told id=%s: %s", task.id, error.message)

    async def _settle(self, task: Task, verdict: Verdict) -> Task | None:
        """Write what became of an attempt, tried for as long as its lease may last; None when it is not ours any more."""
        until = self._means.clock.monotonic() + self._means.lease_seconds * OWN_SHARE
        settled = None
        while settled is None:
            try:
                settled = await self._means.store.settle(task, verdict, self._means.clock.now_ms())
                break
            except NagareError as error:
                if self._means.clock.monotonic() >= until:
                    raise
                log.warning("task_end_not_written id=%s: %s", task.id, error.message)
            await self._means.clock.sleep(_RETRY_SECONDS)
        if settled is None:
            self._counters.add("attempts_fenced")
            return None
        await self._tell(settled)
        return settled

    async def _settle_delivery(self, delivery: Told, task: Task) -> None:
        match task.state:
            case TaskState.QUEUED:
                await delivery.nak(self._wait_seconds(task, 0.0))
            case TaskState.FAILED | TaskState.LOST:
                await delivery.term(plain(task.text or task.reason, 200).encode("ascii", "replace").decode())
            case _:
                await delivery.ack()

    async def _tell(self, task: Task) -> None:
        """Let followers, counters and events know of what is durable."""
        self._means.on_change(task)
        if task.state in ENDED:
            self._counters.add(f"tasks_{task.state}")
        kind = self._kinds.find(task.kind)
        now_ms = self._means.clock.now_ms()
        events: list[Event | None] = [end_event(task, now_ms)]
        if kind is not None and kind.event is not None and task.state is TaskState.DONE:
            events.append(kind.event(task, now_ms))
        for event in events:
            if event is None:
                continue
            try:
                await self._means.book.event_happened(event)
            except NagareError as error:
                self._counters.add("events_failed")
                log.warning("task_event_not_stored id=%s: %s", task.id, error.message)


def _unknown(task: Task) -> Verdict:
    text = f"there is no kind {plain(task.kind, 64)} here: another version made it; `nagare tasks kinds` lists what there is"
    return Verdict(TaskState.FAILED, TaskReason.UNKNOWN_KIND, text)
