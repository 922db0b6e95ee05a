"""Columns of unit, and events for failures and recoveries, against a systemctl that plays back captured outputs."""

import json
from pathlib import Path

import pytest

from nagare.collect.collector import AbsentError
from nagare.collect.unit.collector import UnitCollector
from nagare.errors import UnavailableError
from tests.unit.collect.trees import at, captured, program, root_at, rows_of

PLAYBACK = 'case "$1" in list-units) cat "$(dirname "$0")/list";; show) cat "$(dirname "$0")/show";; esac'


class Systemd:
    """A machine with a systemctl that says what a test writes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = root_at(folder)
        (folder / "run/systemd/system").mkdir(parents=True)
        self.places = program(folder / "bin", "systemctl", PLAYBACK)
        self.say(captured("systemctl/list.json"), captured("systemctl/show.txt"))
        self.collector = UnitCollector(self.root, places=f"{self.places}:/usr/bin:/bin")

    def say(self, listed: bytes, shown: bytes = b"") -> None:
        (self.folder / "bin/list").write_bytes(listed)
        (self.folder / "bin/show").write_bytes(shown)


@pytest.fixture
def systemd(tmp_path: Path) -> Systemd:
    return Systemd(tmp_path)


def test_totals_and_bad_units(systemd: Systemd) -> None:
    tables = systemd.collector.collect(at(0))
    totals, backup, flappy = rows_of(tables, "unit")
    assert (totals["name"], totals["failed"], totals["active"]) == ("*", 1, 3)
    assert (backup["name"], backup["result"], backup["failed"]) == ("backup.service", "exit-code", 1)
    assert (flappy["sub_state"], flappy["restarts_total"], flappy["failed"]) == ("auto-restart", 412, 0)


def test_failure_is_told_once_with_an_id_of_its_moment(systemd: Systemd) -> None:
    event = rows_of(systemd.collector.collect(at(0)), "events")[0]
    assert (event["kind"], event["severity"]) == ("unit.failed", 2)
    assert event["text"] == "unit backup.service failed: exit-code"
    assert event["id"] == "unit.failed:unknown:88123456:backup.service"
    assert "events" not in systemd.collector.collect(at(30))


def test_recovery_is_told_and_the_row_stays_a_while(systemd: Systemd) -> None:
    systemd.collector.collect(at(0))
    units = json.loads(captured("systemctl/list.json"))
    units[1] |= {"active": "active", "sub": "running"}
    systemd.say(json.dumps(units).encode(), captured("systemctl/show.txt").replace(b"exit-code", b"success"))
    tables = systemd.collector.collect(at(30))
    assert [event["kind"] for event in rows_of(tables, "events")] == ["unit.recovered"]
    assert rows_of(tables, "unit")[1]["active"] == 1
    assert "backup.service" in {row["name"] for row in rows_of(systemd.collector.collect(at(500)), "unit")}
    assert "backup.service" not in {row["name"] for row in rows_of(systemd.collector.collect(at(700)), "unit")}


def test_unit_that_was_unloaded(systemd: Systemd) -> None:
    systemd.collector.collect(at(0))
    systemd.say(b"[]")
    tables = systemd.collector.collect(at(30))
    assert [row["name"] for row in rows_of(tables, "unit")] == ["*"]
    assert "events" not in tables


def test_machine_without_systemd(tmp_path: Path) -> None:
    with pytest.raises(AbsentError, match="not started by systemd"):
        UnitCollector(root_at(tmp_path)).collect(at(0))
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    with pytest.raises(AbsentError, match="not installed"):
        UnitCollector(root_at(tmp_path), places=str(tmp_path)).collect(at(0))


def test_systemd_that_does_not_answer(systemd: Systemd) -> None:
    program(systemd.folder / "bin", "systemctl", "exit 1")
    with pytest.raises(UnavailableError, match="list-units ended with 1"):
        systemd.collector.collect(at(0))
