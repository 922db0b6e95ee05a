"""What a host depends on: where that is down, what the host shows is rather its effect."""

from __future__ import annotations

from collections.abc import Iterator

from nagare.diagnosis.evidence.seen import Seen
from nagare.diagnosis.rules.facts import Facts, Suspicion, began, weighed
from nagare.model.event import Severity

# What a host shows whose neighbour is gone.
_SYMPTOMS = ("silence", "probe_failed", "probe_latency", "network_drops", "network_errors")
# Means of pieces of time do not say to the second when a thing began.
_SLACK_MS = 60_000


def upstream(facts: Facts, host: str) -> Iterator[Suspicion]:
    """Suspect what a host depends on, where that is down and the host shows something since."""
    down = facts.bad(host, "neighbours")
    if not down:
        return
    began_ms = began(down)
    symptoms = [one for one in (*facts.bad(host, *_SYMPTOMS), *facts.of(host, "alerts")) if _since(one, began_ms)]
    if not symptoms:
        return
    named = [one for one in down if one.keys.get("relation") == "upstream"]
    first = (named or down)[0]
    name = first.keys.get("name", "")
    title = (
        f"{name}, on which it depends, is down"
        if named
        else f"hosts behind {name} went down together: rather what they share"
    )
    yield Suspicion(
        "upstream.down",
        title,
        host,
        weighed(0.7 if named else 0.55, symptoms[:2], ()),
        Severity.HIGH,
        [*down[:3], *symptoms[:4], *facts.of(host, "neighbour_alerts")[:2]],
        about=name,
        next_check=f"look at {name} first: nagare diagnose {name}"
        if named
        else f"look at {name}, and at the way to it",
        began_ms=began_ms,
        rule="HostDown",
    )


def _since(one: Seen, began_ms: int | None) -> bool:
    return one.began_ms is None or began_ms is None or one.began_ms >= began_ms - _SLACK_MS
