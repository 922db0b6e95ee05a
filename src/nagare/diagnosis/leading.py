"""What changed first and most, where no rule knows a cause: a suspicion that says so, and is never likely. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from nagare.diagnosis.evidence.readings import READINGS
from nagare.diagnosis.evidence.seen import Seen
from nagare.diagnosis.rules.facts import Facts, Suspicion
from nagare.diagnosis.rules.weighing import SLACK_MS, with_changes
from nagare.diagnosis.summary import LIKELY
from nagare.model.event import Severity

# The leader stands so far before the next component, and so many deviations from its usual.
_LEAD, _EFFECT = 1.3, 8.0
# It is a statistic, and no cause that anybody knows: below what counts as likely, whatever backs it.
_BASE, _BACKED = 0.3, 0.1
_ODD_MOST = 2
# What an agent says of itself, and what only counts time, is no symptom of anything.
_SYMPTOMS = tuple(READINGS)


def leading(facts: Facts, hosts: Iterable[str], found: Collection[Suspicion]) -> Iterator[Suspicion]:
    """Suspect what changed first and most on each of ``hosts`` that shows something wrong of which the rules ``found`` no cause."""
    for host in hosts:
        if any(one.host == host and one.severity > Severity.INFO and one.confidence >= LIKELY for one in found):
            continue
        symptoms = [*facts.of(host, "alerts"), *facts.bad(host, *_SYMPTOMS)]
        changes = facts.of(host, "changed")
        if symptoms and changes and _is_clear(changes[0]):
            yield with_changes(_suspicion(facts, host, changes, symptoms), facts)


def _is_clear(first: Seen) -> bool:
    return first.value("place") == 1 and first.value("lead") >= _LEAD and first.value("effect") >= _EFFECT


def _suspicion(facts: Facts, host: str, changes: list[Seen], symptoms: list[Seen]) -> Suspicion:
    first = changes[0]
    about = first.keys["about"]
    odd = [one for one in facts.of(host, "anomalies") if _is_same(one, first) and _since(one, first)][:_ODD_MOST]
    shown = [one for one in symptoms if one.tool == "alerts" or _since(one, first)][:3]
    return Suspicion(
        "change.first",
        f"{about} changed first and most: {first.keys['words']}",
        host,
        _BASE + (_BACKED if odd else 0.0),
        Severity.WARNING,
        [first, *(one for one in changes[1:] if one.keys["about"] == about and _since(one, first)), *odd, *shown],
        about=about,
        next_check=f"see what {about} does since then: no rule knows what this is, and that it came first proves nothing",
        began_ms=first.began_ms,
    )


def _since(one: Seen, first: Seen) -> bool:
    """Tell whether ``one`` did not begin clearly before ``first``, and so may come of it."""
    return one.began_ms is None or first.began_ms is None or one.began_ms >= first.began_ms - SLACK_MS


def _is_same(odd: Seen, change: Seen) -> bool:
    return (odd.keys.get("table_name"), odd.keys.get("column_name")) == (change.keys["table"], change.keys["column"])
