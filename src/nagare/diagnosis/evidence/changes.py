"""What was changed before: deploys and other changes that events tell of, and what people set in this installation."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from nagare.diagnosis.evidence.asking import Row, number, text
from nagare.diagnosis.evidence.happenings import BEFORE_MS, seen_event
from nagare.diagnosis.evidence.seen import Ground, Seen
from nagare.diagnosis.evidence.statement import span
from nagare.diagnosis.evidence.window import Window
from nagare.lib.plain_text import plain
from nagare.model.change_words import CHANGE_WORDS, CHANGING_DEEDS, TOLD_ELSEWHERE
from nagare.model.diagnosis.evidence import Evidence, EvidenceKind

_MOST = 50
_WORDS_LIMIT = 120


async def look_changes(ground: Ground) -> list[Seen]:
    """Return the changes that events tell of, on the hosts of the ground and on none, in the window and shortly before it; newest first."""
    early = Window(ground.window.from_ms - BEFORE_MS, ground.window.until_ms)
    hosts = ground.hosts or ((ground.host,) if ground.host else ())
    params: dict[str, object] = {f"h{place}": host for place, host in enumerate(hosts)}
    whose = [f"host IN ({', '.join(f'${name}' for name in params)})"] if params else []
    if not ground.is_shared:
        # Of no host is of all of them, and for who sees all of them.
        whose.append("coalesce(host, '') = ''")
    if not whose:
        return []
    sql = (
        "SELECT id, host, kind, severity, source, text, epoch_ms(ts) AS at_ms FROM events "
        f"WHERE {span(early.from_ms, early.until_ms)} AND ({' OR '.join(whose)}) "
        f"AND regexp_matches(lower(kind || ' ' || coalesce(text, '')), '{CHANGE_WORDS}') AND NOT regexp_matches(kind, '{TOLD_ELSEWHERE}') "
        f"ORDER BY ts DESC LIMIT {_MOST}"
    )
    rows = await ground.asker.ask(sql, params or None)
    return [seen_event("changes", row, early) for row in rows]


async def look_deeds(ground: Ground) -> list[Seen]:
    """Return what people set in this installation in the window and shortly before it, the newest first: of no host, so of all."""
    if ground.is_shared:
        return []
    early = Window(ground.window.from_ms - BEFORE_MS, ground.window.until_ms)
    sql = (
        "SELECT seq, action, target, actor, epoch_ms(ts) AS at_ms FROM audit "
        f"WHERE {span(early.from_ms, early.until_ms)} AND outcome = 'done' AND regexp_matches(action, '{CHANGING_DEEDS}') "
        f"ORDER BY seq DESC LIMIT {_MOST}"
    )
    rows: Sequence[Row] = await ground.asker.ask(sql, since_ms=early.from_ms)
    return [_deed(row, early) for row in rows]


def _deed(row: Row, window: Window) -> Seen:
    keys = {
        "id": f"audit {number(row, 'seq') or 0:.0f}",
        **{name: text(row, name) for name in ("action", "target", "actor")},
    }
    at_ms = int(number(row, "at_ms") or 0)
    return Seen("deeds", "", partial(_deed_draft, row, window, at_ms), keys=keys, began_ms=at_ms)


def _deed_draft(row: Row, window: Window, at_ms: int) -> Evidence:
    action, target, actor = (plain(text(row, name), _WORDS_LIMIT) for name in ("action", "target", "actor"))
    return Evidence(
        "",
        EvidenceKind.AUDIT,
        "",
        f"{actor} did {action}{f' to {target}' if target else ''}",
        f"SELECT epoch_ms(ts) AS began_ms FROM audit WHERE {span(window.from_ms, window.until_ms)} AND seq = $seq",
        {"seq": int(number(row, "seq") or 0)},
        window.from_ms,
        window.until_ms,
        (),
        at_ms,
        action,
        f"audit entry {number(row, 'seq') or 0:.0f}",
    )
