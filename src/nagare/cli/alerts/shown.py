"""How alerts, their turns and the reasons behind them are written, for people and for programs."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nagare.cli.console.diagnostics import note
from nagare.cli.console.invocation import Invocation, OutputFormat
from nagare.cli.console.output import Rows, write_document, write_rows
from nagare.model.event import Severity

if TYPE_CHECKING:
    from nagare.wire.alerts import AlertDetail, AlertView, WhyView
    from nagare.wire.diagnosis import DiagnosisBrief

SHORT = 8
_COLUMNS = ("id", "severity", "state", "name", "host", "since", "owner", "quiet", "summary")
_TIMES = ("", "", "", "", "", "TIMESTAMP", "", "", "")


def severity_word(severity: int) -> str:
    """Return the word of a severity, or the number of one that is not known here."""
    try:
        return Severity(severity).name.lower()
    except ValueError:
        return str(severity)


def document_of(view: Any) -> dict[str, Any]:
    """Return a wire value as plain values."""
    from nagare.wire.codec import decode_any, encode

    document: dict[str, Any] = decode_any(encode(view))
    return document


def write_documents(invocation: Invocation, views: Sequence[Any]) -> None:
    """Write wire values whole, for a program."""
    documents = [document_of(view) for view in views]
    names = list(documents[0]) if documents else []
    write_rows(invocation, Rows(names, [list(document.values()) for document in documents]))


def write_properties(invocation: Invocation, document: dict[str, Any]) -> None:
    """Write what is there of a document, a row for each property."""
    rows = [(name, value) for name, value in document.items() if value not in ("", None, [], {}, False)]
    write_rows(invocation, Rows(("property", "value"), rows))


def write_alerts(invocation: Invocation, alerts: Sequence[AlertView]) -> None:
    """Write alerts: a line each for a person, all of them for a program."""
    if invocation.format is OutputFormat.TABLE:
        write_rows(invocation, Rows(_COLUMNS, [_row(alert) for alert in alerts], _TIMES))
    else:
        write_documents(invocation, alerts)


def write_detail(invocation: Invocation, detail: AlertDetail, diagnoses: Sequence[DiagnosisBrief]) -> None:
    """Write an alert, what happened to it, and what was found to be behind it."""
    match invocation.format:
        case OutputFormat.JSON:
            write_document(document_of(detail) | {"diagnoses": [document_of(one) for one in diagnoses]})
        case OutputFormat.TABLE:
            write_properties(invocation, document_of(detail.alert) | {"severity": severity_word(detail.alert.severity)})
            sys.stdout.write("\n")
            rows = [(turn.at, _turned(turn.before, turn.after), turn.actor, turn.cause) for turn in detail.turns]
            write_rows(invocation, Rows(("at", "state", "by", "why"), rows, ("TIMESTAMP", "", "", "")))
            write_diagnoses(invocation, diagnoses)
        case _:
            write_documents(invocation, detail.turns)


def write_diagnoses(invocation: Invocation, diagnoses: Sequence[DiagnosisBrief]) -> None:
    """Write what was found to be behind alerts, for a person; nothing where nobody asked."""
    if diagnoses:
        sys.stdout.write("\n")
        rows = [(one.asked_at, one.id[:SHORT], one.asked_by, one.verdict, one.summary) for one in diagnoses]
        write_rows(
            invocation, Rows(("diagnosed", "id", "by", "verdict", "summary"), rows, ("TIMESTAMP", "", "", "", ""))
        )


def write_why(invocation: Invocation, view: WhyView) -> None:
    """Write the steps from the condition to the people, and what came out."""
    if invocation.format is OutputFormat.JSON:
        write_document(document_of(view))
    else:
        rows = [(step.step, "passes" if step.passes else "held back", step.text) for step in view.steps]
        write_rows(invocation, Rows(("step", "outcome", "text"), rows))
    if not invocation.is_quiet:
        held = ", ".join(step.step for step in view.steps if not step.passes)
        told = "people are told of it" if view.is_told else f"nobody is told of it: {held}"
        note(f"nagare: {title(view.alert)}: {told}")


def title(alert: AlertView) -> str:
    """Return how people name an alert."""
    host = alert.labels.get("host", "")
    return f"alert {alert.id[:SHORT]} ({alert.name}{' ' if host else ''}{host})"


def _row(alert: AlertView) -> tuple[object, ...]:
    state = alert.state + (", stale" if alert.is_stale else "") + (", flapping" if alert.is_flapping else "")
    return (
        alert.id[:SHORT],
        severity_word(alert.severity),
        state,
        alert.name,
        alert.labels.get("host", ""),
        alert.fired_at or alert.starts_at,
        alert.owner,
        _quiet(alert),
        alert.annotations.get("summary", ""),
    )


def _quiet(alert: AlertView) -> str:
    words = {"silenced": alert.silenced_by, "inhibited": alert.inhibited_by, "maintenance": alert.maintenance}
    return " ".join(word for word, found in words.items() if found)


def _turned(before: str, after: str) -> str:
    return "comment" if before == after else f"{before} → {after}" if before else after
