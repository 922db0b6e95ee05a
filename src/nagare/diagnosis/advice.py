"""What people wrote down that fits what is suspected: passages of the knowledge base, and the steps in them.

A passage is advice. It makes no finding surer, proposes nothing, and whatever stands in it is shown and never followed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from nagare.diagnosis.evidence.ledger import PLACE_LIMIT
from nagare.diagnosis.evidence.seen import Seen
from nagare.diagnosis.investigators.passages import place_of, seen_passage
from nagare.diagnosis.reasoning import Case, Search
from nagare.errors import NagareError
from nagare.lib.plain_text import plain
from nagare.model.diagnosis.evidence import EvidenceKind
from nagare.model.diagnosis.finding import Hypothesis, Runbook
from nagare.model.diagnosis.knowledge import SHIPPED, Passage

# Findings, or alerts where there is none, that are looked up, and passages of each.
_ASKED_MOST, _EACH_MOST = 3, 2
# What fits clearly worse than the best is about something else.
_NEARLY = 0.8
_STEP_LIMIT, _TITLE_LIMIT, _OUTCOME_LIMIT = 300, 120, 300
LATE = "the knowledge base did not answer in time"


@dataclass(slots=True)
class Advice:
    """Findings with what fits them, and words for people about what could not be looked up."""

    findings: tuple[Hypothesis, ...]
    notes: list[str] = field(default_factory=list)


async def advised(case: Case, findings: Sequence[Hypothesis], seconds: float) -> Advice:
    """Return ``findings`` with the passages that fit the likeliest of them; those of open alerts are evidence where there is none.

    What is not found within ``seconds``, all together, is left out, and that is said: a file server that is gone holds nothing up.
    """
    advice = Advice(tuple(findings))
    if case.search is None:
        return advice
    try:
        async with asyncio.timeout(seconds):
            if findings:
                await _look_up(case, case.search, advice)
            else:
                for text in _alerts(case)[:_ASKED_MOST]:
                    case.ledger.ids(map(seen_passage, (await case.search(text))[:_EACH_MOST]))
    except TimeoutError:
        advice.notes.append(LATE)
    except NagareError as error:
        advice.notes.append(f"the knowledge base could not be asked: {plain(error.message, 200)}")
    return advice


async def _look_up(case: Case, search: Search, advice: Advice) -> None:
    for place, one in enumerate(advice.findings[:_ASKED_MOST]):
        text = " ".join([one.title, one.guide, *_alerts_behind(case, one)])
        # The steps of the guide stand with the finding already.
        fitting = [passage for passage in await search(text) if not (one.guide and passage.source == SHIPPED)]
        near = [passage for passage in fitting if passage.score >= fitting[0].score * _NEARLY]
        books = tuple(book for passage in near[:_EACH_MOST] if (book := _runbook(case, passage, seen_passage(passage))))
        found = list(advice.findings)
        found[place] = replace(one, runbooks=books)
        advice.findings = tuple(found)


def _runbook(case: Case, passage: Passage, seen: Seen) -> Runbook | None:
    piece = case.ledger.add(seen.draft())
    if piece is None:
        return None
    shown = case.ledger.shown
    return Runbook(
        piece.id,
        shown(passage.title, _TITLE_LIMIT),
        # The steps may stand elsewhere in the page than what fits.
        shown(place_of(passage, passage.steps_at), PLACE_LIMIT) if passage.steps_at else piece.place,
        tuple(shown(step, _STEP_LIMIT) for step in passage.steps),
        shown(passage.outcome, _OUTCOME_LIMIT),
    )


def _alerts_behind(case: Case, one: Hypothesis) -> list[str]:
    """Return what the alerts say that ``one`` cites: others of its host are about something else."""
    cited = [piece for piece in case.ledger.evidence if piece.id in one.evidence_for]
    return [piece.text for piece in cited if piece.kind is EvidenceKind.ALERT][:1]


def _alerts(case: Case) -> list[str]:
    facts = case.gathered.facts
    told = [one.keys for name in ("", *facts.hosts) for one in facts.of(name, "alerts")]
    return list(dict.fromkeys(f"{keys.get('name', '')} {keys.get('summary', '')}".strip() for keys in told))
