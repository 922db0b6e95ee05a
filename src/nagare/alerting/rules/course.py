"""The course of one rule over time, look by look, kept in memory: for tests of rules and for replays of the past. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from nagare.alerting.alerts.lifecycle import Step
from nagare.alerting.rules.judging import Judgement, judge
from nagare.model.alert.alert import Alert, AlertState
from nagare.model.alert.rule import Rule
from nagare.model.event import Severity
from nagare.wire.sql import SqlReply


@dataclass(frozen=True, slots=True)
class Episode:
    """One time for which an alert was active.

    ``until_ms`` is None while it still is; ``worst`` is the value that was farthest beyond the bound, ``again`` tells that it had
    been over for a short while only.
    """

    rule: str
    labels: Mapping[str, str]
    severity: Severity
    from_ms: int
    until_ms: int | None = None
    worst: float | None = None
    again: bool = False


class Course:
    """The open alerts of a rule and the times for which they were active; look at it in the order of time."""

    def __init__(self, rule: Rule) -> None:
        """Begin without any alert."""
        self.rule = rule
        self.faults: dict[str, int] = {}
        self.looks = 0
        self._alerts: dict[tuple[str, str], Alert] = {}
        self._running: dict[str, Episode] = {}
        self._over: list[Episode] = []

    @property
    def episodes(self) -> list[Episode]:
        """The times for which alerts were active, in order of their begin."""
        return sorted([*self._over, *self._running.values()], key=lambda one: one.from_ms)

    def open(self) -> list[Alert]:
        """Return the open alerts."""
        return list(self._alerts.values())

    def find(self, source: str, fingerprint: str) -> Alert | None:
        """Return the open alert of a thing, or None."""
        return self._alerts.get((source, fingerprint))

    def of_rule(self, rule: str) -> list[Alert]:
        """Return the open alerts of a rule; that of a rule that cannot be judged is none of the rule's own."""
        return [alert for alert in self._alerts.values() if alert.rule == rule]

    def look(self, answer: SqlReply | str, now_ms: int) -> Judgement:
        """Judge ``answer``, the reply as of ``now_ms`` or why there is none."""
        self.looks += 1
        found = judge(self.rule, answer, self, now_ms, lambda: f"{self.looks}.{len(self._alerts)}")
        if found.fault:
            self.faults[found.fault] = self.faults.get(found.fault, 0) + 1
        for step in found.steps:
            self._take(step, now_ms)
        return found

    def _take(self, step: Step, now_ms: int) -> None:
        alert = step.alert
        if step.is_dropped or alert.state is AlertState.CLOSED:
            self._alerts.pop(alert.key, None)
        else:
            self._alerts[alert.key] = alert
        # That a rule could not be judged is told by its faults.
        if alert.rule != f"{self.rule.name}/rule-failing":
            self._note(alert, now_ms)

    def _note(self, alert: Alert, now_ms: int) -> None:
        running = self._running.get(alert.fingerprint)
        if alert.is_active:
            begun = running or Episode(
                alert.rule, alert.labels, alert.severity, now_ms, again=alert.state is AlertState.REOPENED
            )
            self._running[alert.fingerprint] = replace(begun, worst=self._worse(begun.worst, alert.value))
        elif running is not None:
            self._over.append(replace(running, until_ms=now_ms))
            del self._running[alert.fingerprint]

    def _worse(self, one: float | None, other: float | None) -> float | None:
        if one is None or other is None:
            return other if one is None else one
        # Of a rule that fires below a bound the least value is the worst.
        is_below = self.rule.fires is not None and self.rule.fires.sign.startswith("<")
        return min(one, other) if is_below else max(one, other)
