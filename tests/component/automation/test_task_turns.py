"""A task whose turn came by another one's message: it is done, whatever becomes of the answer to that message."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from nagare.bus.embedded import bus as embedded
from nagare.bus.embedded.bus import EmbeddedBus
from nagare.errors import StorageError
from nagare.model.principal import ADMIN_PERMISSIONS, Principal, PrincipalKind
from nagare.model.task import Task, TaskReason, TaskState
from nagare.records.engine import Records
from nagare.wire.tasks import TaskRequest
from tests.support.task_room import LOCAL, Room, room

BOB = Principal("u2", "bob", ADMIN_PERMISSIONS, kind=PrincipalKind.USER, user_id="u2")


@asynccontextmanager
async def _turn_of_bob(
    records: Records, bus: EmbeddedBus, folder: Path, kind: str, **steps: Any
) -> AsyncIterator[tuple[Room, Task]]:
    """Give a room with one worker where a task of Bob's begins by a message about one of somebody else's."""
    async with room(records, bus, folder, workers=1) as one:
        held = await one.submit(do="hang", folder=str(folder))
        await one.until(held, lambda task: task.state is TaskState.RUNNING)
        for _ in range(3):
            await one.submit()
        bobs = await one.tasks.submit(BOB, TaskRequest(kind, {"folder": str(folder), **steps}))
        await one.tasks.cancel(LOCAL, held.id)
        yield one, bobs


def _answer_by(monkeypatch: pytest.MonkeyPatch, nak: Callable[..., Awaitable[None]]) -> None:
    monkeypatch.setattr(embedded._EmbeddedDelivery, "nak", nak)


async def test_an_answer_that_the_bus_does_not_take_keeps_nothing_from_being_done(
    records: Records, bus: EmbeddedBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[float] = []

    async def nak(_delivery: Any, delay_seconds: float = 0.0) -> None:
        refused.append(delay_seconds)
        raise StorageError("cannot answer the bus: the disk is full")

    _answer_by(monkeypatch, nak)
    async with _turn_of_bob(records, bus, tmp_path, "once") as (one, bobs):
        ended = await one.ended(bobs)
    assert refused
    assert (ended.state, ended.reason, ended.attempt) == (TaskState.DONE, TaskReason.NONE, 1)


async def test_a_stop_while_the_answer_hangs_says_what_became_of_what_had_begun(
    records: Records, bus: EmbeddedBus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def nak(*_: Any) -> None:
        await asyncio.Event().wait()

    _answer_by(monkeypatch, nak)
    async with _turn_of_bob(records, bus, tmp_path, "again", do="hang") as (one, bobs):
        # It is at work, not only said to be.
        await one.until(bobs, lambda task: task.progress_text == "hangs")
        monkeypatch.undo()
    stopped = await one.tasks.store.find(bobs.id)
    assert stopped is not None
    assert (stopped.state, stopped.reason) == (TaskState.QUEUED, TaskReason.SERVER_STOPPED)
