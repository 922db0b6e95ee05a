"""At which moments the past is looked at, and what came of it in one line."""

import pytest

from nagare.alerting.rules.course import Course
from nagare.alerting.rules.past import PATIENT, asks_of_now, plans, sum_of
from nagare.errors import InputError
from nagare.model.alert.rule import Comparison, Rule
from nagare.model.event import Severity
from nagare.wire.sql import SqlColumn, SqlReply

RULE = Rule("R", "g", "SELECT host, load1 AS value FROM load", 60.0, 30.0, Severity.HIGH, fires=Comparison(">", 2.0))
DAY_MS = 86_400_000
T0 = 1_760_000_000_000 // 60_000 * 60_000


def answer(*values: float) -> SqlReply:
    """Return a reply with a value for each of the hosts h0, h1 …."""
    columns = [SqlColumn("host", "VARCHAR"), SqlColumn("value", "DOUBLE")]
    rows = [[f"h{place}", value] for place, value in enumerate(values)]
    return SqlReply(columns, rows, truncated=False, tier="raw", elapsed_ms=1.0)


def test_a_short_time_is_looked_at_as_the_server_does() -> None:
    (plan,) = plans([RULE], T0, T0 + 3_600_000, None)
    assert plan.step_seconds == 30.0
    assert list(plan.moments) == list(range(T0, T0 + 3_600_001, 30_000))
    request = plan.request(plan.moments[0])
    assert (request.since_ms, request.until_ms) == (T0 - 60_000, T0 + 1)


def test_a_long_time_is_looked_at_in_whole_multiples_of_the_interval() -> None:
    (plan,) = plans([RULE], T0, T0 + 7 * DAY_MS, None)
    assert len(plan.moments) <= 1001
    assert plan.step_seconds % RULE.every_seconds == 0
    assert all(moment % round(plan.step_seconds * 1000) == 0 for moment in plan.moments)


def test_a_step_that_is_given_holds_within_bounds() -> None:
    (plan,) = plans([RULE], T0, T0 + DAY_MS, 30.0)
    assert len(plan.moments) == 2881
    with pytest.raises(InputError, match=f"{PATIENT.limit} at the most"):
        plans([RULE] * 20, T0, T0 + DAY_MS, 30.0)


@pytest.mark.parametrize(
    ("sql", "table"),
    [
        ("SELECT host FROM hosts WHERE state = 'down'", "hosts"),
        ('select * from cpu join "hosts" using (host)', "hosts"),
        ("SELECT host FROM cpu", ""),
        ("SELECT host FROM hosts_of_ours", ""),
    ],
)
def test_a_table_without_a_past_is_known(sql: str, table: str) -> None:
    rule = Rule("R", "g", sql, 60.0, 30.0, Severity.HIGH)
    assert asks_of_now(rule) == table


def test_the_course_of_a_rule_in_one_line() -> None:
    (plan,) = plans([RULE], T0, T0 + 300_000, None)
    course = Course(RULE)
    looks: list[SqlReply | str] = [
        answer(1.0),
        answer(3.0),
        answer(4.0, 9.0),
        answer(1.0, 9.0),
        answer(5.0, 9.0),
        "busy",
        answer(1.0, 9.0),
    ]
    for moment, one in zip(plan.moments, looks, strict=False):
        course.look(one, moment)
    seen = [
        (one.labels["host"], (one.from_ms - T0) // 1000, one.until_ms, one.worst, one.again) for one in course.episodes
    ]
    assert seen == [
        ("h0", 30, T0 + 90_000, 4.0, False),
        ("h1", 60, None, 9.0, False),
        ("h0", 120, T0 + 180_000, 5.0, True),
    ]
    found = sum_of(course, plan, T0 + 300_000)
    assert (found.alerts, found.active_seconds, found.flaps, found.looks) == (3, 60 + 240 + 60, 1, 7)
    assert (found.faults, found.fault) == (1, "busy")


def test_below_a_bound_the_least_is_the_worst() -> None:
    course = Course(Rule("R", "g", "SELECT 1", 60.0, 30.0, Severity.HIGH, fires=Comparison("<", 10.0)))
    for place, value in enumerate((5.0, 2.0, 8.0)):
        course.look(answer(value), T0 + place * 30_000)
    assert [one.worst for one in course.episodes] == [2.0]


def test_a_rule_that_cannot_be_judged_ends_nothing() -> None:
    course = Course(RULE)
    course.look(answer(3.0), T0)
    for place in range(1, 5):
        assert course.look("it is busy", T0 + place * 30_000).fault == "it is busy"
    assert [alert.is_stale for alert in course.of_rule("R")] == [True]
    assert {alert.labels["alertname"] for alert in course.open()} == {"R", "RuleFailing"}
    assert [one.until_ms for one in course.episodes] == [None]
