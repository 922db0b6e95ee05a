"""What rules found and what a model found, as one list: rules are the floor, which no silence of a model lowers. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from nagare.model.diagnosis.finding import Hypothesis

FINDINGS_MOST = 8


def merged(floor: Sequence[Hypothesis], claims: Iterable[Hypothesis]) -> tuple[Hypothesis, ...]:
    """Return both, the likeliest first. Where both name a cause, the words and steps of the rules stay, and the confidence is their mean."""
    found = list(floor)
    for claim in claims:
        place = next((at for at, one in enumerate(found) if _is_same(one, claim)), None)
        if place is None:
            found.append(claim)
        else:
            found[place] = _both(found[place], claim)
    return tuple(sorted(found, key=lambda one: -one.confidence)[:FINDINGS_MOST])


def _is_same(one: Hypothesis, claim: Hypothesis) -> bool:
    if (one.cause, one.host) != (claim.cause, claim.host) or one.cause == "other":
        return False
    # Two file systems may be full at one time.
    return (
        not one.about
        or not claim.about
        or one.about == claim.about
        or bool(set(one.evidence_for) & set(claim.evidence_for))
    )


def _both(one: Hypothesis, claim: Hypothesis) -> Hypothesis:
    backing = tuple(dict.fromkeys((*one.evidence_for, *claim.evidence_for)))
    doubts = tuple(dict.fromkeys((*one.evidence_against, *claim.evidence_against)))
    return replace(
        one,
        confidence=round((one.confidence + claim.confidence) / 2, 2),
        evidence_for=backing,
        evidence_against=tuple(id_ for id_ in doubts if id_ not in backing),
        next_check=one.next_check or claim.next_check,
        proposal=one.proposal or claim.proposal,
    )
