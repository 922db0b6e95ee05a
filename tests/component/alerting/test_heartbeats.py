"""Heartbeats in both databases: what came stays through a restart, and what is waited for since when."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nagare.alerting.heartbeats.service import Heartbeats
from nagare.config.settings import RecordsSettings
from nagare.errors import NotFoundError
from nagare.lib.clock import ManualClock
from nagare.lib.counters import Counters
from nagare.model.notify.heartbeat import Heartbeat
from nagare.records.engine import Records
from nagare.wire.heartbeats import HeartbeatPing

DEFINED = {name: Heartbeat(name, 60.0, 30.0) for name in ("backup", "report")}


@pytest.fixture
async def records(tmp_path: Path, migrated: RecordsSettings) -> AsyncIterator[Records]:
    """Fresh records."""
    async with Records(tmp_path / "records.db", migrated) as opened:
        yield opened


def room(records: Records, clock: ManualClock, defined: dict[str, Heartbeat] | None = None) -> Heartbeats:
    """Return heartbeats as a server has them that starts."""
    return Heartbeats(records, clock, Counters(), lambda: DEFINED if defined is None else defined)


async def states(heartbeats: Heartbeats) -> dict[str, str]:
    """Return how each one stands."""
    return {one.heartbeat.name: one.state.value for one in await heartbeats.standings()}


async def test_what_came_is_there_after_a_restart(records: Records) -> None:
    clock = ManualClock()
    ping = HeartbeatPing(ok=False, text="no room\x1b[31m", took_seconds=2.5)
    told = await room(records, clock).take("backup", ping, "ann")
    assert (told.state.value, told.beat.said) == ("failed", "no room\u241b[31m")
    (found, _) = await room(records, clock).standings()
    assert found == told
    await room(records, clock).take("backup", HeartbeatPing(), "ann")
    assert (await room(records, clock).standings())[0].state.value == "ok"


async def test_one_that_never_came_is_waited_for_through_restarts(records: Records) -> None:
    clock = ManualClock()
    await room(records, clock).follow()
    await clock.advance(50)
    await room(records, clock).follow()
    await clock.advance(41)
    assert await states(room(records, clock)) == {"backup": "missing", "report": "missing"}


async def test_one_that_is_defined_anew_is_waited_for_from_then_on(records: Records) -> None:
    clock, defined = ManualClock(), dict(DEFINED)
    heartbeats = room(records, clock, defined)
    await heartbeats.follow()
    del defined["report"]
    await heartbeats.follow()
    await clock.advance(91)
    defined["report"] = DEFINED["report"]
    await heartbeats.follow()
    assert await states(heartbeats) == {"backup": "missing", "report": "waiting"}


async def test_a_clock_that_was_ahead_makes_none_safe(records: Records) -> None:
    ahead, clock = ManualClock(1_760_000_000_000 + 10**10), ManualClock()
    await room(records, ahead).take("backup", HeartbeatPing(), "ann")
    heartbeats = room(records, clock)
    await heartbeats.follow()
    await clock.advance(91)
    assert (await states(heartbeats))["backup"] == "missing"


async def test_a_name_that_nobody_defined_is_not_taken(records: Records) -> None:
    with pytest.raises(NotFoundError) as caught:
        await room(records, ManualClock()).take("bakup", HeartbeatPing(), "ann")
    assert caught.value.hint == "did you mean 'backup'?"
