"""Suspicions weighed against each other: what alerts say too, what happened just before, what explains what. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from nagare.diagnosis.rules.facts import Facts, Suspicion
from nagare.diagnosis.rules.table import CAUSES_OF_RULES, EXPLAINS, RULES
from nagare.insights.ranking.events import CONSEQUENCES

# Means of pieces of time do not say to the second when a thing began.
SLACK_MS = 60_000
# What people or machines did so long before a thing began may have caused it.
_BEFORE_MS = 600_000
_CHANGES_MOST = 3
# What explains others is rather the cause: half of the doubt goes.
_CAUSE = 0.5
# What other things explain is a cause of its own only as far as they are none; and hardly ever surely not.
_EFFECT_LEAST = 0.05
_HAPPENINGS = frozenset({"alerts", "events", "commands", "changes", "deeds"})
_OF_ALL = frozenset({"changes", "deeds"})
_QUIET = frozenset({"agent.start", "agent.stop", "host.up"})


def suspect(facts: Facts, hosts: Iterable[str]) -> list[Suspicion]:
    """Return what the rules suspect of ``hosts``, weighed, the likeliest first."""
    found = [one for host in hosts for rule in RULES for one in rule(facts, host)]
    found = [with_changes(_with_alerts(_in_order(one), facts), facts) for one in found]
    return sorted(explained(found), key=lambda one: (-one.confidence, -one.severity, one.began_ms or 0, one.host))


def _in_order(one: Suspicion) -> Suspicion:
    """Leave out what began clearly before the cause: it cannot come of it."""
    if one.began_ms is None:
        return one
    earliest = one.began_ms - SLACK_MS
    kept = [
        seen for seen in one.seen_for if seen.began_ms is None or seen.began_ms >= earliest or seen.tool in _HAPPENINGS
    ]
    return replace(one, seen_for=kept)


def _with_alerts(one: Suspicion, facts: Facts) -> Suspicion:
    alerts = [
        alert
        for alert in facts.of(one.host, "alerts")
        if one.cause in CAUSES_OF_RULES.get(alert.keys.get("rule") or alert.keys.get("name", ""), ())
    ]
    if not alerts:
        return one
    return replace(one, seen_for=[*one.seen_for, *alerts[:2]], confidence=_surer(one.confidence))


def with_changes(one: Suspicion, facts: Facts) -> Suspicion:
    """Name what was done shortly before: it is no proof, so it changes no confidence."""
    if one.began_ms is None:
        return one
    known = {seen.keys.get("id") for seen in one.seen_for}
    # Of no host is of all of them.
    told = [
        change
        for tool in ("commands", "changes", "deeds", "events")
        for host in ((one.host, "") if tool in _OF_ALL else (one.host,))
        for change in facts.of(host, tool)
    ]
    changes = [
        change
        for change in {change.keys.get("id", ""): change for change in reversed(told)}.values()
        if not change.is_bad
        and change.began_ms is not None
        and 0 <= one.began_ms + SLACK_MS - change.began_ms <= _BEFORE_MS + SLACK_MS
        and change.keys.get("kind") not in _QUIET
        and not change.keys.get("kind", "").startswith(CONSEQUENCES)
        and change.keys.get("id") not in known
    ]
    return replace(one, seen_for=[*one.seen_for, *changes[::-1][:_CHANGES_MOST]])


def explained(found: Sequence[Suspicion]) -> list[Suspicion]:
    """Return ``found`` with effects below their causes: a cause never begins after its effect."""
    result = []
    for one in found:
        causes = [other for other in found if explains(other, one)]
        effects = [other for other in found if explains(one, other)]
        confidence = one.confidence
        if causes:
            confidence *= max(1.0 - max(other.confidence for other in causes), _EFFECT_LEAST)
        elif effects:
            confidence = _surer(confidence)
        known = {id(seen) for seen in one.seen_for}
        shown = [effect.seen_for[0] for effect in effects if effect.seen_for and id(effect.seen_for[0]) not in known]
        result.append(replace(one, confidence=round(confidence, 2), seen_for=[*one.seen_for, *shown[:3]]))
    return result


def explains(cause: Suspicion, effect: Suspicion) -> bool:
    """Tell whether ``effect`` may come of ``cause``: of its kind, of the same host, and not begun before it."""
    if cause.host != effect.host or effect.cause not in EXPLAINS.get(cause.cause, ()):
        return False
    if cause.began_ms is None or effect.began_ms is None:
        return True
    return cause.began_ms <= effect.began_ms + SLACK_MS


def _surer(confidence: float) -> float:
    return round(min(1.0 - (1.0 - confidence) * _CAUSE, 0.98), 2)
