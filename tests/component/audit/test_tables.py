"""The audit log as a table: the newest entries, whole, however many pages they fill."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from nagare.audit.service import AuditTrail
from nagare.audit.tables import AUDIT, audit_table
from nagare.audit.wanted import Wanted
from nagare.lib.clock import ManualClock
from nagare.model.columns import row_count
from nagare.model.deed import Deed, Outcome
from nagare.records.engine import Records


@pytest.fixture
async def audit(tmp_path: Path) -> AsyncIterator[AuditTrail]:
    async with (
        Records(tmp_path / "records.db") as records,
        AuditTrail(records, tmp_path / "keys" / "audit.key", ManualClock()) as opened,
    ):
        yield opened


async def _fill(audit: AuditTrail, count: int) -> None:
    for start in range(0, count, 600):
        deeds = [
            Deed("hosts.label", Outcome.DONE, "root", target=f"host{n}") for n in range(start, min(count, start + 600))
        ]
        await asyncio.gather(*map(audit.record, deeds))


async def test_an_empty_log_is_an_empty_table(audit: AuditTrail) -> None:
    columns = await audit_table(audit).fetch()
    assert list(columns) == [column.name for column in AUDIT.columns]
    assert row_count(columns) == 0


async def test_a_row_says_what_the_entry_says(audit: AuditTrail) -> None:
    deed = Deed(
        "users.change", Outcome.REFUSED, "åsa", "k1", "key", "10.0.0.9", "dora", "request-1", "no right", {"a": [1]}, {}, 7
    )  # fmt: skip
    await audit.record(deed)
    (entry,) = await audit.find(Wanted())
    row = {name: cells[0] for name, cells in (await audit_table(audit).fetch()).items()}
    assert row == {
        "ts": json.loads(entry.line)["at_ms"],
        "host": None,
        "seq": 1,
        "action": "users.change",
        "outcome": "refused",
        "actor": "åsa",
        "actor_id": "k1",
        "actor_kind": "key",
        "address": "10.0.0.9",
        "target": "dora",
        "request_id": "request-1",
        "detail": "no right",
        "deeds_count": 7,
        "before": '{"a": [1]}',
        "after": "{}",
        "digest": entry.digest,
    }


@pytest.mark.parametrize(("limit", "numbers"), [(5000, range(1201, 0, -1)), (700, range(1201, 501, -1)), (1, [1201])])
async def test_the_newest_entries_come_whole_over_pages(audit: AuditTrail, limit: int, numbers: range) -> None:
    await _fill(audit, 1201)
    columns = await audit_table(audit, limit).fetch()
    assert list(columns["seq"]) == list(numbers)
    assert len(set(columns["target"])) == len(numbers)
