"""The audit log over real records: durable, in order, never changed, and honest about what a crash swallowed."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from nagare.audit.service import HEAD_SECONDS, REFUSALS_EACH, WINDOW_SECONDS, AuditTrail
from nagare.audit.verify import verify
from nagare.audit.wanted import Wanted
from nagare.config.settings import RecordsSettings
from nagare.errors import NagareError
from nagare.lib.clock import ManualClock
from nagare.lib.tasks import TaskSupervisor
from nagare.model.deed import Deed, Outcome
from nagare.records.engine import Records


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
async def records(tmp_path: Path, migrated: RecordsSettings) -> AsyncIterator[Records]:
    async with Records(tmp_path / "records.db", migrated) as opened:
        yield opened


@pytest.fixture
async def audit(records: Records, clock: ManualClock, tmp_path: Path) -> AsyncIterator[AuditTrail]:
    async with AuditTrail(records, tmp_path / "keys" / "audit.key", clock) as opened:
        yield opened


def _deed(action: str = "hosts.label", outcome: Outcome = Outcome.DONE, **more: Any) -> Deed:
    return Deed(action, outcome, "root", **more)


async def _lines(audit: AuditTrail) -> list[dict[str, object]]:
    return [json.loads(entry.line) async for entry in audit.export()]


async def test_entries_that_come_together_stand_in_one_chain(audit: AuditTrail) -> None:
    await asyncio.gather(*(audit.record(_deed(target=f"host{number}")) for number in range(300)))
    entries = [entry async for entry in audit.export()]
    assert [entry.seq for entry in entries] == list(range(1, 301))
    assert {json.loads(entry.line)["target"] for entry in entries} == {f"host{number}" for number in range(300)}
    assert verify(iter(entries), await audit.heads(), await audit.sign_head()).faults == []


async def test_they_are_found_by_what_stands_in_them(audit: AuditTrail, clock: ManualClock) -> None:
    await audit.record(_deed(target="web1"))
    await clock.advance(60)
    await audit.record(_deed("users.add", Outcome.FAILED, target="åsa"))
    newest = await audit.find(Wanted())
    assert [json.loads(entry.line)["action"] for entry in newest] == ["users.add", "hosts.label"]
    by_time = await audit.find(Wanted(since_ms=clock.now_ms()))
    assert [entry.seq for entry in by_time] == [2]
    for wanted in (Wanted(target="web1"), Wanted(action="hosts.label"), Wanted(before_seq=2), Wanted(outcome="done")):
        assert [entry.seq for entry in await audit.find(wanted)] == [1]


async def test_a_deed_that_a_crash_cut_short_is_told_with_an_unknown_outcome(
    records: Records, clock: ManualClock, tmp_path: Path
) -> None:
    async with AuditTrail(records, tmp_path / "audit.key", clock) as audit:
        await audit.begin(_deed("hosts.remove", Outcome.UNKNOWN, target="web1"))
        begun = await audit.begin(_deed("hosts.label", Outcome.UNKNOWN, target="web2"))
        await audit.record(_deed("hosts.label", target="web2"), begun)
    async with AuditTrail(records, tmp_path / "audit.key", clock) as audit:
        told = [(line["target"], line["outcome"]) for line in await _lines(audit)]
        assert told == [("web2", "done"), ("web1", "unknown")]
    async with AuditTrail(records, tmp_path / "audit.key", clock) as audit:
        assert len(await _lines(audit)) == 2


async def test_a_flood_of_refusals_becomes_a_few_entries_and_a_count(audit: AuditTrail, clock: ManualClock) -> None:
    async with TaskSupervisor(clock=clock) as tasks:
        tasks.supervise("audit", audit.run)
        for number in range(REFUSALS_EACH + 7):
            refused = _deed("metrics.read", Outcome.REFUSED, address="10.0.0.9", request_id=f"request-{number}")
            await audit.refuse(refused)
        await audit.refuse(_deed("metrics.read", Outcome.REFUSED, address="10.0.0.10"))
        assert len(await _lines(audit)) == REFUSALS_EACH + 1
        await clock.advance(WINDOW_SECONDS)
        await audit.record(_deed())
        lines = await _lines(audit)
    assert [line["count"] for line in lines if line["count"] != 1] == [7]
    assert len(lines) == REFUSALS_EACH + 3


async def test_the_head_is_signed_by_the_hour(audit: AuditTrail, clock: ManualClock) -> None:
    async with TaskSupervisor(clock=clock) as tasks:
        tasks.supervise("audit", audit.run)
        await audit.record(_deed())
        await clock.advance(HEAD_SECONDS - WINDOW_SECONDS)
        assert await audit.heads() == []
        await clock.advance(2 * WINDOW_SECONDS)
        async with asyncio.timeout(30):
            while not (heads := await audit.heads()):
                pass
    assert [head.seq for head in heads] == [1]


@pytest.mark.parametrize("statement", ["UPDATE audit_entries SET actor = 'nobody'", "DELETE FROM audit_entries"])
async def test_the_database_refuses_to_change_an_entry(audit: AuditTrail, records: Records, statement: str) -> None:
    await audit.record(_deed())
    with pytest.raises(NagareError, match="never"):
        await records.write(lambda connection: connection.execute(text(statement)))
