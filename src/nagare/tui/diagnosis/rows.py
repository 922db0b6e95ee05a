"""Diagnoses and their evidence as rows of lists. Texts are foreign: they are made plain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from nagare.lib.plain_text import plain
from nagare.tui.diagnosis.running import Running
from nagare.tui.jobs.rows import moment_ms
from nagare.tui.renderables.table_cells import CellKind, ColumnSpec
from nagare.tui.renderables.time_axis import format_moment

if TYPE_CHECKING:
    from datetime import tzinfo

    from nagare.wire.diagnosis import DiagnosisBrief, DiagnosisView, EvidenceView, FindingView

_TEXT_LIMIT = 300
# The palette's states for verdicts.
_VERDICTS: Mapping[str, str] = MappingProxyType({"OK": "ok", "WARNING": "warn", "CRITICAL": "crit"})
_RATINGS: Mapping[str, str] = MappingProxyType({"up": "yes", "down": "no"})

DIAGNOSIS_COLUMNS = (
    ColumnSpec("state", "verdict", CellKind.STATE, 9, 0, help="how bad things were"),
    ColumnSpec("age", "age", CellKind.AGE, 6, 1, help="time since it was asked for"),
    ColumnSpec("about", "of", CellKind.TEXT, 10, 2, help="the host or the alert that was asked about, or the whole fleet"),
    ColumnSpec("summary", "what was found", CellKind.TEXT, 18, 1, grow=True, help="in one sentence"),
    ColumnSpec("sure", "sure", CellKind.RATIO, 5, 4, help="how likely the likeliest cause is"),
    ColumnSpec("cause", "cause", CellKind.TEXT, 16, 6, help="the likeliest cause"),
    ColumnSpec("helped", "helped", CellKind.TEXT, 6, 5, help="what somebody said of it"),
    ColumnSpec("who", "asked by", CellKind.TEXT, 10, 7, help="who asked; nagare where a critical alert was diagnosed by itself"),
    ColumnSpec("id", "id", CellKind.TEXT, 9, 8, help="the id that the command line takes"),
    ColumnSpec("order", "", CellKind.NUMBER, 1, 99, help="the newest first"),
)  # fmt: skip
EVIDENCE_COLUMNS = (
    ColumnSpec("id", "id", CellKind.TEXT, 4, 0, help="as the answer cites it"),
    ColumnSpec("cited", "cited", CellKind.TEXT, 7, 1, help="number of the finding that it speaks for (+) or against (-)"),
    ColumnSpec("text", "evidence", CellKind.TEXT, 38, 1, grow=True, help="what is so"),
    ColumnSpec("began", "since", CellKind.TEXT, 9, 3, help="when it set in, where that is known"),
    ColumnSpec("host", "host", CellKind.TEXT, 10, 4, help="where it is so"),
    ColumnSpec("kind", "kind", CellKind.TEXT, 8, 5, help="where it was read"),
    ColumnSpec("order", "", CellKind.NUMBER, 1, 99, help="as they were found"),
)  # fmt: skip


def verdict_state(verdict: str) -> str:
    """Return the palette's state for a verdict; one that is not known looks unknown."""
    return _VERDICTS.get(verdict, "unknown")


def about_text(host: str, alert: str) -> str:
    """Return what was asked about."""
    if alert:
        return plain(f"alert {alert[:8]}" + (f" on {host}" if host else ""), _TEXT_LIMIT)
    return plain(host, _TEXT_LIMIT) or "the fleet"


def diagnosis_row(one: DiagnosisBrief | Running, now_ms: int) -> dict[str, Any]:
    """Return the cells of a diagnosis, or of the one that is being made."""
    if isinstance(one, Running):
        cells = {spec.key: None if spec.is_numeric else "" for spec in DIAGNOSIS_COLUMNS}
        age = max(0.0, (now_ms - one.began_ms) // 1000)
        return cells | {
            "state": "started",
            "age": age,
            "about": one.about,
            "summary": one.words_of_stage(),
            "order": -1e18,
        }
    asked_ms = moment_ms(one.asked_at) or now_ms
    return {
        "state": verdict_state(one.verdict),
        "age": max(0.0, (now_ms - asked_ms) // 1000),
        "about": about_text(one.host, one.alert),
        "summary": plain(one.summary, _TEXT_LIMIT),
        "sure": one.confidence,
        "cause": plain(one.cause),
        "helped": _RATINGS.get(one.rating, ""),
        "who": plain(one.asked_by),
        "id": plain(one.id),
        "order": -float(asked_ms),
    }


def diagnosis_labels(one: DiagnosisBrief | Running) -> Mapping[str, str]:
    """Return what a filter may name beside the columns: ``host:web1``, ``alert:3f2a``."""
    return {} if isinstance(one, Running) else {"host": one.host, "alert": one.alert}


def evidence_rows(view: DiagnosisView, now_ms: int, zone: tzinfo | None) -> dict[str, dict[str, Any]]:
    """Return the cells of every piece of evidence, by its id."""
    return {
        piece.id: _evidence_row(number, piece, view.findings, now_ms, zone)
        for number, piece in enumerate(view.evidence)
    }


def _evidence_row(
    number: int, piece: EvidenceView, findings: Sequence[FindingView], now_ms: int, zone: tzinfo | None
) -> dict[str, Any]:
    began_ms = moment_ms(piece.began_at)
    return {
        "id": plain(piece.id),
        "cited": _cited(piece.id, findings),
        "text": plain(piece.text),
        "began": "" if began_ms is None else format_moment(began_ms, now_ms, zone),
        "host": plain(piece.host),
        "kind": plain(piece.kind),
        "order": float(number),
    }


def _cited(id_: str, findings: Sequence[FindingView]) -> str:
    told = []
    for number, one in enumerate(findings, 1):
        told += [f"{number}+"] if id_ in one.evidence_for else []
        told += [f"{number}-"] if id_ in one.evidence_against else []
    return " ".join(told)
