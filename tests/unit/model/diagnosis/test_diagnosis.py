"""The words of a diagnosis: verdicts, and what counts as inconclusive."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nagare.model.diagnosis.diagnosis import Diagnosis, Scope, Verdict, verdict_of
from nagare.model.diagnosis.evidence import Evidence, EvidenceKind, Figure
from nagare.model.diagnosis.finding import Hypothesis
from nagare.model.event import Severity

EVIDENCE = Evidence("E1", EvidenceKind.METRIC, "web1", "cpu busy 97 %", figures=(Figure("busy_ratio", 0.97, "ratio"),))
DIAGNOSIS = Diagnosis("d1", 0, Scope(), 0, 1, Severity.INFO, "all is well", evidence=(EVIDENCE,))


@pytest.mark.parametrize(
    ("severity", "verdict"),
    [
        (None, Verdict.UNKNOWN),
        (Severity.INFO, Verdict.OK),
        (Severity.WARNING, Verdict.WARNING),
        (Severity.HIGH, Verdict.CRITICAL),
        (Severity.CRITICAL, Verdict.CRITICAL),
    ],
)
def test_a_severity_has_a_word(severity: Severity | None, verdict: Verdict) -> None:
    assert verdict_of(severity) is verdict


def test_no_finding_is_inconclusive_only_where_something_is_wrong() -> None:
    assert not DIAGNOSIS.is_inconclusive
    assert replace(DIAGNOSIS, severity=Severity.HIGH).is_inconclusive
    assert replace(DIAGNOSIS, severity=None).is_inconclusive
    found = replace(
        DIAGNOSIS, severity=Severity.HIGH, findings=(Hypothesis("cpu.saturated", "the CPU is busy", "web1", 0.9),)
    )
    assert not found.is_inconclusive


def test_evidence_and_figures_are_found_by_name() -> None:
    assert DIAGNOSIS.find_evidence("E1") is EVIDENCE
    assert DIAGNOSIS.find_evidence("E2") is None
    assert EVIDENCE.figure("busy_ratio") == 0.97
    assert EVIDENCE.figure("idle_ratio") is None
