"""Silences in both databases: how many are kept and read."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import insert

from nagare.alerting.schema import silences as table
from nagare.alerting.silences.service import OPEN_LIMIT, OVER_LIMIT, Silences
from nagare.alerting.silences.store import SilenceStore, _values
from nagare.config.settings import RecordsSettings
from nagare.lib.clock import ManualClock
from nagare.model.alert.matcher import parse_matchers
from nagare.model.alert.silence import Silence
from nagare.model.principal import ADMIN_PERMISSIONS, Principal, PrincipalKind
from nagare.records.engine import Records
from nagare.wire.alerts import SilenceRequest

LOCAL = Principal("t1", "local", ADMIN_PERMISSIONS, kind=PrincipalKind.LOCAL)
_REQUEST = SilenceRequest(["host=web1"], "disks", 3600.0, idle_seconds=60.0)


@pytest.fixture
async def records(tmp_path: Path, migrated: RecordsSettings) -> AsyncIterator[Records]:
    """Fresh records."""
    async with Records(tmp_path / "records.db", migrated) as opened:
        yield opened


async def _add_over(records: Records, count: int, now_ms: int) -> None:
    """Keep ``count`` silences that are over, the first of them for the longest time."""
    one = Silence("", parse_matchers(["host=web1"]), "x", "t1", "local", now_ms - 90_000, now_ms - 90_000, 0, 0)
    rows = [_values(replace(one, id=f"over{place:05d}", until_ms=now_ms - 80_000 + place)) for place in range(count)]
    await records.write(lambda connection: connection.execute(insert(table), rows))


async def test_of_those_that_are_over_the_last_ones_are_shown(records: Records) -> None:
    clock = ManualClock()
    await _add_over(records, OPEN_LIMIT + OVER_LIMIT + 20, clock.now_ms())
    silences = Silences(records, clock)
    open_one = await silences.add(LOCAL, _REQUEST)
    await silences.load()
    shown = {one.id for one in silences.all()}
    assert len(shown) == OPEN_LIMIT + OVER_LIMIT
    assert open_one.id in shown
    assert "over00020" not in shown
    # Who knows the id of an older one is told of it still.
    assert (await silences.get("over00000")).reason == "x"
    assert silences.over({"host": "web1"}) == [open_one]


async def test_too_many_that_are_over_are_forgotten(records: Records) -> None:
    clock = ManualClock()
    await _add_over(records, 30, clock.now_ms())
    store = SilenceStore(records)
    await store.forget(0, 10)
    assert {one.id for one in await store.load({}, 100)} == {f"over{place:05d}" for place in range(20, 30)}
    await store.forget(clock.now_ms(), 10)
    assert await store.load({}, 100) == []
