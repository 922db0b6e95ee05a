"""The scores that faults are judged by."""

import pytest

from benches.diagnosis.scoring import Outcome, Told, brier, top


def outcome(causes: tuple[str, ...], *told: tuple[str, float], is_trouble: bool = True) -> Outcome:
    return Outcome("", causes, [Told(cause, confidence, is_trouble) for cause, confidence in told], 0.0, 0)


def test_the_cause_is_looked_for_among_the_first() -> None:
    first = outcome(("a",), ("a", 0.9))
    second = outcome(("a",), ("b", 0.9), ("a", 0.5))
    never = outcome(("a",), ("b", 0.9))
    control = outcome(())
    found = [first, second, never, control]
    assert top(found, 1) == pytest.approx(1 / 3)
    assert top(found, 3) == pytest.approx(2 / 3)


def test_what_is_told_of_a_control_is_a_false_alarm_unless_it_is_a_remark() -> None:
    assert len(outcome((), ("a", 0.9)).false_alarms) == 1
    assert outcome((), ("a", 0.9), is_trouble=False).false_alarms == []


def test_confidences_are_judged_by_what_was_so() -> None:
    assert brier([outcome(("a",), ("a", 1.0))]) == 0
    assert brier([outcome(("a",), ("a", 0.8), ("b", 0.4))]) == pytest.approx((0.04 + 0.16) / 2)
    # A cause that is not named was said to be impossible.
    assert brier([outcome(("a",))]) == 1
    assert brier([outcome(())]) == 0
