"""The seam between what was seen and what is made of it: rules alone, or a model beside them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from nagare.diagnosis.evidence.ledger import Ledger
from nagare.diagnosis.evidence.seen import Ground
from nagare.diagnosis.gathering import Gathered
from nagare.diagnosis.journal import Journal
from nagare.diagnosis.progress import Progress, Unheard
from nagare.model.diagnosis.diagnosis import Scope, Usage
from nagare.model.diagnosis.finding import Hypothesis, Struck
from nagare.model.diagnosis.knowledge import Passage

Search = Callable[[str], Awaitable[Sequence[Passage]]]


@dataclass(frozen=True, slots=True)
class Earlier:
    """A question of before, and what came of it, in words."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Case:
    """What is asked and what was seen. Evidence that is told of stands in ``ledger``, which gives the ids."""

    scope: Scope
    ground: Ground
    gathered: Gathered
    ledger: Ledger
    # The diagnosis that is made of it, and who asked.
    id: str = ""
    asked_by: str = ""
    # What was said before in the same conversation, the oldest first.
    history: tuple[Earlier, ...] = ()
    # Finds what people wrote down, as far as the asker may read it; None where nobody may.
    search: Search | None = None
    # Reads journals as the asker; None where nobody asked for them.
    journal: Journal | None = None
    # Who hears how far it is.
    progress: Progress = field(default_factory=Unheard)


@dataclass(frozen=True, slots=True)
class Reasoned:
    """What somebody made of a case: findings, the likeliest first, what was struck out already, and words for people.

    ``usage`` is None where no model was used.
    """

    findings: tuple[Hypothesis, ...] = ()
    struck: tuple[Struck, ...] = ()
    notes: tuple[str, ...] = ()
    usage: Usage | None = None
    # An answer to the question that was asked, in words; empty where there was none.
    answer: str = field(default="")


class Reasoner(Protocol):
    """Makes hypotheses of a case."""

    async def reason(self, case: Case) -> Reasoned:
        """Return what it makes of ``case``; what it claims is verified by others. Raises errors of its own trade only."""
        ...
