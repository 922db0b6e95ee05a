"""What changed first and most: told with figures that come out again, and a suspicion only where something is wrong."""

import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nagare.diagnosis.evidence.changed import look_changed
from nagare.diagnosis.evidence.seen import Ground
from nagare.diagnosis.evidence.window import Window
from nagare.diagnosis.summary import LIKELY
from nagare.wire.diagnosis import DiagnosisView
from tests.component.diagnosis.test_advice import open_alert
from tests.component.diagnosis.test_service import failing
from tests.support.clinic import HOUR_MS, STEP_MS, Clinic, clinic
from tests.support.metric_store import START_MS, make_batch

SINCE = 120
BEGAN_MS = START_MS - SINCE * STEP_MS
TRAFFIC = "received_bytes_per_second"


def noisy(level: float, count: int, seed: int = 1) -> list[float]:
    """Return values around ``level``, a tenth of it up and down."""
    noise = random.Random(seed)
    return [level * noise.gauss(1.0, 0.1) for _ in range(count)]


def traffic(since: float) -> dict[str, dict[str, Any]]:
    """Return a host whose traffic is ``since`` for the last ten minutes, and nothing of which any rule knows."""
    return {
        "network": {"interface": "eth0", TRAFFIC: noisy(1e6, 1440 - SINCE) + noisy(since, SINCE, 2)},
        "cpu": {"busy_ratio": noisy(0.2, 1440, 3)},
        "load": {"load1": noisy(0.5, 1440, 4)},
    }


def of_kind(made: DiagnosisView, kind: str) -> list[Any]:
    return [piece for piece in made.evidence if piece.kind == kind]


async def check_again(room: Clinic, pieces: Sequence[Any]) -> None:
    """Ask every query again: the figures come out to the last digit."""
    for piece in pieces:
        (row,) = await room.asker().ask(piece.sql, piece.params)
        assert {figure.name: figure.value for figure in piece.figures}.items() <= row.items()


async def test_an_alert_that_no_rule_explains_has_what_changed_first(tmp_path: Path) -> None:
    async with clinic(tmp_path) as room:
        await room.tell("db1", traffic(40e6))
        open_alert(room, "db1", "QueueGrows", "the queue grows")
        made = await room.diagnose("db1")
        await check_again(room, of_kind(made, "change"))
    (first,) = made.findings
    assert (first.cause, first.about) == ("change.first", "interface eth0")
    # It is honest: a statistic is never likely, and makes nothing worse by itself.
    assert first.confidence < LIKELY
    assert made.summary.startswith("inconclusive: 1 alert is open")
    piece = next(one for one in made.evidence if one.id == first.evidence_for[0])
    assert [figure.value for figure in piece.figures] == pytest.approx([1.16e6, 46e6], rel=0.05)
    assert piece.text.startswith("interface eth0: received p95 1.")
    assert first.began_at == piece.began_at != ""
    assert made.struck == []


async def test_a_host_that_merely_changed_has_no_finding_and_is_not_ranked(tmp_path: Path) -> None:
    async with clinic(tmp_path) as room:
        await room.tell("db1", traffic(40e6))
        made = await room.diagnose("db1")
    assert (made.verdict, made.findings, of_kind(made, "change")) == ("OK", [], [])


async def test_an_alert_where_nothing_changed_stays_without_a_cause(tmp_path: Path) -> None:
    async with clinic(tmp_path) as room:
        await room.tell("db1", traffic(1e6))
        open_alert(room, "db1", "QueueGrows", "the queue grows")
        made = await room.diagnose("db1")
    assert made.is_inconclusive
    assert made.findings == []


async def test_a_cause_that_rules_know_leaves_no_room_for_a_statistic(tmp_path: Path) -> None:
    full = {"disk": {"used_ratio": [0.99] * SINCE, "available_bytes": [2**20] * SINCE}}
    async with clinic(tmp_path) as room:
        await room.tell("db1", {**traffic(40e6), **full})
        made = await room.diagnose("db1")
    assert "change.first" not in [one.cause for one in made.findings]
    # What changed is evidence all the same.
    assert of_kind(made, "change")


async def test_a_store_that_is_too_busy_to_rank_costs_the_ranking_alone(tmp_path: Path) -> None:
    async with clinic(tmp_path) as room:
        await room.tell("db1", {"disk": {"used_ratio": [0.99] * SINCE, "available_bytes": [2**20] * SINCE}})
        asker = room.asker()
        made = await room.diagnose("db1", asker=replace(asker, query=failing(asker.query, "list(slot)")))
    assert made.findings[0].cause == "disk.full"
    assert any(note.startswith("changed could not be looked at") for note in made.notes)


async def test_counters_and_programs_are_asked_for_so_that_their_figures_come_out_again(tmp_path: Path) -> None:
    times = [START_MS - (1440 - place) * STEP_MS for place in range(1440)]
    discards, total = [], 0
    for place in range(1440):
        total += 10 if place < 1440 - SINCE else 900
        discards.append(total)
    rows = [(at, name) for at in times for name in ("cron", "burn") if name == "cron" or at >= BEGAN_MS]
    process = {
        "ts": [at for at, _ in rows], "rank": [1] * len(rows), "pid": [7] * len(rows), "name": [name for _, name in rows],
        "user": ["www"] * len(rows), "cpu_ratio": [0.01 if name == "cron" else 3.5 for _, name in rows],
    }  # fmt: skip
    async with clinic(tmp_path) as room:
        await room.tell("db1", {"disk_io": {"discards_total": discards}})
        await room.store.append(make_batch(2, {"process": process}, host="db1", boot="boot-db1"))
        ground = Ground(room.asker(), Window(START_MS - HOUR_MS, START_MS), "db1", onsets={"db1": BEGAN_MS})
        drafts = [one.draft() for one in await look_changed(ground)]
        await check_again(room, drafts)
    told = {piece.about: piece for piece in drafts}
    burn = told["process burn"]
    assert (burn.figure("before"), burn.figure("after")) == (None, 3.5)
    assert told["disk sda"].figure("after") == pytest.approx(180.0)
    assert all(piece.began_ms is not None and abs(piece.began_ms - BEGAN_MS) <= 60_000 for piece in drafts)


async def test_what_was_odd_backs_what_changed(tmp_path: Path) -> None:
    odd = {
        "ts": [BEGAN_MS + place * STEP_MS for place in range(3)], "table_name": ["network"] * 3, "column_name": [TRAFFIC] * 3,
        "series": ["interface=eth0"] * 3, "kind": ["value"] * 3, "score": [0.8, 0.96, 0.9], "value": [39e6, 44e6, 41e6],
        "expected": [1e6] * 3,
    }  # fmt: skip
    async with clinic(tmp_path) as room:
        await room.tell("db1", traffic(40e6))
        open_alert(room, "db1", "QueueGrows", "the queue grows")
        plain = await room.diagnose("db1")
        await room.store.append(make_batch(2, {"anomalies": odd}, host="db1", boot="boot-db1"))
        made = await room.diagnose("db1")
        await check_again(room, of_kind(made, "anomaly"))
    (piece,) = of_kind(made, "anomaly")
    assert piece.text == f"network eth0: {TRAFFIC} 42.0M/s where 977K/s was usual, 3 odd rows (score 0.96)"
    assert piece.id in made.findings[0].evidence_for
    assert made.findings[0].confidence > plain.findings[0].confidence
