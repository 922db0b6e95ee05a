"""What an answer says of each thing: what does not concern the rule has no bound, and one host's rows end nobody's judging."""

import pytest

from nagare.alerting.rules.answers import ROWS_LIMIT, seen_of
from nagare.alerting.rules.course import Course
from nagare.errors import InputError
from nagare.model.alert.alert import AlertState
from nagare.model.alert.rule import Comparison, NoData, Rule
from nagare.model.event import Severity
from nagare.wire.sql import SqlColumn, SqlReply

FULL = Rule("Full", "g", "…", 60.0, 30.0, Severity.HIGH, fires=Comparison(">", 0.9), no_data=NoData.KEEP)
T0 = 1_760_000_000_000


def answer(*rows: tuple[str, str, float | None]) -> SqlReply:
    """Return a reply of hosts, mounts and values."""
    columns = [SqlColumn("host", "VARCHAR"), SqlColumn("mount", "VARCHAR"), SqlColumn("value", "DOUBLE")]
    return SqlReply(columns, [list(row) for row in rows], truncated=False, tier="raw", elapsed_ms=1.0)


def test_rows_that_concern_nobody_have_no_bound() -> None:
    calm = [("web1", f"/{place}", 0.5) for place in range(ROWS_LIMIT + 1)]
    assert [one.labels["host"] for one in seen_of(FULL, answer(*calm, ("web2", "/", 0.95))).seen] == ["web2"]


def test_alerts_have_one() -> None:
    with pytest.raises(InputError, match=f"more than {ROWS_LIMIT} of its rows fire"):
        seen_of(FULL, answer(*[("web1", f"/{place}", 0.95) for place in range(ROWS_LIMIT + 1)]))


@pytest.mark.parametrize("values", [(0.95, 0.99), (0.99, 0.95), (0.5, 0.99), (0.99, None)])
def test_of_two_rows_that_look_alike_the_worse_counts(values: tuple[float | None, float | None]) -> None:
    rows = [("web1", f"/usb{mark}", value) for mark, value in zip(("\u200b", "\u200c"), values, strict=True)]
    found = seen_of(FULL, answer(*rows, ("web2", "/", 0.95)))
    assert {one.labels["host"]: one.value for one in found.seen} == {"web1": 0.99, "web2": 0.95}
    assert "two rows have the same labels" in found.doubt


def test_below_a_bound_the_least_is_the_worse() -> None:
    rule = Rule("Low", "g", "…", 60.0, 30.0, Severity.HIGH, fires=Comparison("<", 10.0))
    (one,) = seen_of(rule, answer(("web1", "/", 5.0), ("web1", "/", 7.0))).seen
    assert one.value == 5.0


def test_what_a_host_that_is_seen_has_no_more_is_over() -> None:
    course = Course(FULL)
    course.look(answer(("web1", "/", 0.5), ("web1", "/usb", 0.97), ("web2", "/", 0.97)), T0)
    course.look(answer(("web1", "/", 0.5)), T0 + 30_000)
    found = {one.labels["host"]: (one.state, one.is_stale) for one in course.open()}
    assert found == {"web1": (AlertState.RESOLVED, False), "web2": (AlertState.FIRING, True)}


def test_a_thing_of_no_host_is_kept() -> None:
    course = Course(FULL)
    columns = [SqlColumn("site", "VARCHAR"), SqlColumn("value", "DOUBLE")]
    for moment, rows in ((T0, [["a", 0.97], ["b", 0.5]]), (T0 + 30_000, [["b", 0.5]])):
        course.look(SqlReply(columns, rows, truncated=False, tier="raw", elapsed_ms=1.0), moment)
    assert [(one.state, one.is_stale) for one in course.open()] == [(AlertState.FIRING, True)]
