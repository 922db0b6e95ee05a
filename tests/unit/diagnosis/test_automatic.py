"""Critical alerts by themselves: too busy is tried again, and neither an error nor a bug is the end of the next."""

import asyncio

import pytest

from nagare.diagnosis.automatic import AlertDiagnoses
from nagare.diagnosis.evidence.asking import Asker
from nagare.diagnosis.question import Question
from nagare.diagnosis.turns import Turns
from nagare.diagnosis.waiting import Waiting
from nagare.errors import NotFoundError, OverloadedError, StorageError
from nagare.lib.clock import ManualClock
from nagare.lib.counters import Counters
from nagare.wire.diagnosis import DiagnosisView
from nagare.wire.sql import SqlReply, SqlRequest

VIEW = DiagnosisView("d1", "", "nagare", "", "", "", "", "OK", 0, "", False, 0.0, [], [], [], [], [])


class ShortClock(ManualClock):
    """Sleeps no time, and tells how long it would have."""

    def __init__(self) -> None:
        super().__init__()
        self.pauses: list[float] = []

    async def sleep(self, seconds: float) -> None:
        """Return at once."""
        self.pauses.append(seconds)


class Room:
    """What alerts are diagnosed with: each try of an alert ends as ``ends`` says."""

    def __init__(self, **ends: list[Exception]) -> None:
        self.ends = ends
        self.asked: list[str] = []
        self.done = asyncio.Event()

    def own_sight(self) -> Asker:
        async def query(_: SqlRequest) -> SqlReply:
            return SqlReply([], [], False, "raw", 0.1)

        return Asker(query)

    async def alert_of(self, alert_id: str) -> tuple[str, int]:
        return "db1", 0

    async def diagnose(self, question: Question) -> DiagnosisView:
        self.asked.append(question.scope.alert_id)
        assert question.is_patient
        if question.scope.alert_id == "last":
            self.done.set()
        elif self.ends[question.scope.alert_id]:
            raise self.ends[question.scope.alert_id].pop(0)
        return VIEW


async def test_one_that_fails_is_tried_again_or_counted_and_the_next_has_its_turn() -> None:
    busy = OverloadedError("cannot diagnose: too many")
    room = Room(busy=[busy], stuck=[busy] * 9, gone=[NotFoundError("no")], broken=[StorageError("no")], bug=[KeyError("a")])  # fmt: skip
    counters, clock = Counters(), ShortClock()
    waiting = Waiting(10, counters)
    for alert_id in ("busy", "stuck", "gone", "broken", "bug", "last"):
        waiting.put(alert_id)
    async with asyncio.timeout(60), asyncio.TaskGroup() as group:
        running = group.create_task(AlertDiagnoses(waiting, room, room.diagnose, clock, counters).run())
        await room.done.wait()
        running.cancel()
    assert room.asked == ["busy", "busy", "stuck", "stuck", "stuck", "gone", "broken", "bug", "last"]
    assert clock.pauses == [5.0, 5.0, 30.0]
    # The stuck one, the one that no disk took, and the bug.
    assert counters.get("automatic_failed") == 3


async def test_who_is_patient_waits_where_others_are_refused() -> None:
    turns, order = Turns(1, 1, Counters()), list[str]()

    async def patient() -> None:
        async with turns.taken(is_patient=True):
            order.append("patient")

    async with asyncio.timeout(60), asyncio.TaskGroup() as group, turns.taken():
        group.create_task(patient())
        with pytest.raises(OverloadedError):
            async with turns.taken():
                pass
        order.append("first")
    assert order == ["first", "patient"]
