"""Diagnoses as they cross HTTP and as they are kept: one form for both."""

from __future__ import annotations

import math
from collections.abc import Mapping

from nagare.lib.rfc3339 import format_ms
from nagare.model.diagnosis.diagnosis import Diagnosis
from nagare.model.diagnosis.evidence import Evidence
from nagare.model.diagnosis.finding import Hypothesis
from nagare.wire.diagnosis import (
    Cell,
    DiagnosisBrief,
    DiagnosisView,
    EvidenceView,
    FigureView,
    FindingView,
    PerfView,
    ProposalView,
    RunbookView,
    StruckView,
    UsageView,
)


def diagnosis_view(one: Diagnosis) -> DiagnosisView:
    """Return a diagnosis in the form of the wire."""
    usage = one.usage
    return DiagnosisView(
        id=one.id,
        asked_at=format_ms(one.asked_at_ms),
        asked_by=one.asked_by,
        host=one.scope.host,
        alert=one.scope.alert_id,
        from_at=format_ms(one.from_ms),
        until_at=format_ms(one.until_ms),
        verdict=one.verdict.value,
        severity=None if one.severity is None else int(one.severity),
        summary=one.summary,
        is_inconclusive=one.is_inconclusive,
        seconds=round(one.seconds, 3),
        findings=[finding_view(finding) for finding in one.findings],
        evidence=[evidence_view(piece) for piece in one.evidence],
        struck=[StruckView(struck.claim, struck.why) for struck in one.struck],
        notes=list(one.notes),
        perfdata=[PerfView(perf.label, perf.value, perf.unit, perf.warning, perf.critical) for perf in one.perfdata],
        usage=None
        if usage is None
        else UsageView(usage.model, usage.prompt_tokens, usage.answer_tokens, usage.cost, usage.seconds),
        question=one.scope.question,
        conversation=one.conversation,
        answer=one.answer,
        previous=one.previous,
    )


def brief_view(view: DiagnosisView) -> DiagnosisBrief:
    """Return a diagnosis as a list has it."""
    first = view.findings[0] if view.findings else None
    return DiagnosisBrief(
        view.id,
        view.asked_at,
        view.asked_by,
        view.host,
        view.alert,
        view.verdict,
        view.summary,
        "" if first is None else first.cause,
        None if first is None else first.confidence,
        "" if view.rating is None else view.rating.verdict,
    )


def evidence_view(piece: Evidence) -> EvidenceView:
    """Return a piece of evidence in the form of the wire."""
    return EvidenceView(
        id=piece.id,
        kind=piece.kind.value,
        host=piece.host,
        about=piece.about,
        text=piece.text,
        sql=piece.sql,
        params=_cells(piece.params),
        from_at=_moment(piece.from_ms or None),
        until_at=_moment(piece.until_ms or None),
        figures=[FigureView(one.name, one.value, one.unit) for one in piece.figures if math.isfinite(one.value)],
        began_at=_moment(piece.began_ms),
        place=piece.place,
    )


def finding_view(one: Hypothesis) -> FindingView:
    """Return a finding in the form of the wire."""
    proposal = one.proposal
    return FindingView(
        cause=one.cause,
        title=one.title,
        host=one.host,
        about=one.about,
        confidence=one.confidence,
        severity=int(one.severity),
        evidence_for=list(one.evidence_for),
        evidence_against=list(one.evidence_against),
        began_at=_moment(one.began_ms),
        next_check=one.next_check,
        proposal=None if proposal is None else ProposalView(proposal.action, dict(proposal.arguments), proposal.host),
        steps=list(one.steps),
        guide=one.guide,
        runbooks=[
            RunbookView(book.evidence, book.title, book.place, list(book.steps), book.outcome) for book in one.runbooks
        ],
    )


def _cells(params: Mapping[str, object]) -> dict[str, Cell]:
    return {
        name: value if isinstance(value, str | int | float | bool) else str(value) for name, value in params.items()
    }


def _moment(ms: int | None) -> str:
    return "" if ms is None else format_ms(ms)
