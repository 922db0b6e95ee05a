import asyncio
import logging
from types import TracebackType
from typing import Self

import pytest

from nagare.server.running.bounded import Bounded


class _Room:
    def __init__(self, *, hangs: bool) -> None:
        self.hangs = hangs
        self.is_open = False

    async def __aenter__(self) -> Self:
        self.is_open = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.hangs:
            await asyncio.Event().wait()
        self.is_open = False


async def test_a_room_is_entered_and_left() -> None:
    room = _Room(hangs=False)
    async with Bounded("room", room, 5.0) as entered:
        assert entered is room
        assert room.is_open
    assert not room.is_open


async def test_a_room_that_hangs_is_given_up_and_named(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        async with Bounded("the slow room", _Room(hangs=True), 0.01):
            pass
    assert "the slow room" in caplog.text
