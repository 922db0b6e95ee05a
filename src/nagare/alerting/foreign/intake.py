"""Takes what foreign senders tell: many requests in one transaction, answered once that is durable.

What waits and what one source may have open are bounded; beyond it senders are told to come again (503), which is all that
Alertmanager repeats for. While events of alerts wait in great number for the disk, senders wait too.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from nagare.alerting.alerts.board import Board
from nagare.alerting.alerts.lifecycle import Step
from nagare.alerting.foreign.rules import age, hear
from nagare.errors import ConflictError, InputError, NagareError, OverloadedError
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters
from nagare.model.alert.foreign import Told

log = logging.getLogger(__name__)
WAITING_LIMIT = 50_000
# Open alerts of one source: all lie in memory, and are read at a start.
OPEN_LIMIT = 20_000
# What one transaction makes to be told is less than may wait for that: three turns each at the most.
_BATCH = 1_000
_ROUNDS = 8
_AGE_SECONDS = 5.0


@dataclass(slots=True)
class _Waiting:
    told: Sequence[Told]
    done: asyncio.Future[None]


class Intake:
    """The way in; ``run`` takes what waits, until cancelled."""

    def __init__(self, board: Board, clock: Clock, counters: Counters, believed_seconds: float) -> None:
        """Keep the parts; ``believed_seconds``: how long an alert is believed of whose end nobody told."""
        self._board = board
        self._clock = clock
        self._counters = counters
        self._believed_ms = round(believed_seconds * 1000)
        self._waiting: deque[_Waiting] = deque()
        self._count = 0
        self._woken = asyncio.Event()
        self._listens_since = clock.monotonic()

    async def take(self, told: Sequence[Told]) -> None:
        """Return once ``told`` is durable. Raises OverloadedError, StorageError."""
        if self._count + len(told) > WAITING_LIMIT:
            self._counters.add("foreign_refused", len(told))
            raise OverloadedError(f"cannot take alerts: {self._count} wait already")
        waiting = _Waiting(told, asyncio.get_running_loop().create_future())
        self._waiting.append(waiting)
        self._count += len(told)
        self._woken.set()
        await waiting.done

    async def run(self) -> None:
        """Take what waits and end what nobody tells of any more, until cancelled."""
        aged = self._listens_since = self._clock.monotonic()
        try:
            while True:
                async with asyncio.TaskGroup() as tasks:
                    timer = tasks.create_task(self._wake_after(_AGE_SECONDS))
                    await self._woken.wait()
                    timer.cancel()
                self._woken.clear()
                while self._waiting:
                    await self._take_some()
                if self._clock.monotonic() - aged >= _AGE_SECONDS:
                    aged = self._clock.monotonic()
                    await self._age_safely()
        finally:
            while self._waiting:
                self._answer(self._waiting.popleft(), OverloadedError("cannot take alerts: the server stops"))

    async def _wake_after(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
        self._woken.set()

    async def _take_some(self) -> None:
        taken: list[_Waiting] = []
        count = 0
        while self._waiting and (not taken or count + len(self._waiting[0].told) <= _BATCH):
            taken.append(self._waiting.popleft())
            count += len(taken[-1].told)
        try:
            await self._hear([one for waiting in taken for one in waiting.told])
        except (InputError, OverloadedError) as error:
            # What one sender says wrong or too much of costs the others nothing: not all of them would send it again.
            for waiting in taken:
                self._answer(waiting, error if len(taken) == 1 else await self._hear_alone(waiting))
        except NagareError as error:
            for waiting in taken:
                self._answer(waiting, error)
        else:
            for waiting in taken:
                self._answer(waiting, None)

    async def _hear_alone(self, waiting: _Waiting) -> NagareError | None:
        try:
            await self._hear(waiting.told)
        except NagareError as error:
            return error
        return None

    def _answer(self, waiting: _Waiting, fault: NagareError | None) -> None:
        self._count -= len(waiting.told)
        if waiting.done.done():
            return
        if fault is None:
            self._counters.add("foreign_taken", len(waiting.told))
            waiting.done.set_result(None)
        else:
            waiting.done.set_exception(fault)

    async def _hear(self, told: Sequence[Told]) -> None:
        """Keep what ``told`` say, in their order: of one thing one word a transaction, as each stands on the one before."""
        rest = self._fitting(told)
        refused = len(told) - len(rest)
        for _ in range(_ROUNDS + len(rest)):
            if not rest:
                break
            now, later, keys = list[Told](), list[Told](), set[tuple[str, str]]()
            for one in rest:
                key = (one.source, one.fingerprint)
                (later if key in keys or len(now) == _BATCH else now).append(one)
                keys.add(key)
            await self._board.room()
            rest = await self._once(now) + later
        if rest:
            raise ConflictError("cannot take alerts: they change all the time", hint="send them again")
        if refused:
            self._counters.add("foreign_refused", refused)
            raise OverloadedError(f"cannot take alerts: their source has {OPEN_LIMIT} that are open")

    def _fitting(self, told: Sequence[Told]) -> list[Told]:
        """Return those of things that are known, and of others as many as their source may still have."""
        left: dict[str, int] = {}
        kept: list[Told] = []
        for one in told:
            if self._board.find(one.source, one.fingerprint) is None:
                room = left.get(one.source, OPEN_LIMIT - self._board.count_of(one.source))
                left[one.source] = room - 1
                if room <= 0:
                    continue
            kept.append(one)
        return kept

    async def _once(self, told: Sequence[Told]) -> list[Told]:
        """Return those of ``told`` that another server's word was faster than."""
        now_ms = self._clock.now_ms()
        steps: list[Step] = []
        owners: dict[str, Told] = {}
        for one in told:
            known = self._board.find(one.source, one.fingerprint)
            made = hear(known, one, now_ms, now_ms + self._believed_ms, _new_id)
            steps += made
            owners |= {step.alert.id: one for step in made}
        failed = await self._board.apply(steps, writes_all=True)
        self._counters.add("foreign_steps", len(steps))
        again = {id(owners[alert_id]): owners[alert_id] for alert_id in failed if alert_id in owners}
        return list(again.values())

    async def _age_safely(self) -> None:
        try:
            await self._age()
        except NagareError as error:
            # They age on; the next time they are looked at again.
            self._counters.add("foreign_age_failed")
            log.warning("foreign_alerts_not_aged: %s", error.message)

    async def _age(self) -> None:
        now_ms = self._clock.now_ms()
        listened_ms = round((self._clock.monotonic() - self._listens_since) * 1000)
        believed_ms = now_ms + self._believed_ms
        alerts = [alert for alert in self._board.open() if not alert.rule]
        steps = [step for alert in alerts for step in age(alert, now_ms, believed_ms, listened_ms)]
        for start in range(0, len(steps), _BATCH):
            await self._board.room()
            await self._board.apply(steps[start : start + _BATCH], writes_all=True)


def _new_id() -> str:
    return uuid4().hex
