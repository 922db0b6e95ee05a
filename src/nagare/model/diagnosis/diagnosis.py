"""A diagnosis: what was asked, what was found, and what it was found with. Pure values."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from nagare.model.diagnosis.evidence import Evidence
from nagare.model.diagnosis.finding import Hypothesis, Struck
from nagare.model.event import Severity


class Verdict(StrEnum):
    """The word that the summary begins with, as monitoring plugins say it."""

    OK = "OK"
    WARNING = "WARNING"
    CRITICAL = "CRITICAL"
    UNKNOWN = "UNKNOWN"


def verdict_of(severity: Severity | None) -> Verdict:
    """Return the word for ``severity``; high and critical are both critical, None is unknown."""
    if severity is None:
        return Verdict.UNKNOWN
    if severity is Severity.INFO:
        return Verdict.OK
    return Verdict.WARNING if severity is Severity.WARNING else Verdict.CRITICAL


@dataclass(frozen=True, slots=True)
class Scope:
    """What was asked about: one host, one alert, or the whole fleet where both are empty; ``question`` in words, or empty."""

    host: str = ""
    alert_id: str = ""
    question: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a model was used for this: its name, tokens of the prompts and of the answers, money (US dollars), wall time."""

    model: str
    prompt_tokens: int = 0
    answer_tokens: int = 0
    cost: float = 0.0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Perf:
    """One reading of the summary line, as monitoring plugins write them; the bounds are where it warns and alarms."""

    label: str
    value: float
    unit: str = ""
    warning: float | None = None
    critical: float | None = None


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One diagnosis as it is kept. Times are Unix milliseconds.

    It looked at [``from_ms``, ``until_ms``). ``severity`` is how bad things are, None where that cannot be told.
    ``findings``, the likeliest first; none though ``severity`` is above info means that it is inconclusive. ``usage`` is
    None where no model was used. ``notes`` say what it could not see, for people. ``asked_by`` is a name, ``nagare``
    where the server itself asked. ``conversation`` is the id of the first diagnosis of a conversation, for follow-ups.
    """

    id: str
    asked_at_ms: int
    scope: Scope
    from_ms: int
    until_ms: int
    severity: Severity | None
    summary: str
    findings: tuple[Hypothesis, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    struck: tuple[Struck, ...] = ()
    usage: Usage | None = None
    notes: tuple[str, ...] = ()
    perfdata: tuple[Perf, ...] = ()
    asked_by: str = ""
    seconds: float = 0.0
    conversation: str = ""
    # The answer to the question that was asked, in words, with the evidence it cites as [E1]; empty where there is none.
    answer: str = ""
    # The diagnosis of before that this one follows, an id or empty.
    previous: str = ""

    @property
    def verdict(self) -> Verdict:
        """The word for how bad things are."""
        return verdict_of(self.severity)

    @property
    def is_inconclusive(self) -> bool:
        """Whether something is wrong, or may be, and no cause could be shown."""
        return not self.findings and self.severity is not Severity.INFO

    def find_evidence(self, id_: str) -> Evidence | None:
        """Return the evidence of that id, or None."""
        return next((evidence for evidence in self.evidence if evidence.id == id_), None)
