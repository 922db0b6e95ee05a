"""Diagnoses without a model, over a real store: what is wrong, what is not, and that every number is shown."""

from pathlib import Path
from typing import Any

import pytest

from nagare.diagnosis.redact import MASK
from nagare.fleet.tables import HOSTS
from nagare.model.columns import RecordTable
from tests.support.clinic import HOUR_MS, STEP_MS, clinic
from tests.support.metric_store import START_MS, make_batch

MINUTES_10 = 120
FAULTS: list[tuple[str, dict[str, Any], str, str]] = [
    ("cpu.saturated", {"cpu": {"busy_ratio": [0.98] * MINUTES_10}}, "WARNING", "cpu"),
    ("disk.full", {"disk": {"used_ratio": [0.99] * MINUTES_10, "available_bytes": [2**20] * MINUTES_10}}, "CRITICAL", "/"),
    ("disk.slow", {"disk_io": {"write_await_seconds": [0.25] * MINUTES_10, "utilization_ratio": [0.97] * MINUTES_10}}, "WARNING", "sda"),
    ("memory.exhausted", {"memory": {"used_ratio": [0.98] * MINUTES_10, "pressure_full_ratio": [0.3] * MINUTES_10}}, "CRITICAL", "memory"),
    ("network.loss", {"network": {"errors_per_second": [12.0] * MINUTES_10}}, "WARNING", "eth0"),
    ("clock.offset", {"load": {"clock_offset_seconds": [1.5] * MINUTES_10}}, "WARNING", "clock"),
    ("disk.read_only", {"disk": {"read_only": [True] * MINUTES_10}}, "CRITICAL", "/"),
]  # fmt: skip


@pytest.mark.parametrize(("cause", "changes", "verdict", "about"), FAULTS, ids=[fault[0] for fault in FAULTS])
async def test_a_fault_is_found_with_its_onset(
    tmp_path: Path, cause: str, changes: dict[str, Any], verdict: str, about: str
) -> None:
    async with clinic(tmp_path) as room:
        await room.tell("web1", changes)
        await room.tell("web2")
        made = await room.diagnose()
    assert made.verdict == verdict
    first = made.findings[0]
    assert (first.cause, first.host) == (cause, "web1")
    assert about in first.about
    assert made.struck == []
    assert "no model was used" in made.notes[0]
    assert first.next_check
    began_ms = START_MS - MINUTES_10 * STEP_MS
    assert first.began_at
    told = [piece for piece in made.evidence if piece.id == first.evidence_for[0]]
    assert told[0].began_at == "" or abs(_ms(told[0].began_at) - began_ms) <= 30_000


async def test_a_sound_fleet_is_ok_with_perfdata(tmp_path: Path) -> None:
    async with clinic(tmp_path) as room:
        for host in ("web1", "web2", "db1"):
            await room.tell(host)
        made = await room.diagnose()
    assert (made.verdict, made.findings, made.is_inconclusive) == ("OK", [], False)
    assert made.summary == "nothing is wrong with 3 hosts"
    assert {one.label: one.value for one in made.perfdata}["hosts"] == 3


async def test_without_any_sample_nothing_is_known(tmp_path: Path) -> None:
    async with clinic(tmp_path) as room:
        made = await room.diagnose()
    assert (made.verdict, made.severity) == ("UNKNOWN", None)


async def test_every_figure_comes_out_again(tmp_path: Path) -> None:
    changes = {"cpu": {"busy_ratio": [0.98] * 100}, "disk": {"used_ratio": [0.97] * 60}}
    async with clinic(tmp_path) as room:
        await room.tell("web1", changes)
        made = await room.diagnose("web1")
        assert made.evidence
        for piece in made.evidence:
            rows = await room.asker().ask(piece.sql, piece.params)
            assert len(rows) == 1
            for figure in piece.figures:
                assert rows[0][figure.name] == pytest.approx(figure.value)


async def test_hosts_that_one_may_not_see_are_not_spoken_of(tmp_path: Path) -> None:
    async with clinic(tmp_path) as room:
        await room.tell("secret1", {"cpu": {"busy_ratio": [0.99] * 100}})
        await room.tell("web1")
        made = await room.diagnose(asker=room.asker(frozenset({"web1"})))
    assert made.verdict == "OK"
    assert "secret1" not in str(made)


