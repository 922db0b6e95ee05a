"""Alerts as rows: their order, their folds, and what is foreign in them."""

import random

import msgspec
import pytest

from nagare.tui.alerts.rows import (
    GroupBy,
    alert_row,
    by_need,
    flags_of,
    fold,
    group_row,
    needs_somebody,
    rule_row,
    silence_row,
)
from nagare.tui.alerts.told import alert_rows, rule_rows, why_rows
from nagare.wire.alerts import AlertDetail, TurnView, WhyStep, WhyView
from tests.tui.alerts import alert_of, rule_of, silence_of
from tests.tui.jobs import MADE_MS

_EVIL = "\x1b[2Jx\u202e"


def test_what_people_are_told_of_comes_first_then_the_worst_then_the_newest() -> None:
    alerts = [
        alert_of("new", "a", 3, seconds=1), alert_of("old", "a", 3, seconds=900), alert_of("high", "a", 2, seconds=2),
        alert_of("info", "a", 0), alert_of("held", "a", 3, silenced_by=["s"], seconds=1),
    ]  # fmt: skip
    random.Random(7).shuffle(alerts)
    assert [alert.name for alert in sorted(alerts, key=by_need)] == ["new", "old", "high", "info", "held"]


@pytest.mark.parametrize(
    ("more", "flags", "needs"),
    [
        ({}, [], True),
        ({"state": "re-opened", "is_flapping": True, "is_stale": True}, ["stale", "flapping"], True),
        ({"state": "acknowledged"}, [], False),
        (
            {"silenced_by": ["s"], "inhibited_by": ["a"], "maintenance": "disks"},
            ["silenced", "inhibited", "maintenance"],
            False,
        ),
    ],
)
def test_flags_and_who_is_needed(more: dict[str, object], flags: list[str], needs: bool) -> None:
    alert = msgspec.structs.replace(alert_of("A", "web-1"), **more)
    assert (flags_of(alert), needs_somebody(alert)) == (flags, needs)


def test_folds_keep_every_alert_once_and_show_the_worst() -> None:
    alerts = [alert_of(f"A{index % 3}", f"web-{index % 4}", index % 4, id=str(index)) for index in range(24)]
    for by in (GroupBy.NAME, GroupBy.HOST, GroupBy.SEVERITY):
        groups = fold(alerts, by)
        assert sorted(alert.id for group in groups.values() for alert in group.alerts) == sorted(
            alert.id for alert in alerts
        )
    rows = [group_row(group, MADE_MS, ascii_only=True) for group in fold(alerts, GroupBy.SEVERITY).values()]
    assert [row["summary"][:8] for row in rows] == ["6 alerts"] * 4
    assert {row["severity"] for row in rows} == {"crit", "high", "warn", "info"}


def test_a_group_that_is_partly_held_shows_its_worst_severity() -> None:
    group = fold([alert_of("A", "web-1", 1), alert_of("B", "web-1", 3, silenced_by=["s"])], GroupBy.HOST)["host=web-1"]
    row = group_row(group, MADE_MS, ascii_only=False)
    assert (row["severity"], row["flags"], row["name"], row["host"]) == ("crit", "1 held back", "2 names", "web-1")


def test_an_ended_one_is_as_old_as_its_end_and_a_time_that_is_none_is_no_age() -> None:
    assert alert_row(alert_of("A", "web-1", 1, "resolved"), MADE_MS, ascii_only=False)["age"] == 60.0
    nameless = msgspec.structs.replace(alert_of("A", "web-1"), fired_at="soon", starts_at="")
    assert alert_row(nameless, MADE_MS, ascii_only=False)["age"] is None
    odd = msgspec.structs.replace(alert_of("A", "web-1"), severity=9, state="exploded", labels={})
    assert alert_row(odd, MADE_MS, ascii_only=False)["state"] == "unknown"


def test_foreign_text_is_plain_everywhere() -> None:
    alert = alert_of(
        _EVIL, _EVIL, labels={_EVIL: _EVIL}, annotations={"summary": _EVIL, _EVIL: _EVIL}, owner=_EVIL, rule=_EVIL
    )
    rule = rule_of(
        _EVIL, fault=_EVIL, sql=_EVIL, text=_EVIL, guide=_EVIL, origin=_EVIL, labels={_EVIL: _EVIL}, fires=_EVIL
    )
    turns = [TurnView("", _EVIL, _EVIL, _EVIL, _EVIL), TurnView("", "firing", "resolved", _EVIL, _EVIL)]
    silence = silence_of("s", _EVIL, reason=_EVIL, owner=_EVIL, ended_by=_EVIL, state=_EVIL)
    told = [
        *map(str, alert_row(alert, MADE_MS, ascii_only=False).values()),
        *map(str, rule_row(rule, MADE_MS).values()),
        *map(str, silence_row(silence, MADE_MS, ascii_only=False).values()),
        *(f"{row.label}{row.text}" for row in alert_rows(AlertDetail(alert, turns), rule, MADE_MS, None)),
        *(f"{row.label}{row.text}" for row in rule_rows(rule)),
        *(f"{row.label}{row.text}" for row in why_rows(WhyView(alert, False, [WhyStep(_EVIL, False, _EVIL)]))),
    ]
    assert any("x" in text for text in told)
    assert [text for text in told if "\x1b" in text or "\u202e" in text] == []


def test_what_another_system_sent_names_it_in_place_of_a_rule() -> None:
    alert = alert_of("A", "web-1", rule="", source="prometheus", annotations={})
    assert alert_row(alert, MADE_MS, ascii_only=False)["rule"] == "prometheus"
    rows = alert_rows(AlertDetail(alert, []), None, MADE_MS, None)
    assert ("sent by", "prometheus") in [(row.label, row.text) for row in rows]
    assert [row.label for row in rows if not row.text] == ["Labels", "What happened to it"]


def test_rules_that_cannot_be_judged_come_first() -> None:
    wanted = [rule_of("a", 0, "failing"), rule_of("b", 1, firing=2), rule_of("c", 3), rule_of("d", 1)]
    rows = [rule_row(rule, MADE_MS) for rule in reversed(wanted)]
    assert [row["name"] for row in sorted(rows, key=lambda row: float(row["order"]))] == ["a", "b", "c", "d"]


def test_silences_that_hold_come_first_then_what_ends_first() -> None:
    wanted = [
        silence_of("soon", "a=b", until_at="2025-10-09T09:00:00Z"), silence_of("late", "a=b"),
        silence_of("waits", "a=b", state="waiting"), silence_of("over", "a=b", state="over"),
    ]  # fmt: skip
    rows = [silence_row(one, MADE_MS, ascii_only=True) for one in reversed(wanted)]
    assert [row["id"] for row in sorted(rows, key=lambda row: float(row["order"]))] == ["soon", "late", "waits", "over"]
    assert rows[0]["left"] is None
