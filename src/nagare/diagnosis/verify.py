"""The verifier: runs every cited query again, and strikes out what does not hold.

A claim stands only on evidence that exists, whose numbers come out the same again, and that is not later than what it is
said to have caused. What could not be asked in time is kept, and said. What fails is not dropped silently: it is shown, struck out, with the reason.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from nagare.diagnosis.evidence.asking import Asker, Row, number
from nagare.diagnosis.evidence.words import format_figure
from nagare.errors import DeadlineExceededError, NagareError, OverloadedError
from nagare.model.diagnosis.evidence import Evidence, EvidenceKind
from nagare.model.diagnosis.finding import Hypothesis, Struck

# Samples of the window may still come in between two runs of one query; more than this is another number.
TOLERANCE = 0.02
# Below this, numbers count as nothing.
_NOTHING = 1e-9
# Means of pieces of time do not say to the second when a thing began.
SLACK_MS = 60_000
_BEGAN = "began_ms"


@dataclass(frozen=True, slots=True)
class Verified:
    """What stands, and what was struck out."""

    findings: tuple[Hypothesis, ...]
    struck: tuple[Struck, ...]
    # What could not be checked, for people.
    notes: tuple[str, ...] = ()


async def verify(asker: Asker, findings: Sequence[Hypothesis], evidence: Sequence[Evidence]) -> Verified:
    """Return of ``findings`` what holds. Each piece of evidence that they cite is asked for once more."""
    by_id = {piece.id: piece for piece in evidence}
    cited = dict.fromkeys(id_ for one in findings for id_ in (*one.evidence_for, *one.evidence_against))
    unchecked: list[str] = []
    faults = {id_: await _fault(asker, by_id.get(id_), id_, unchecked) for id_ in cited}
    standing: list[Hypothesis] = []
    struck: list[Struck] = []
    for one in findings:
        kept, fallen = _without(one, faults)
        struck += fallen
        if late := _too_late(kept, by_id):
            struck.append(Struck(f"{one.title} ({one.cause})", late))
        elif not kept.evidence_for:
            struck.append(Struck(f"{one.title} ({one.cause})", "no evidence for it is left"))
        else:
            standing.append(kept)
    notes = (f"{', '.join(unchecked)} could not be checked again: the store was too busy",) if unchecked else ()
    return Verified(tuple(standing), tuple(dict.fromkeys(struck)), notes)


def _without(one: Hypothesis, faults: dict[str, str]) -> tuple[Hypothesis, list[Struck]]:
    """Return the hypothesis without the evidence that does not hold; each loss takes of its confidence."""
    fallen = [
        Struck(f"{id_}, cited for {one.cause}", faults[id_])
        for id_ in (*one.evidence_for, *one.evidence_against)
        if faults[id_]
    ]
    if not fallen:
        return one, []
    kept = tuple(id_ for id_ in one.evidence_for if not faults[id_])
    against = tuple(id_ for id_ in one.evidence_against if not faults[id_])
    share = len(kept) / max(len(one.evidence_for), 1)
    return replace(
        one, evidence_for=kept, evidence_against=against, confidence=round(one.confidence * share, 2)
    ), fallen


def _too_late(one: Hypothesis, by_id: dict[str, Evidence]) -> str:
    """Return why the cause cannot be one: it began after something that it is said to explain; empty when it can."""
    if one.began_ms is None:
        return ""
    begins = [(by_id[id_].began_ms, id_) for id_ in one.evidence_for if id_ in by_id and _is_effect(by_id[id_], one)]
    for began_ms, id_ in begins:
        if began_ms is not None and one.began_ms > began_ms + SLACK_MS:
            return f"it began {(one.began_ms - began_ms) // 1000} s after {id_}, which it is said to have caused"
    return ""


def _is_effect(piece: Evidence, one: Hypothesis) -> bool:
    # What people did before is no effect; nor is an event or an alert that merely stands beside it.
    return piece.kind.value in ("metric", "process", "anomaly", "change") and piece.host == one.host


async def _fault(asker: Asker, piece: Evidence | None, id_: str, unchecked: list[str]) -> str:
    """Return why the evidence does not hold, empty when it does."""
    if piece is None:
        return f"there is no evidence {id_[:20]}"
    if not piece.sql:
        return "it has figures and no query" if piece.figures else ""
    try:
        rows = await asker.ask(piece.sql, piece.params, _since(piece))
    except (DeadlineExceededError, OverloadedError):
        # Nobody looked, which says nothing against it.
        unchecked.append(id_)
        return ""
    except NagareError as error:
        return f"its query fails: {error.message}"
    if len(rows) != 1:
        return f"its query answers {len(rows)} rows, not one"
    return _difference(piece, rows[0])


def _since(piece: Evidence) -> int | None:
    # The audit log is long, and what is cited of it says when it was.
    return piece.from_ms if piece.kind is EvidenceKind.AUDIT else None


def _difference(piece: Evidence, row: Row) -> str:
    for figure in piece.figures:
        value = number(row, figure.name)
        if value is None or not is_same(value, figure.value):
            shown = format_figure(value, figure.unit)
            return f"{figure.name} is {shown}, not {format_figure(figure.value, figure.unit)}"
    began = number(row, _BEGAN)
    if piece.began_ms is not None and (began is None or abs(began - piece.began_ms) > SLACK_MS):
        return "it did not begin when it is said to have begun"
    return ""


def is_same(found: float, told: float) -> bool:
    """Tell whether two readings of one number agree."""
    if not (math.isfinite(found) and math.isfinite(told)):
        return found == told
    return abs(found - told) <= max(TOLERANCE * max(abs(found), abs(told)), _NOTHING)