async def test_a_crashed_process_explains_what_does_not_answer(tmp_path: Path) -> None:
    async with clinic(tmp_path) as room:
        await room.tell("web1", {"probe": _probe("tcp://127.0.0.1:9000", 60)})
        await room.store.append(make_batch(2, {"process": _processes(60)}, host="web1", boot="boot-web1"))
        made = await room.diagnose("web1")
    causes = [one.cause for one in made.findings]
    assert causes[:2] == ["process.crashed", "service.unreachable"]
    assert "server" in made.findings[0].about


async def test_a_host_that_fell_silent_before_the_window_is_missed(tmp_path: Path) -> None:
    async with clinic(tmp_path) as room:
        await room.tell("web1", steps=60, end_ms=START_MS - 2 * HOUR_MS)
        await room.tell("web2", steps=60)
        made = [await room.diagnose(), await room.diagnose(seconds=60), await room.diagnose("web1")]
    for told in made:
        assert (told.verdict, told.struck) == ("CRITICAL", [])
        assert [(one.cause, one.host) for one in told.findings] == [("host.silent", "web1")]


async def test_who_is_in_maintenance_or_was_removed_is_not_missed(tmp_path: Path) -> None:
    async def registered() -> dict[str, list[Any]]:
        rows: dict[str, list[Any]] = {column.name: [None] * 3 for column in HOSTS.columns}
        return rows | {"ts": [START_MS] * 3, "host": ["web1", "web2", "web3"], "maintenance": ["a new disk", "", ""]}

    async with clinic(tmp_path) as room:
        room.store.register_records(RecordTable(HOSTS, registered))
        for host in ("web1", "web2", "gone1"):
            await room.tell(host, steps=60, end_ms=START_MS - 2 * HOUR_MS)
        await room.tell("web3", steps=60)
        made = await room.diagnose()
    assert [(one.cause, one.host) for one in made.findings] == [("host.silent", "web2")]


async def test_a_host_that_lies_of_its_start_spoils_no_diagnosis(tmp_path: Path) -> None:
    async with clinic(tmp_path) as room:
        await room.tell("web1", {"load": {"uptime_seconds": [-1e15] * 60}})
        await room.tell("web2", {"cpu": {"busy_ratio": [0.98] * MINUTES_10}})
        made = await room.diagnose()
    assert ("cpu.saturated", "web2") in [(one.cause, one.host) for one in made.findings]
    assert "host.restarted" not in [one.cause for one in made.findings]


async def test_what_is_secret_in_evidence_is_so_in_a_finding(tmp_path: Path) -> None:
    async with clinic(tmp_path) as room:
        await room.tell("auth1", {"probe": _probe("https://dora:hunter22@auth1:443", 60)})
        made = await room.diagnose()
    assert made.findings[0].cause == "service.unreachable"
    assert MASK in made.findings[0].title
    assert "hunter22" not in str((made.findings, made.summary, [one.text for one in made.evidence]))


def _probe(target: str, failing: int) -> dict[str, Any]:
    return {"target": target, "kind": "tcp", "success": [True] * (1440 - failing) + [False] * failing}


def _processes(gone: int) -> dict[str, list[Any]]:
    rows: list[tuple[int, int, str, int]] = []
    for step in range(720):
        at = START_MS - (720 - step) * STEP_MS
        rows += [(at, 100 + place, f"small{place}", (20 - place) * 2**20) for place in range(12)]
        if step < 720 - gone:
            rows.append((at, 4711, "server", 300 * 2**20))
    return {
        "ts": [row[0] for row in rows],
        "rank": [1] * len(rows),
        "pid": [row[1] for row in rows],
        "name": [row[2] for row in rows],
        "user": ["www"] * len(rows),
        "cpu_ratio": [0.01] * len(rows),
        "memory_bytes": [row[3] for row in rows],
    }


def _ms(text: str) -> int:
    from datetime import datetime

    return round(datetime.fromisoformat(text).timestamp() * 1000)
