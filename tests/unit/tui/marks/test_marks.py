"""Marks: what they are made of, how the few of a part stand for the rest, and what a limited caller's answers leave."""

import asyncio
from typing import Any

import pytest

from nagare.errors import QuerySyntaxError
from nagare.lib.clock import ManualClock
from nagare.tui.history import Span, Statement
from nagare.tui.marks.of_events import event_marks
from nagare.tui.renderables.chart_model import EventMark, MarkKind
from nagare.tui.replay.past import Answer, SqlPast
from nagare.wire.events import EventView

NOW = 1_760_000_000_000
SPAN = Span(NOW - 60_000, NOW, 1000)


def _event(kind: str, text: str = "", host: str = "db-1", severity: int = 0, **attributes: str) -> EventView:
    return EventView(f"e-{kind}", NOW, host, kind, severity, "test", text, attributes)


@pytest.mark.parametrize(
    ("event", "kind", "state", "subject"),
    [
        (_event("alert.firing", severity=3, alert="a1"), MarkKind.ALERT, "crit", "a1"),
        (_event("alert.acknowledged", alert="a1"), MarkKind.ALERT, "ack", "a1"),
        (_event("command.failed", severity=1, job="j1"), MarkKind.COMMAND, "failed", "j1"),
        (_event("command.break_glass", severity=3, job="j1"), MarkKind.COMMAND, "crit", "j1"),
        (_event("note", "Deployed orders 2.4.1"), MarkKind.CHANGE, "info", "e-note"),
        (_event("unit.failed", "nginx failed", severity=1), MarkKind.EVENT, "warn", "e-unit.failed"),
    ],
)
def test_an_event_becomes_a_mark(event: EventView, kind: MarkKind, state: str, subject: str) -> None:
    (mark,) = event_marks([event], "db-1")
    assert (mark.kind, mark.state, mark.subject, mark.host) == (kind, state, subject, "db-1")


def test_a_host_has_its_own_marks_and_changes_of_no_host() -> None:
    events = [
        _event("note", "deploy 4", ""),
        _event("note", "hello", ""),
        _event("note", "hello", "web-1"),
        _event("note", "hi"),
        _event("notification", "told"),
    ]
    assert [mark.text for mark in event_marks(events, "db-1")] == ["deploy 4", "hi"]
    assert [mark.text for mark in event_marks(events)] == ["deploy 4", "hello", "web-1: hello", "db-1: hi"]


def test_what_comes_from_elsewhere_is_text_and_bounded() -> None:
    (mark,) = event_marks([_event("note", "\x1b[2Jevil" * 1000)], "db-1")
    assert "\x1b" not in mark.text
    assert len(mark.text) <= 200


def _marks(host: str, answers: dict[str, Any]) -> list[EventMark]:
    async def ask(statement: Statement) -> Answer:
        table = next(name for name in ("events", "commands", "audit", "gaps") if f"from {name}" in statement.sql)
        if table not in answers:
            raise QuerySyntaxError(f"no such table {table}")
        return Answer((), answers[table])

    return asyncio.run(SqlPast(ask, ManualClock(NOW)).marks(host, SPAN))


def test_every_table_gives_its_marks() -> None:
    found = _marks(
        "",
        {
            "events": [
                ["e1", NOW, "db-1", "note", 0, "hello", {}, 9, 1],
                ["e2", NOW, "db-1", "note", 0, "hi", {}, 9, 2],
            ],
            "commands": [["j1", NOW - 5, "web-1", "disk.usage", "done", 1, 1]],
            "audit": [[7, NOW - 9, "rules.save", "DiskFull", "ada", 1, 1]],
            "gaps": [["db-1", NOW - 90_000, NOW - 30_000, "dropped"], ["db-1", NOW - 20_000, None, "down"]],
        },
    )
    assert [(mark.kind.value, mark.text, mark.more) for mark in found] == [
        ("event", "db-1: hello", 5),
        ("event", "db-1: hi", 0),
        ("command", "web-1: disk.usage: done", 0),
        ("change", "ada did rules.save to DiskFull", 0),
        ("gap", "db-1: no rows in time, dropped: for 1m00s", 0),
        ("gap", "db-1: no rows in time, down: it goes on", 0),
    ]


def test_who_may_see_less_has_fewer_marks() -> None:
    found = _marks("db-1", {"events": [["e1", NOW, "db-1", "note", 0, "hello", {}, 1, 1]]})
    assert [(mark.kind.value, mark.text) for mark in found] == [("event", "hello")]
