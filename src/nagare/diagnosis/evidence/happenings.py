"""What happened: alerts that are open, events, commands that were run, what changed in the configuration."""

from __future__ import annotations

from functools import partial

from nagare.diagnosis.evidence.asking import Row, number, text
from nagare.diagnosis.evidence.seen import Ground, Seen
from nagare.diagnosis.evidence.statement import span
from nagare.diagnosis.evidence.window import Window
from nagare.lib.plain_text import plain
from nagare.model.diagnosis.evidence import Evidence, EvidenceKind, Figure

_LIMIT = 50
_WORDS_LIMIT = 200
_SEVERE = 2.0
# An event this long before the trouble may still have to do with it.
BEFORE_MS = 600_000


async def look_alerts(ground: Ground) -> list[Seen]:
    """Return the alerts that are open, the worst first."""
    host = " AND host = $host" if ground.host else ""
    sql = (
        "SELECT id, host, name, rule, state, severity, value, summary, starts_ms FROM alerts "
        f"WHERE state IN ('firing', 're-opened', 'acknowledged') AND starts_ms < {ground.window.until_ms}{host} "
        f"ORDER BY severity DESC, starts_ms LIMIT {_LIMIT}"
    )
    rows = await ground.asker.ask(sql, {"host": ground.host} if ground.host else None)
    return [_alert(row, ground.window) for row in rows]


def _alert(row: Row, window: Window) -> Seen:
    severity = number(row, "severity") or 0.0
    started = number(row, "starts_ms")
    began = None if started is None else int(started)
    keys = {name: text(row, name) for name in ("id", "name", "rule", "summary", "state")}
    draft = partial(_alert_draft, row, window, began)
    return Seen(
        "alerts", text(row, "host"), draft, is_bad=True, values={"severity": severity}, keys=keys, began_ms=began
    )


def _alert_draft(row: Row, window: Window, began_ms: int | None) -> Evidence:
    words = plain(text(row, "summary") or text(row, "name"), _WORDS_LIMIT)
    return Evidence(
        "",
        EvidenceKind.ALERT,
        text(row, "host"),
        f"alert {text(row, 'name')} ({text(row, 'state')}): {words}",
        "SELECT severity, starts_ms AS began_ms FROM alerts WHERE id = $id",
        {"id": text(row, "id")},
        window.from_ms,
        window.until_ms,
        (Figure("severity", number(row, "severity") or 0.0),),
        began_ms,
        f"alert {text(row, 'name')}",
    )


async def look_events(ground: Ground) -> list[Seen]:
    """Return the events of the window and shortly before it, the severest and then the newest first."""
    early = Window(ground.window.from_ms - BEFORE_MS, ground.window.until_ms)
    host = " AND host = $host" if ground.host else ""
    sql = (
        "SELECT id, host, kind, severity, source, text, epoch_ms(ts) AS at_ms FROM events "
        f"WHERE {span(early.from_ms, early.until_ms)}{host} ORDER BY severity DESC, ts DESC LIMIT {_LIMIT}"
    )
    rows = await ground.asker.ask(sql, {"host": ground.host} if ground.host else None)
    return [seen_event("events", row, early) for row in rows]


def seen_event(tool: str, row: Row, window: Window) -> Seen:
    """Return a row of the table ``events`` as ``tool`` saw it."""
    keys = {name: text(row, name) for name in ("id", "kind", "source", "text")}
    severity, at_ms = number(row, "severity") or 0.0, int(number(row, "at_ms") or 0)
    draft = partial(_event_draft, row, window, at_ms)
    return Seen(tool, text(row, "host"), draft, severity >= _SEVERE, {"severity": severity}, keys, at_ms)


def _event_draft(row: Row, window: Window, at_ms: int) -> Evidence:
    return Evidence(
        "",
        EvidenceKind.EVENT,
        text(row, "host"),
        f"event {text(row, 'kind')}: {plain(text(row, 'text'), _WORDS_LIMIT)}",
        f"SELECT severity, epoch_ms(ts) AS began_ms FROM events WHERE {span(window.from_ms, window.until_ms)} AND id = $id",
        {"id": text(row, "id")},
        window.from_ms,
        window.until_ms,
        (Figure("severity", number(row, "severity") or 0.0),),
        at_ms,
        f"event {text(row, 'kind')}",
    )


async def look_commands(ground: Ground) -> list[Seen]:
    """Return the commands that change something and were asked for in the window and shortly before it, the newest first."""
    early = Window(ground.window.from_ms - BEFORE_MS, ground.window.until_ms)
    host = " AND host = $host" if ground.host else ""
    sql = (
        "SELECT id, host, action, state, requester, coalesce(started_ms, epoch_ms(ts)) AS at_ms FROM commands "
        # What asks for no consent only looks.
        f"WHERE {span(early.from_ms, early.until_ms)} AND risk IS DISTINCT FROM 'none'{host} ORDER BY ts DESC LIMIT {_LIMIT}"
    )
    rows = await ground.asker.ask(sql, {"host": ground.host} if ground.host else None)
    return [_command(row, early) for row in rows]


def _command(row: Row, window: Window) -> Seen:
    keys = {name: text(row, name) for name in ("id", "action", "state", "requester")}
    at_ms = int(number(row, "at_ms") or 0)
    return Seen("commands", text(row, "host"), partial(_command_draft, row, window, at_ms), keys=keys, began_ms=at_ms)


def _command_draft(row: Row, window: Window, at_ms: int) -> Evidence:
    return Evidence(
        "",
        EvidenceKind.COMMAND,
        text(row, "host"),
        f"command {text(row, 'action')} by {plain(text(row, 'requester'), 60)}: {text(row, 'state')}",
        f"SELECT coalesce(started_ms, epoch_ms(ts)) AS began_ms FROM commands WHERE {span(window.from_ms, window.until_ms)} AND id = $id",
        {"id": text(row, "id")},
        window.from_ms,
        window.until_ms,
        (),
        at_ms,
        f"command {text(row, 'action')}",
    )
