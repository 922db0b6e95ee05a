"""Diagnoses of a seeded fleet, as a server tells of them: kept, asked for step by step, rated."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from nagare.errors import NagareError, NotFoundError
from nagare.lib.rfc3339 import format_ms
from nagare.wire.diagnosis import (
    DiagnoseRequest,
    DiagnosisBrief,
    DiagnosisView,
    EvidenceView,
    FigureView,
    FindingView,
    FoundLine,
    ProposalView,
    RatingRequest,
    RatingView,
    RunbookView,
    StageLine,
    StruckView,
    UsageView,
    WordsLine,
)
from tests.tui.jobs import MADE_MS

_SQL = "SELECT max(used_ratio) AS recent FROM disk WHERE host = $host AND mount = $mount"


def evidence_of(id_: str, kind: str = "metric", host: str = "web-1", **more: Any) -> EvidenceView:
    """Return a piece of evidence of the last hour, which set in twenty minutes ago."""
    values: dict[str, Any] = {
        "id": id_, "kind": kind, "host": host, "about": "disk /var", "text": "file system /var: full 61.0% → 99.1%",
        "sql": _SQL, "params": {"host": host, "mount": "/var"}, "from_at": format_ms(MADE_MS - 3_600_000),
        "until_at": format_ms(MADE_MS - 60_000), "figures": [FigureView("recent", 0.991, "ratio")],
        "began_at": format_ms(MADE_MS - 1_200_000),
    }  # fmt: skip
    return EvidenceView(**{**values, **more})


def finding_of(cause: str = "disk.full", **more: Any) -> FindingView:
    """Return a finding that proposes to look at what is large."""
    values: dict[str, Any] = {
        "cause": cause, "title": "file system /var is full", "host": "web-1", "about": "disk /var", "confidence": 0.97, "severity": 3,
        "evidence_for": ["E1", "E2"], "evidence_against": ["E3"], "began_at": format_ms(MADE_MS - 1_200_000),
        "next_check": "see what takes the room below /var, and what wrote it since",
        "proposal": ProposalView("service.restart", {"unit": "rsyslog.service"}, "web-1"),
        "steps": ["find the largest directories", "move or compress old logs"], "guide": "DiskFull",
        "runbooks": [RunbookView("E6", "Room", "disk.md: Room, lines 3-9", ["keep 5 % free on /var"], "the log was rotated")],
    }  # fmt: skip
    return FindingView(**{**values, **more})


def diagnosis_of(id_: str = "d1", **more: Any) -> DiagnosisView:
    """Return a diagnosis of two minutes ago: a full disk, with a claim that was struck out."""
    seconds = more.pop("seconds", 120)
    asked_ms = MADE_MS - seconds * 1000
    values: dict[str, Any] = {
        "id": id_ * 8 if len(id_) < 3 else id_, "asked_at": format_ms(asked_ms), "asked_by": "dora", "host": "web-1", "alert": "",
        "from_at": format_ms(asked_ms - 3_600_000), "until_at": format_ms(asked_ms), "verdict": "CRITICAL", "severity": 3,
        "summary": "web-1: file system /var is full since 10:02:00 UTC (97% sure), 1 more finding", "is_inconclusive": False,
        "seconds": 0.31,
        "findings": [
            finding_of(),
            finding_of("unit.failed", title="unit rsyslog.service has failed", confidence=0.44, severity=2, evidence_for=["E4"],
                       evidence_against=[], proposal=None, steps=[], guide="", runbooks=[]),
        ],
        "evidence": [
            evidence_of("E1"),
            evidence_of("E2", "process", text="process rsyslogd (812) of syslog: 0.31 cores, 88.1M/s to disks", sql="SELECT 1 FROM process"),
            evidence_of("E3", "command", text="command disk.usage by bob: done", params={"id": "c1"}, sql="SELECT 1 FROM commands"),
            evidence_of("E4", text="unit rsyslog.service has failed: exit-code", sql="SELECT 1 FROM unit", began_at=""),
            evidence_of("E5", "alert", text="alert DiskFull (firing): /var on web-1 is 99% full", params={"id": "diskfull-web-1"}, began_at=""),
            evidence_of("E6", "passage", text="Runbook: keep 5 % free on /var", sql="", params={}, place="disk.md: Room", host="",
                        from_at="", until_at="", began_at=""),
        ],
        "struck": [StruckView("the deploy of 4.2 filled the disk", "it began 240 s after E1, which it is said to have caused")],
        "notes": ["no model was used: rules and statistics found this"], "perfdata": [],
    }  # fmt: skip
    return DiagnosisView(**{**values, **more})


WITH_MODEL = UsageView("gemini-2.5-flash", 2345, 432, 0.0123, 8.2)
STAGES = (StageLine("waiting"), StageLine("evidence", 12, 26), StageLine("evidence", 26, 26), StageLine("rules"))


@dataclass
class FleetDiagnoses:
    """The far end: what it keeps, and what it tells while it looks, line by line as the test lets it."""

    held: dict[str, DiagnosisView] = field(default_factory=dict)
    asked: list[DiagnoseRequest] = field(default_factory=list)
    rated: list[RatingRequest] = field(default_factory=list)
    lines: list[StageLine | WordsLine] = field(default_factory=lambda: list(STAGES))
    # Set once it may come to its end.
    may_end: asyncio.Event = field(default_factory=asyncio.Event)
    # How many followers went before the end.
    cancelled: int = 0
    answer: DiagnosisView | None = None
    refuses: NagareError | None = None
    fails: NagareError | None = None
    jobs: dict[str, str] = field(default_factory=lambda: {"c1": "tail"})

    def put(self, *views: DiagnosisView) -> None:
        """Keep ``views``."""
        self.held.update({view.id: view for view in views})

    async def diagnoses(self, limit: int = 50, **wanted: str) -> list[DiagnosisBrief]:
        """Return what is kept, the newest first."""
        if self.fails is not None:
            raise self.fails
        found = sorted(self.held.values(), key=lambda one: one.asked_at, reverse=True)
        return [_brief(view) for view in found[:limit]]

    async def diagnosis(self, id_: str) -> DiagnosisView:
        """Return one."""
        if id_ not in self.held:
            raise NotFoundError("cannot find diagnosis: there is none of that id")
        return self.held[id_]

    async def follow(self, request: DiagnoseRequest) -> AsyncGenerator[StageLine | WordsLine | FoundLine]:
        """Tell the lines, then wait until the test lets it end."""
        self.asked.append(request)
        try:
            for line in self.lines:
                yield line
            await self.may_end.wait()
        except (GeneratorExit, asyncio.CancelledError):
            self.cancelled += 1
            raise
        if self.refuses is not None:
            raise self.refuses
        made = self.answer or diagnosis_of(
            "new", seconds=0, host=request.host, alert=request.alert, question=request.question
        )
        self.put(made)
        yield FoundLine(made)

    async def rate(self, id_: str, request: RatingRequest) -> DiagnosisView:
        """Keep a rating."""
        self.rated.append(request)
        rating = RatingView(request.verdict, request.word, "bob", format_ms(MADE_MS))
        self.put(msgspec.structs.replace(self.held[id_], rating=rating))
        return self.held[id_]

    async def job_of(self, command_id: str) -> str:
        """Return the job of a command."""
        return self.jobs.get(command_id, "")


def _brief(view: DiagnosisView) -> DiagnosisBrief:
    first = view.findings[0] if view.findings else None
    return DiagnosisBrief(
        view.id, view.asked_at, view.asked_by, view.host, view.alert, view.verdict, view.summary,
        "" if first is None else first.cause, None if first is None else first.confidence,
        "" if view.rating is None else view.rating.verdict,
    )  # fmt: skip
