"""What a host depends on, by its labels: where that is down, it is the cause, and what came before it is not its effect."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nagare.fleet.tables import HOSTS
from nagare.model.columns import RecordTable
from nagare.wire.diagnosis import DiagnosisView
from tests.support.clinic import STEP_MS, Clinic, clinic
from tests.support.metric_store import START_MS

FELL_MS = START_MS - 60 * STEP_MS


def register(room: Clinic, hosts: Mapping[str, tuple[str, Mapping[str, str]]]) -> None:
    """Let hosts be registered, each with its state and its labels; those that are down fell when FELL_MS says."""

    async def fetch() -> dict[str, list[Any]]:
        rows = [
            {
                "ts": START_MS, "host": name, "state": state, "labels": dict(labels), "maintenance": "",
                "last_seen_ms": FELL_MS if state == "down" else START_MS,
            }
            for name, (state, labels) in hosts.items()
        ]  # fmt: skip
        return {column.name: [row.get(column.name) for row in rows] for column in HOSTS.columns}

    room.store.register_records(RecordTable(HOSTS, fetch))


async def fallen(room: Clinic, *hosts: str) -> None:
    """Let hosts send nothing since FELL_MS."""
    for host in hosts:
        await room.tell(host, end_ms=FELL_MS)


def neighbours(made: DiagnosisView) -> list[Any]:
    return [piece for piece in made.evidence if piece.kind == "neighbour"]


async def test_what_a_host_depends_on_and_is_down_is_the_cause(tmp_path: Path) -> None:
    async with clinic(tmp_path) as room:
        await fallen(room, "web1", "sw1")
        await room.tell("db1")
        register(room, {"web1": ("down", {"depends_on": "db1, sw1"}), "sw1": ("down", {}), "db1": ("up", {})})
        made = await room.diagnose("web1")
        for piece in neighbours(made):
            (row,) = await room.asker().ask(piece.sql, piece.params)
            assert {figure.name: figure.value for figure in piece.figures}.items() <= row.items()
    first, second = made.findings
    assert (first.cause, first.host, first.about) == ("upstream.down", "web1", "sw1")
    # What the host shows is its effect, and goes below it.
    assert (second.cause, second.confidence < first.confidence) == ("host.silent", True)
    assert {piece.text for piece in neighbours(made)} == {
        "db1, on which web1 depends, is up",
        "sw1, on which web1 depends, is down",
    }
    assert made.struck == []


async def test_hosts_that_share_a_thing_and_fell_together_point_at_it(tmp_path: Path) -> None:
    rack = {name: ("down", {"rack": "r7"}) for name in ("web1", "web2", "web3")}
    async with clinic(tmp_path) as room:
        await fallen(room, *rack)
        register(room, {**rack, "db1": ("up", {"rack": "r7"}), "db2": ("up", {"rack": "r8"})})
        made = await room.diagnose("web1")
        (piece,) = neighbours(made)
        (row,) = await room.asker().ask(piece.sql, piece.params)
    assert (made.findings[0].cause, made.findings[0].about) == ("upstream.down", "rack r7")
    assert (row["hosts"], row["down"]) == (4, 3)
    assert made.struck == []


async def test_a_host_that_shows_nothing_has_no_cause_upstream(tmp_path: Path) -> None:
    async with clinic(tmp_path) as room:
        await fallen(room, "sw1")
        await room.tell("web1", {"disk": {"used_ratio": [0.99] * 120, "available_bytes": [2**20] * 120}})
        register(room, {"web1": ("up", {"switch": "sw1"}), "sw1": ("down", {})})
        made = await room.diagnose("web1")
    assert [one.cause for one in made.findings] == ["disk.full"]
    # It is evidence all the same: somebody may ask for it.
    assert [piece.host for piece in neighbours(made)] == ["sw1"]


async def test_what_failed_before_is_no_effect(tmp_path: Path) -> None:
    probe = {"target": "tcp://10.0.0.1:80", "kind": "tcp", "success": [True] * 1200 + [False] * 240}
    async with clinic(tmp_path) as room:
        await fallen(room, "sw1")
        await room.tell("web1", {"probe": probe})
        register(room, {"web1": ("up", {"switch": "sw1"}), "sw1": ("down", {})})
        made = await room.diagnose("web1")
    assert "upstream.down" not in [one.cause for one in made.findings]


async def test_hosts_that_one_may_not_see_are_no_neighbours(tmp_path: Path) -> None:
    async with clinic(tmp_path) as room:
        await fallen(room, "web1", "secret1")
        register(room, {"web1": ("down", {"depends_on": "secret1"}), "secret1": ("down", {})})
        made = await room.diagnose("web1", asker=room.asker(frozenset({"web1"})))
    assert [one.cause for one in made.findings] == ["host.silent"]
    assert "secret1" not in str(made)


async def test_labels_that_the_settings_do_not_name_are_no_links(tmp_path: Path) -> None:
    async with clinic(tmp_path, links=("hangs_on",)) as room:
        await fallen(room, "web1", "sw1")
        register(room, {"web1": ("down", {"depends_on": "sw1"}), "sw1": ("down", {})})
        made = await room.diagnose("web1")
    assert neighbours(made) == []
