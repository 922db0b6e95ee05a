"""A clock that is set back makes nothing wait longer than its rule says."""

from collections.abc import Sequence

import pytest

from nagare.alerting.alerts import lifecycle
from nagare.alerting.alerts.lifecycle import Seen, Timing
from nagare.model.alert.alert import Alert, AlertState
from nagare.model.event import Severity

NOW_MS = 1_760_000_000_000
DAY_MS = 86_400_000
TIMING = Timing(60.0, 60.0, 60.0)


def _after(known: Alert | None, moments_ms: Sequence[int], *, is_firing: bool) -> list[Alert]:
    """Return what is open after looks at those moments, one after the other."""
    seen = Seen("rules", "f", "Full", Severity.HIGH, {}, {}, 1.0, is_firing, not is_firing)
    found = [] if known is None else [known]
    for now_ms in moments_ms:
        steps = lifecycle.look(found[0] if found else None, seen, TIMING, now_ms, lambda: "a")
        if steps:
            found = [step.alert for step in steps if not step.is_dropped and step.alert.state is not AlertState.CLOSED]
    return found


def _looks(begin_ms: int) -> list[int]:
    """Return moments of looks over 70 seconds."""
    return list(range(begin_ms, begin_ms + 70_001, 10_000))


@pytest.mark.parametrize("set_back_ms", [0, 5000, DAY_MS])
def test_no_wait_is_longer_than_its_rule_says(set_back_ms: int) -> None:
    (pending,) = _after(None, [NOW_MS], is_firing=True)
    assert pending.state is AlertState.PENDING
    at_ms = NOW_MS - set_back_ms
    (firing,) = _after(pending, _looks(at_ms), is_firing=True)
    assert firing.state is AlertState.FIRING
    at_ms = at_ms + 70_000 - set_back_ms
    (resolved,) = _after(firing, _looks(at_ms), is_firing=False)
    assert resolved.state is AlertState.RESOLVED
    at_ms = at_ms + 70_000 - set_back_ms
    assert _after(resolved, _looks(at_ms), is_firing=False) == []
    (again,) = _after(resolved, [at_ms], is_firing=True)
    assert again.state is AlertState.RESOLVED
    at_ms -= set_back_ms
    (reopened,) = _after(again, _looks(at_ms), is_firing=True)
    assert reopened.state is AlertState.REOPENED


@pytest.mark.parametrize("set_back_ms", [5000, 15_000, DAY_MS])
def test_what_had_passed_of_a_wait_still_counts(set_back_ms: int) -> None:
    known = None
    for begin_ms, state in ((NOW_MS, AlertState.PENDING), (NOW_MS + 3 * DAY_MS, AlertState.RESOLVED)):
        # It holds for 40 seconds, the clock is set back twice, and 20 seconds are left.
        found = _after(known, range(begin_ms, begin_ms + 40_001, 10_000), is_firing=True)
        at_ms = begin_ms + 50_000 - set_back_ms
        found = _after(found[0], [at_ms], is_firing=True)
        assert found[0].state is state
        at_ms += 10_000 - set_back_ms
        found = _after(found[0], [at_ms, at_ms + 10_000], is_firing=True)
        assert found[0].state is state if set_back_ms > 10_000 else found[0].is_active
        (active,) = _after(found[0], [at_ms + 20_000], is_firing=True)
        assert active.is_active
        ended = lifecycle.resolve(active, "ada", "done", NOW_MS + 3 * DAY_MS)
        known = None if ended is None else ended.alert


def test_what_lies_ahead_for_long_is_no_flapping() -> None:
    alert = Alert("a", "rules", "f", "Full", Severity.HIGH, {}, {}, 0, 0, 0, comes=(NOW_MS, NOW_MS, NOW_MS))
    assert lifecycle.is_flapping(alert, NOW_MS + 1000)
    assert not lifecycle.is_flapping(alert, NOW_MS - DAY_MS)
