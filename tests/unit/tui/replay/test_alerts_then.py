"""Alerts as they stood: by the events of their turns, else by their own times; by the silences that held then."""

from nagare.lib.rfc3339 import format_ms
from nagare.tui.replay.alerts_then import alerts_at
from nagare.wire.events import EventView
from tests.tui.alerts import alert_of, silence_of
from tests.tui.jobs import MADE_MS

_FIRED = MADE_MS - 300_000


def _turn(seconds: int, state: str, actor: str = "") -> EventView:
    attributes = {"alert": "full-db-1", "actor": actor}
    return EventView(f"e{seconds}", _FIRED + seconds * 1000, "db-1", f"alert.{state}", 2, "alerting", "", attributes)


_TURNS = [_turn(0, "firing"), _turn(60, "acknowledged", "ada"), _turn(90, "firing"), _turn(120, "resolved")]
_OVER = alert_of(
    "Full", "db-1", state="resolved", ended_at=format_ms(_FIRED + 120_000), changed_at=format_ms(_FIRED + 120_000)
)


def _check(seconds: int, *told: tuple[str, str, int]) -> None:
    at_ms = _FIRED + seconds * 1000
    found = alerts_at(at_ms, [_OVER], reversed(_TURNS))
    assert [(one.state, one.owner) for one in found] == [(state, owner) for state, owner, _ in told]
    assert [one.fired_at for one in found] == [format_ms(_FIRED + fired * 1000) for _, _, fired in told]
    assert all(not one.ended_at for one in found)


def test_turns_say_how_far_an_alert_had_come() -> None:
    _check(-1)
    _check(0, ("firing", "", 0))
    _check(59, ("firing", "", 0))
    _check(60, ("acknowledged", "ada", 0))
    _check(90, ("firing", "", 0))
    _check(120)


def test_without_events_the_times_of_the_alert_say_it() -> None:
    firing = alert_of("Full", "db-1", seconds=300)
    assert [one.state for one in alerts_at(_FIRED, [firing], [])] == ["firing"]
    assert alerts_at(_FIRED - 1, [firing], []) == []
    assert [one.state for one in alerts_at(_FIRED + 1, [_OVER], [])] == ["firing"]
    assert alerts_at(_FIRED + 120_000, [_OVER], []) == []


def test_silences_hold_for_their_own_time() -> None:
    firing = alert_of("Full", "db-1", seconds=300)
    quiet, other = silence_of("s1", "host=db-1"), silence_of("s2", "host=web-1")
    odd = silence_of("s3", "host=~(")
    began = MADE_MS - 60_000
    assert alerts_at(began - 1, [firing], [], [quiet, other, odd])[0].silenced_by == []
    assert alerts_at(began, [firing], [], [quiet, other, odd])[0].silenced_by == ["s1"]
