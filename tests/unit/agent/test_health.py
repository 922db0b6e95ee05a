import logging

import pytest

from nagare.agent.health import Health, find_rows
from nagare.agent.lane import Outcome, Verdict
from nagare.collect.collector import Tick

TICK = Tick(1, 1.0)


def _ended(verdict: Verdict, error: str = "") -> Outcome:
    return Outcome("disk", TICK, verdict, 0.25, {"disk": {"mount": ["/", "/home"]}}, error)


def test_a_collector_that_never_ran_tells_nothing() -> None:
    assert Health("disk", 5.0).find_row(0.0) is None


def test_a_success_is_told_with_what_it_brought() -> None:
    health = Health("disk", 5.0)
    health.record(_ended(Verdict.OK))
    assert health.find_row(0.0) == {
        "collector": "disk",
        "ok": True,
        "error": None,
        "duration_seconds": 0.25,
        "rows": 2,
        "runs_total": 1,
        "failures_total": 0,
        "timeouts_total": 0,
        "overruns_total": 0,
        "interval_seconds": 5.0,
    }


@pytest.mark.parametrize(
    ("verdict", "ok", "failures", "timeouts"),
    [(Verdict.FAILED, False, 1, 0), (Verdict.LATE, False, 0, 1), (Verdict.ABSENT, None, 0, 0)],
)
def test_endings_are_counted_apart(verdict: Verdict, ok: bool | None, failures: int, timeouts: int) -> None:
    health = Health("disk", 5.0)
    health.record(_ended(verdict, "stuck"))
    row = health.find_row(0.0)
    assert row is not None
    assert (row["ok"], row["error"]) == (ok, "stuck")
    assert (row["failures_total"], row["timeouts_total"]) == (failures, timeouts)


def test_an_unchanged_collector_is_told_once_a_minute() -> None:
    health = Health("disk", 5.0)
    told = []
    for second in range(0, 180, 5):
        health.record(_ended(Verdict.OK))
        told += [second] * len(find_rows([health], float(second)))
    assert told == [0, 60, 120]


def test_a_change_is_told_at_once() -> None:
    health = Health("disk", 5.0)
    told = []
    for second, verdict in enumerate([Verdict.OK, Verdict.OK, Verdict.FAILED, Verdict.FAILED, Verdict.OK, Verdict.OK]):
        health.record(_ended(verdict, "" if verdict is Verdict.OK else "stuck"))
        if health.find_row(float(second)):
            told.append(second)
    assert told == [0, 2, 3, 4]
    health.skip(2)
    row = health.find_row(5.0)
    assert row is not None
    assert row["overruns_total"] == 2


def test_a_new_reason_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    health = Health("disk", 5.0)
    for error in ("a", "a", "b", "b"):
        health.record(_ended(Verdict.FAILED, error))
    health.record(_ended(Verdict.OK))
    health.record(_ended(Verdict.OK))
    assert [record.getMessage() for record in caplog.records] == [
        "collector_failed name=disk reason=a",
        "collector_failed name=disk reason=b",
        "collector_recovered name=disk",
    ]


def test_an_absent_source_is_no_warning(caplog: pytest.LogCaptureFixture) -> None:
    Health("gpu", 5.0).record(_ended(Verdict.ABSENT, "no GPU here"))
    assert [record.levelname for record in caplog.records if record.levelno >= logging.WARNING] == []
