"""Causes weighed against what they explain."""

import pytest

from nagare.diagnosis.rules.facts import Suspicion
from nagare.diagnosis.rules.weighing import SLACK_MS, explained
from nagare.model.event import Severity


def suspicion(cause: str, confidence: float, began_ms: int | None = None) -> Suspicion:
    return Suspicion(cause, cause, "web1", confidence, Severity.HIGH, (), began_ms=began_ms)


def confidences(*found: Suspicion) -> list[float]:
    return [one.confidence for one in explained(found)]


def test_an_effect_keeps_what_its_cause_leaves_room_for() -> None:
    full, failed = suspicion("disk.full", 0.9), suspicion("unit.failed", 0.8)
    assert confidences(full, failed) == [0.95, pytest.approx(0.08)]


def test_an_effect_of_a_doubtful_cause_keeps_more() -> None:
    assert confidences(suspicion("disk.full", 0.3), suspicion("unit.failed", 0.8))[1] == pytest.approx(0.56)


def test_nothing_is_ruled_out() -> None:
    assert confidences(suspicion("disk.full", 0.98), suspicion("unit.failed", 1.0))[1] == pytest.approx(0.05)


def test_what_began_before_is_no_effect() -> None:
    full, failed = suspicion("disk.full", 0.9, began_ms=SLACK_MS + 2), suspicion("unit.failed", 0.8, began_ms=1)
    assert confidences(full, failed) == [0.9, 0.8]
