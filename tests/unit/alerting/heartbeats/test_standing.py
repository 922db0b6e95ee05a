"""How a heartbeat stands, moment by moment."""

import pytest

from nagare.alerting.heartbeats.standing import Beat, standing_of
from nagare.model.notify.heartbeat import Heartbeat

HOURLY = Heartbeat("backup", 3600.0, 600.0)
T0 = 1_760_000_000_000


@pytest.mark.parametrize(
    ("after_seconds", "state", "late_seconds"),
    [(0, "ok", 0.0), (3600, "ok", 0.0), (3601, "late", 1.0), (4200, "late", 600.0), (4201, "missing", 601.0)],
)
def test_a_heartbeat_is_late_and_then_missing(after_seconds: int, state: str, late_seconds: float) -> None:
    found = standing_of(HOURLY, Beat("backup", 0, T0), T0 + after_seconds * 1000)
    assert (found.state, found.late_seconds, found.due_ms) == (state, late_seconds, T0 + 3_600_000)


@pytest.mark.parametrize(
    ("after_seconds", "state"), [(0, "waiting"), (3600, "waiting"), (3601, "late"), (4201, "missing")]
)
def test_one_that_never_came_counts_from_when_it_was_defined(after_seconds: int, state: str) -> None:
    assert standing_of(HOURLY, Beat("backup", T0), T0 + after_seconds * 1000).state == state


@pytest.mark.parametrize(("after_seconds", "state"), [(0, "failed"), (3700, "failed"), (4201, "missing")])
def test_one_that_failed_is_so_until_it_is_missing(after_seconds: int, state: str) -> None:
    assert standing_of(HOURLY, Beat("backup", 0, T0, is_failed=True), T0 + after_seconds * 1000).state == state


def test_what_came_in_the_time_to_come_counts_from_now_on() -> None:
    found = standing_of(HOURLY, Beat("backup", 0, T0 + 10**9), T0)
    assert (found.state, found.due_ms) == ("ok", T0 + 3_600_000)
