"""Diagnoses over HTTP, and as they are kept. Times are RFC 3339, empty where there is none."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from nagare.wire.problem import Problem

Name = Annotated[str, msgspec.Meta(max_length=253)]
# Longer than any alert's id.
AlertId = Annotated[str, msgspec.Meta(max_length=64)]
Cell = str | int | float | bool | None


class DiagnoseRequest(msgspec.Struct, frozen=True):
    """``POST /api/v1/diagnose``: of one host, of one alert, or of every host that the caller sees.

    ``since_seconds`` is how far back the trouble is looked for, ``until_ms`` (Unix milliseconds) until when; now unless
    given. ``evidence_only`` gathers and reasons, and asks no model.

    With ``model`` the configured model is asked, too; a ``question`` in words is one that it answers. ``after`` is the
    id of a diagnosis of before, which the question follows: its host or alert is meant where none is named.

    With ``logs`` the journals of suspected units are read on their hosts: commands of the caller, who must be one that may
    run and see them. Nothing is run without it.
    """

    host: Name = ""
    alert: AlertId = ""
    since_seconds: Annotated[float, msgspec.Meta(ge=60, le=31 * 86400)] = 3600.0
    until_ms: Annotated[int, msgspec.Meta(ge=0)] | None = None
    evidence_only: bool = False
    model: bool = False
    question: Annotated[str, msgspec.Meta(max_length=1000)] = ""
    after: Annotated[str, msgspec.Meta(max_length=32)] = ""
    logs: bool = False


class RatingRequest(msgspec.Struct, frozen=True):
    """``PUT /api/v1/diagnoses/{id}/rating``: whether it helped, and why in a few words; the newest one counts."""

    verdict: Literal["up", "down"]
    word: Annotated[str, msgspec.Meta(max_length=500)] = ""


class RatingView(msgspec.Struct, frozen=True):
    """What a person thinks of a diagnosis: ``up`` where it helped, ``down`` where it was wrong or of no use."""

    verdict: str
    word: str
    rated_by: str
    rated_at: str


class PromptView(msgspec.Struct, frozen=True):
    """What one investigator would be told first."""

    asker: str
    text: str


class PromptList(msgspec.Struct, frozen=True):
    """``POST /api/v1/diagnose/preview``: what would leave at first, to which model and which address; nothing was sent."""

    model: str
    endpoint: str
    prompts: list[PromptView]


class FigureView(msgspec.Struct, frozen=True):
    """One number that a query has under this name; ``unit`` as in the names of columns."""

    name: str
    value: float
    unit: str = ""


class EvidenceView(msgspec.Struct, frozen=True):
    """One thing that is so. ``sql`` with ``params`` answers one row with the figures; empty where no table has it."""

    id: str
    kind: str
    host: str
    about: str
    text: str
    sql: str = ""
    params: dict[str, Cell] = {}
    from_at: str = ""
    until_at: str = ""
    figures: list[FigureView] = []
    began_at: str = ""
    place: str = ""


class ProposalView(msgspec.Struct, frozen=True):
    """A typed action that might help: proposed, never run."""

    action: str
    arguments: dict[str, str]
    host: str


class RunbookView(msgspec.Struct, frozen=True):
    """A passage of the knowledge base that fits a finding: the id of its evidence, where it stands, and the steps in it."""

    evidence: str
    title: str
    place: str
    steps: list[str] = []
    outcome: str = ""


class FindingView(msgspec.Struct, frozen=True):
    """One possible cause. ``confidence`` is a probability; ``evidence_for`` and ``evidence_against`` are ids of evidence.

    ``steps`` are those of the shipped guide that fits, ``guide`` is the rule whose page has them; ``runbooks`` are what the
    knowledge base has about it.
    """

    cause: str
    title: str
    host: str
    about: str
    confidence: float
    severity: int
    evidence_for: list[str]
    evidence_against: list[str] = []
    began_at: str = ""
    next_check: str = ""
    proposal: ProposalView | None = None
    steps: list[str] = []
    guide: str = ""
    runbooks: list[RunbookView] = []


class StruckView(msgspec.Struct, frozen=True):
    """A claim that did not hold, and why."""

    claim: str
    why: str


class UsageView(msgspec.Struct, frozen=True):
    """What a model was used; ``cost`` in US dollars."""

    model: str
    prompt_tokens: int
    answer_tokens: int
    cost: float
    seconds: float


class PerfView(msgspec.Struct, frozen=True):
    """One reading of the summary line."""

    label: str
    value: float
    unit: str = ""
    warning: float | None = None
    critical: float | None = None


class DiagnosisView(msgspec.Struct, frozen=True):
    """One diagnosis. ``verdict`` is OK, WARNING, CRITICAL or UNKNOWN; ``severity`` 0 to 3, null where it cannot be told.

    ``findings``: the likeliest first; none though something is wrong means inconclusive. ``usage`` is null where no model
    was used.
    """

    id: str
    asked_at: str
    asked_by: str
    host: str
    alert: str
    from_at: str
    until_at: str
    verdict: str
    severity: int | None
    summary: str
    is_inconclusive: bool
    seconds: float
    findings: list[FindingView]
    evidence: list[EvidenceView]
    struck: list[StruckView]
    notes: list[str]
    perfdata: list[PerfView]
    usage: UsageView | None = None
    question: str = ""
    conversation: str = ""
    answer: str = ""
    previous: str = ""
    rating: RatingView | None = None


def with_rating(view: DiagnosisView, rating: RatingView) -> DiagnosisView:
    """Return ``view`` with what somebody thinks of it."""
    return msgspec.structs.replace(view, rating=rating)


class DiagnosisBrief(msgspec.Struct, frozen=True):
    """A diagnosis in a list."""

    id: str
    asked_at: str
    asked_by: str
    host: str
    alert: str
    verdict: str
    summary: str
    cause: str = ""
    confidence: float | None = None
    rating: str = ""


class DiagnosisList(msgspec.Struct, frozen=True):
    """``GET /api/v1/diagnoses``: the newest first; ``next`` goes on, empty at the end."""

    diagnoses: list[DiagnosisBrief]
    next: str = ""


class StageLine(msgspec.Struct, frozen=True, tag="stage", tag_field="op"):
    """A line of ``POST /api/v1/diagnose/follow``: how far it is. ``done`` of ``total`` steps of the stage, where that is known."""

    stage: str
    done: int = 0
    total: int = 0
    text: str = ""


class WordsLine(msgspec.Struct, frozen=True, tag="words", tag_field="op"):
    """A line of the same: what an investigator's model writes, as it comes. Nothing of it is verified yet."""

    asker: str
    text: str


class FoundLine(msgspec.Struct, frozen=True, tag="found", tag_field="op"):
    """The last line of the same: the diagnosis, verified and kept."""

    diagnosis: DiagnosisView


class FaultLine(msgspec.Struct, frozen=True, tag="fault", tag_field="op"):
    """The last line of the same where there is no diagnosis, and why."""

    problem: Problem


DiagnosisLine = StageLine | WordsLine | FoundLine | FaultLine
