"""What a turn is told as: each once, also after records were restored from a backup."""

from nagare.alerting.alerts.events import turn_event
from nagare.model.alert.alert import Alert, AlertState, Transition
from nagare.model.event import Severity

_ALERT = Alert("a1", "rules", "f", "Full", Severity.HIGH, {"alertname": "Full"}, {}, 0, 0, 0)


def _id(seq: int, at_ms: int) -> str:
    event = turn_event(_ALERT, seq, Transition(at_ms, AlertState.PENDING, AlertState.FIRING, "rules", ""))
    assert event is not None
    return event.id


def test_a_turn_that_is_told_again_is_the_same_event() -> None:
    assert _id(2, 1000) == _id(2, 1000)


def test_turns_after_a_restore_are_new_events() -> None:
    # The restored alert counts on from an older revision, so a number comes twice.
    assert _id(2, 1000) != _id(2, 9000)
