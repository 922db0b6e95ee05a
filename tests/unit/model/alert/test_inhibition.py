"""Inhibition: who holds whom back."""

from dataclasses import replace

from nagare.model.alert.alert import Alert, AlertState
from nagare.model.alert.inhibition import Inhibited, Inhibition
from nagare.model.alert.matcher import parse_matchers
from nagare.model.event import Severity


def _alert(name: str, state: AlertState = AlertState.FIRING, **labels: str) -> Alert:
    return Alert(name, "rules", name, name, Severity.HIGH, {"alertname": name, **labels}, {}, 0, 0, 0, state=state)


def _rule(sources: list[str], targets: list[str], *equal: str) -> Inhibition:
    return Inhibition("r", parse_matchers(sources), parse_matchers(targets), equal)


DOWN = _rule(["alertname=Down"], ["alertname!=Down", "host!="], "host")


def _held(rule: Inhibition, alert: Alert, *others: Alert) -> list[str]:
    return [other.id for _, other in Inhibited([rule], [alert, *others]).by(alert)]


def test_the_same_values_are_needed() -> None:
    disk = _alert("Disk", host="web1")
    assert _held(DOWN, disk, _alert("Down", host="web1")) == ["Down"]
    assert _held(DOWN, disk, _alert("Down", host="web2")) == []


def test_what_a_foreign_sender_says_holds_nobody_back_unless_the_rule_wants_it() -> None:
    disk, forged = _alert("Disk", host="web1"), replace(_alert("Down", host="web1"), source="alertmanager")
    assert _held(DOWN, disk, forged) == []
    assert _held(replace(DOWN, foreign_sources=True), disk, forged) == ["Down"]
    # It is held back itself like any other one.
    assert _held(DOWN, replace(disk, source="alertmanager"), _alert("Down", host="web1")) == ["Down"]


def test_a_missing_label_is_an_empty_one() -> None:
    rule = _rule(["alertname=Down"], ["alertname=Disk"], "site")
    assert _held(rule, _alert("Disk", host="web1"), _alert("Down", host="web2")) == ["Down"]
    assert _held(rule, _alert("Disk", site=""), _alert("Down")) == ["Down"]
    assert _held(rule, _alert("Disk", site="a"), _alert("Down")) == []


def test_only_what_is_active_holds_back() -> None:
    disk = _alert("Disk", host="web1")
    for state in AlertState:
        is_held = bool(_held(DOWN, disk, _alert("Down", state, host="web1")))
        assert is_held == (state in (AlertState.FIRING, AlertState.ACKNOWLEDGED, AlertState.REOPENED)), state


def test_none_of_both_sides_hold_each_other_back() -> None:
    rule = _rule(["team=db"], ["team=db"])
    first, second = _alert("A", team="db"), _alert("B", team="db")
    assert _held(rule, first, second) == []
    assert _held(rule, second, first) == []
    assert _held(rule, first) == []


def test_one_of_both_sides_is_held_back_by_one_that_is_a_source_alone() -> None:
    rule = _rule(["kind=~a|b"], ["kind=~b|c"])
    both, source, target = _alert("Both", kind="b"), _alert("Source", kind="a"), _alert("Target", kind="c")
    assert _held(rule, both, source, target) == ["Source"]
    assert _held(rule, source, both, target) == []
    assert _held(rule, target, both) == ["Both"]
