from pathlib import Path

import pytest

from nagare.agent.events import EventBox, read_boot_id, tell_boot
from nagare.collect.collector import Root
from nagare.model.event import Severity

NOW = 1_760_000_000_000


def _root(tmp_path: Path, uptime: str | None) -> Root:
    boot_id = tmp_path / "sys/kernel/random/boot_id"
    boot_id.parent.mkdir(parents=True)
    boot_id.write_text("b00t\n")
    if uptime is not None:
        (tmp_path / "uptime").write_text(uptime)
    return Root(proc=tmp_path)


def test_events_wait_for_the_next_batch_once() -> None:
    box = EventBox()
    box.tell("agent.start", "agent started", NOW, severity=Severity.WARNING, attributes={"version": "1"}, identity="e1")
    assert box.take() == [
        {
            "ts": NOW,
            "id": "e1",
            "kind": "agent.start",
            "severity": 1,
            "source": "agent",
            "text": "agent started",
            "attributes": {"version": "1"},
        }
    ]
    assert box.take() == []


def test_every_event_gets_an_id_of_its_own_and_the_box_is_bounded() -> None:
    box = EventBox()
    for number in range(150):
        box.tell("x", str(number), NOW)
    rows = box.take()
    assert [row["text"] for row in rows] == [str(number) for number in range(50, 150)]
    assert len({row["id"] for row in rows}) == 100
    assert box.counters.get("dropped") == 50


def test_a_boot_is_the_same_event_however_often_it_is_told(tmp_path: Path) -> None:
    root = _root(tmp_path, "60.5 100.0\n")
    assert read_boot_id(root) == "b00t"
    ids = set()
    for machine in ("m1", "m1", "m2"):
        box = EventBox()
        tell_boot(box, root, "b00t", machine, NOW, kept_seconds=3600)
        [row] = box.take()
        ids.add(row["id"])
        assert (row["kind"], row["ts"]) == ("host.boot", NOW - 60_500)
        assert row["text"] == "host booted at 2025-10-09T08:52:19Z"
    assert len(ids) == 2


@pytest.mark.parametrize(("kept_days", "told_at"), [(9, NOW), (11, NOW), (30, NOW - 864_000_000)])
def test_a_boot_is_told_at_its_own_time_while_the_server_takes_that(
    tmp_path: Path, kept_days: int, told_at: int
) -> None:
    box = EventBox()
    tell_boot(box, _root(tmp_path, "864000.0 1.0"), "b00t", "m1", NOW, kept_seconds=kept_days * 86400)
    [row] = box.take()
    assert row["ts"] == told_at
    assert row["text"] == "host booted at 2025-09-29T08:53:20Z"


def test_a_system_that_tells_neither_boot_nor_uptime(tmp_path: Path) -> None:
    assert read_boot_id(Root(proc=tmp_path / "none")) == ""
    box = EventBox()
    tell_boot(box, _root(tmp_path, "garbage"), "b", "m", NOW, kept_seconds=3600)
    assert box.take()[0]["ts"] == NOW
