"""Incidents, notifications and heartbeats as rows: which stand first, and what each cell says."""

from nagare.tui.notify.rows import (
    HEARTBEAT_COLUMNS,
    INCIDENT_COLUMNS,
    NOTICE_COLUMNS,
    cause_of,
    heartbeat_row,
    incident_row,
    newest_first,
    notice_row,
)
from tests.tui.jobs import MADE_MS
from tests.tui.notify import heartbeat_of, incident_of, notice_of


def _first(*rows: dict[str, object]) -> list[object]:
    return [row["id"] for row in sorted(rows, key=lambda row: float(str(row["order"])))]


def test_an_incident_that_nobody_has_in_hand_stands_first_then_the_newest() -> None:
    held = [
        incident_of("over", is_open=False), incident_of("open", is_waiting=False, seconds=10), incident_of("old", seconds=9000),
        incident_of("new", seconds=60, tells_at="2099-01-01T00:00:00Z"),
    ]  # fmt: skip
    rows = [incident_row(one, MADE_MS) for one in held]
    assert _first(*rows) == ["new", "old", "open", "over"]
    assert [row["state"] for row in rows] == ["resolved", "open", "firing", "firing"]
    assert set(rows[0]) == {spec.key for spec in INCIDENT_COLUMNS}
    assert (rows[0]["age"], rows[0]["nobody"], rows[0]["tells"]) == (60.0, None, None)
    assert rows[2]["nobody"] == 8970.0
    assert incident_row(incident_of("x", labels={}, route=""), MADE_MS)["labels"] == "all alerts"


def test_what_is_dead_stands_first_then_what_waits_then_the_newest() -> None:
    held = [
        notice_of("old", seconds=9000), notice_of("new", seconds=5), notice_of("wait", "waiting"), notice_of("dead", "dead"),
        notice_of("drop", "dropped", seconds=20, firing=0, resolved=1),
    ]  # fmt: skip
    rows = [notice_row(one, MADE_MS) for one in held]
    assert _first(*rows) == ["dead", "wait", "new", "drop", "old"]
    assert set(rows[0]) == {spec.key for spec in NOTICE_COLUMNS}
    assert [row["next"] for row in rows] == [None, None, 40.0, None, None]
    assert (rows[0]["alerts"], rows[4]["alerts"]) == ("DiskFull (2 firing)", "DiskFull (1 over)")
    assert notice_row(notice_of("x", firing=0), MADE_MS)["alerts"] == "DiskFull (nothing fires)"


def test_a_cause_is_told_without_the_channel_that_stands_beside_it() -> None:
    assert cause_of("cannot send to ops/hook: cannot reach it", "ops/hook") == "cannot reach it"
    assert cause_of("cannot send to ops/hook at 10.0.0.1: it said 401", "ops/hook") == "at 10.0.0.1: it said 401"
    assert cause_of("cannot send to ops/hooks: no", "ops/hook") == "cannot send to ops/hooks: no"


def test_answers_are_joined_and_each_stands_there_once() -> None:
    one, two = notice_of("one", seconds=50), notice_of("two", seconds=5)
    assert list(newest_first([one], [two, one])) == ["two", "one"]


def test_a_heartbeat_that_is_missing_stands_first() -> None:
    held = [heartbeat_of("a"), heartbeat_of("b", "late"), heartbeat_of("c", "failed"), heartbeat_of("d", "missing")]
    rows = [heartbeat_row(one, MADE_MS, place) for place, one in enumerate(held)]
    assert [row["name"] for row in sorted(rows, key=lambda row: row["order"])] == ["c", "d", "b", "a"]
    assert set(rows[0]) == {spec.key for spec in HEARTBEAT_COLUMNS}
    assert [(row["due"], row["late"]) for row in rows[2:]] == [(1800.0, None), (None, 4000.0)]


def test_foreign_text_is_made_plain() -> None:
    evil = "\x1b[2J[bold]x"
    row = notice_row(notice_of("x", "dead", channel=evil, fault=evil, alertnames=[evil], reason=evil), MADE_MS)
    incident = incident_row(incident_of("x", labels={"a": evil}, told_to=[evil], route=evil), MADE_MS)
    beat = heartbeat_row(heartbeat_of(evil, said=evil, sender=evil, text=evil), MADE_MS, 0)
    texts = [text for held in (row, incident, beat) for text in held.values() if isinstance(text, str)]
    assert not any("\x1b" in text for text in texts)
