"""``nagare agent status``: how the agent of this host does, whether it runs or not, and how old each word of that is."""

from __future__ import annotations

from typing import Any

import typer

from nagare.cli.console.diagnostics import note
from nagare.cli.console.invocation import Invocation, OutputFormat
from nagare.cli.console.output import Rows, write_document, write_rows
from nagare.cli.exit_codes import BAD
from nagare.cli.offline.agent_report import AgentReport, AgentState, count_batches, read_agent
from nagare.lib.clock import SystemClock
from nagare.lib.plain_text import plain
from nagare.lib.rfc3339 import format_ms
from nagare.lib.units import NO_VALUE, format_bytes, format_seconds
from nagare.wire.agent_status import AgentStatus

_TIMES = {
    "status_at": "at_ms",
    "started_at": "started_ms",
    "ended_at": "ended_ms",
    "last_sent_at": "last_sent_ms",
    "last_error_at": "last_error_ms",
}
_WORDS = ("version", "host", "server", "connection", "last_error")
_COUNTS = ("sent", "resent", "thinned", "dropped", "damaged", "failures")
# ``hold`` and ``holds`` are what confines programs, as ``nagare commands show`` names them.
_COMMANDS = ("is_granted", "is_connected", "running", "waiting", "hold", "holds")


def show_status(invocation: Invocation) -> None:
    """Print the report, and end with 1 when something of it is bad. Raises NotFoundError where never an agent ran."""
    now_ms = SystemClock().now_ms()
    report = read_agent(invocation.settings, now_ms)
    if invocation.format in (OutputFormat.JSON, OutputFormat.NDJSON):
        write_document(document_of(report))
    elif invocation.format is OutputFormat.CSV:
        write_rows(invocation, Rows(("property", "value"), list(_flat(document_of(report)))))
    else:
        write_rows(invocation, Rows(("property", "value"), rows_of(report, now_ms)))
        for text in report.faults if not invocation.is_quiet else ():
            note(plain(text))
    if report.faults:
        raise typer.Exit(BAD)


def document_of(report: AgentReport) -> dict[str, Any]:
    """Return all of it for programs; what only the agent knows is null where it never said it."""
    told, queue = report.told, report.queue
    return {
        "state": report.state.value,
        "pid": report.pid,
        "status_age_seconds": report.age_seconds,
        **_told_document(told),
        "queue": {
            "read_from": "disk" if report.is_from_disk else "agent",
            "batches": queue.batches,
            "bytes": queue.bytes,
            "limit_bytes": queue.limit_bytes,
            "oldest_seconds": queue.oldest_seconds,
        },
        "commands": {
            **(
                dict.fromkeys(_COMMANDS) if told is None else {name: getattr(told.commands, name) for name in _COMMANDS}
            ),
            "policy": report.policy,
            "policy_state": report.policy_state,
        },
        "faults": report.faults,
        "notes": report.notes,
    }


def _told_document(told: AgentStatus | None) -> dict[str, Any]:
    if told is None:
        return dict.fromkeys([*_TIMES, *_WORDS, "since_start"])
    times = {name: _time(getattr(told, source)) for name, source in _TIMES.items()}
    since = {name: getattr(told.since_start, name) for name in _COUNTS}
    return {**times, **{name: getattr(told, name) for name in _WORDS}, "since_start": since}


def rows_of(report: AgentReport, now_ms: int) -> list[tuple[str, str]]:
    """Return it for a person: a line a subject."""
    told, queue = report.told, report.queue
    pid = f", pid {report.pid}" if report.pid else ""
    where = "as the disk has it" if report.is_from_disk else "as it says"
    size = f"{format_bytes(queue.bytes)} of {format_bytes(queue.limit_bytes)}"
    rows = [
        ("agent", f"{report.state.value}{pid}"),
        ("status", "none: it never said how it does" if told is None else f"{_age(report.age_seconds)} old"),
        ("queue", f"{count_batches(queue.batches)}, {size}, oldest {_age(queue.oldest_seconds)}, {where}"),
    ]
    if told is not None:
        rows[1:1] = [("host", f"{told.host}, agent {told.version}, started {_ago(now_ms, told.started_ms)}")]
        rows += _told_rows(report, now_ms)
    rows.append(("policy", f"{report.policy}: {report.policy_state}"))
    rows += [("note", text) for text in report.notes]
    return [(name, plain(value)) for name, value in rows]


def _told_rows(report: AgentReport, now_ms: int) -> list[tuple[str, str]]:
    told = report.told
    assert told is not None
    since, commands = told.since_start, told.commands
    was = "" if report.state is AgentState.RUNNING else "was "
    sent = "nothing sent yet" if told.last_sent_ms is None else f"last batch {_ago(now_ms, told.last_sent_ms)}"
    error = f"{told.last_error}, {_ago(now_ms, told.last_error_ms)}" if told.last_error else "none"
    granted = "granted" if commands.is_granted else "not granted"
    line = "connected" if commands.is_connected else "not connected"
    hold = f"{commands.hold}: {', '.join(commands.holds)}" if commands.hold else "not looked at yet: no command came"
    return [
        ("server", f"{told.server or 'none found yet'}, {was}{told.connection}; {sent}"),
        ("last error", error),
        ("batches", f"{since.sent} sent, {since.resent} again, {since.failures} failures"),
        ("left out", f"{since.thinned} thinned, {since.dropped} dropped, {since.damaged} damaged"),
        ("commands", f"{granted}, {was}{line}; {commands.running} run, {commands.waiting} wait"),
        ("confinement", hold),
    ]


def _flat(document: dict[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    rows: list[tuple[str, Any]] = []
    for key, value in document.items():
        rows += _flat(value, f"{prefix}{key}.") if isinstance(value, dict) else [(prefix + key, value)]
    return rows


def _time(moment_ms: int | None) -> str | None:
    return None if moment_ms is None else format_ms(moment_ms)


def _age(seconds: float | None) -> str:
    return NO_VALUE if seconds is None else format_seconds(seconds)


def _ago(now_ms: int, moment_ms: int | None) -> str:
    return NO_VALUE if moment_ms is None else f"{format_seconds(max(0, now_ms - moment_ms) / 1000)} ago"
