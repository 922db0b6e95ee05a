"""How the past is looked at by a rule: at which moments, with how many statements, and what came of it. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from nagare.alerting.rules.course import Course
from nagare.errors import InputError
from nagare.model.alert.rule import Rule
from nagare.wire.sql import SqlRequest

# They tell of now only.
_NOW_ONLY = re.compile(r"\b(?:from|join)\s+\"?(hosts|alerts|notifications|heartbeats|audit)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Plan:
    """At which moments a rule is looked at, Unix milliseconds, and how far they are apart."""

    rule: Rule
    step_seconds: float
    moments: Sequence[int]

    def request(self, moment_ms: int) -> SqlRequest:
        """Return what the server would have asked at that moment."""
        since_ms = moment_ms - round(self.rule.window_seconds * 1000)
        return SqlRequest(self.rule.sql, since_ms=since_ms, until_ms=moment_ms + 1)


@dataclass(frozen=True, slots=True)
class Sum:
    """What a rule would have made of the time: how many alerts, for how long in all, and how many of them came back at once."""

    rule: str
    alerts: int
    active_seconds: float
    flaps: int
    looks: int
    step_seconds: float
    every_seconds: float
    faults: int
    fault: str


@dataclass(frozen=True, slots=True)
class Budget:
    """How many looks all rules together have unless a step is given, how many one has, and how many are too many."""

    all: int = 5000
    least: int = 100
    most: int = 1000
    # More than anybody waits for.
    limit: int = 50_000


PATIENT = Budget()


def plans(
    rules: Sequence[Rule], since_ms: int, until_ms: int, step_seconds: float | None, budget: Budget = PATIENT
) -> list[Plan]:
    """Return how ``rules`` are looked at between the two moments. Raises InputError for what would take too long."""
    most = max(budget.least, min(budget.most, budget.all // max(1, len(rules))))
    found = [
        _plan(rule, since_ms, until_ms, step_seconds or _step(rule, (until_ms - since_ms) / 1000, most))
        for rule in rules
    ]
    count = sum(len(plan.moments) for plan in found)
    if count > budget.limit:
        raise InputError(
            f"cannot replay rules: it would take {count} statements, {budget.limit} at the most",
            hint="name fewer rules, a shorter time or a longer --step",
        )
    return found


def asks_of_now(rule: Rule) -> str:
    """Return the table whose past nobody keeps and that ``rule`` asks, empty when there is none."""
    found = _NOW_ONLY.search(rule.sql)
    return found[1].lower() if found else ""


def sum_of(course: Course, plan: Plan, until_ms: int) -> Sum:
    """Return what a rule made of the time, in one line."""
    episodes = course.episodes
    seconds = sum(((one.until_ms or until_ms) - one.from_ms) / 1000 for one in episodes)
    return Sum(
        rule=plan.rule.name,
        alerts=len(episodes),
        active_seconds=seconds,
        flaps=sum(one.again for one in episodes),
        looks=course.looks,
        step_seconds=plan.step_seconds,
        every_seconds=plan.rule.every_seconds,
        faults=sum(course.faults.values()),
        fault=max(course.faults, key=lambda text: course.faults[text], default=""),
    )


def _step(rule: Rule, span_seconds: float, most: int) -> float:
    return rule.every_seconds * max(1, math.ceil(span_seconds / rule.every_seconds / most))


def _plan(rule: Rule, since_ms: int, until_ms: int, step_seconds: float) -> Plan:
    step_ms = max(1000, round(step_seconds * 1000))
    # Multiples of the step, so that two replays of one time look at the same moments.
    return Plan(rule, step_ms / 1000, range(-(-since_ms // step_ms) * step_ms, until_ms + 1, step_ms))
