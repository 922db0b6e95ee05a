"""SQL for marks: what happened in a span of time, of one host or of all, the few that matter most of each part of it. Pure.

The server shows a caller only what they may see: a table that they may not is unknown to their statements.
"""

from __future__ import annotations

from nagare.model.change_words import CHANGE_WORDS, CHANGING_DEEDS, TOLD_ELSEWHERE
from nagare.tui.history import Span, Statement
from nagare.tui.marks.of_events import NOTICES

# Of each part of the span so many; what is left out is counted.
EACH_MOST = 4
# A part is as long as so many buckets of a chart's line, of which a column has two.
_BUCKETS = 2
# A command may begin long after it was asked for.
_WAITED_MS = 86_400_000
_GAPS_MOST = 500


def events_statement(host: str, span: Span) -> Statement:
    """Return what asks for events: id, moment, host, kind, severity, text, attributes, how many there are in its part, its place among them."""
    whose = (
        f"and (host = ? or (coalesce(host, '') = '' and not regexp_matches(kind, '{TOLD_ELSEWHERE}')"
        f" and regexp_matches(lower(kind || ' ' || coalesce(text, '')), '{CHANGE_WORDS}')))"
        if host
        else ""
    )
    inner = (
        "select id, epoch_ms(ts) as moment_ms, host, kind, severity, text, attributes from events"  # noqa: S608  names are our own, values are bound
        f" where ts >= epoch_ms(?) and ts <= epoch_ms(?) and not starts_with(kind, '{NOTICES}') {whose}"
    )
    return _few(inner, [span.start_ms, span.end_ms, *([host] if host else [])], span, "severity desc")


def commands_statement(host: str, span: Span) -> Statement:
    """Return what asks for commands by when they began: job, moment, host, action, state, how many there are in its part, its place among them."""
    whose = "and host = ?" if host else ""
    inner = (
        "select job, started_ms as moment_ms, host, action, state from commands"  # noqa: S608  as above
        f" where ts >= epoch_ms(?) and ts <= epoch_ms(?) and started_ms between ? and ? {whose}"
    )
    params: list[int | str] = [
        span.start_ms - _WAITED_MS,
        span.end_ms,
        span.start_ms,
        span.end_ms,
        *([host] if host else []),
    ]
    return _few(inner, params, span, "state = 'done'")


def deeds_statement(span: Span) -> Statement:
    """Return what asks for what people set in this installation: number, moment, action, target, actor, how many there are in its part, its place among them."""
    inner = (
        "select seq, epoch_ms(ts) as moment_ms, action, target, actor from audit"  # noqa: S608  as above
        f" where ts >= epoch_ms(?) and ts <= epoch_ms(?) and outcome = 'done' and regexp_matches(action, '{CHANGING_DEEDS}')"
    )
    return _few(inner, [span.start_ms, span.end_ms], span, "seq desc")


def gaps_statement(host: str, span: Span) -> Statement:
    """Return what asks for gaps, the newest ones: host, begin, end, kind."""
    whose = "and host = ?" if host else ""
    return Statement(
        "select host, epoch_ms(ts), until_ms, kind from gaps"  # noqa: S608  as above
        f" where ts <= epoch_ms(?) and coalesce(until_ms, ?) >= ? {whose} order by ts desc limit {_GAPS_MOST:d}",
        [span.end_ms, span.end_ms, span.start_ms, *([host] if host else [])],
    )


def _few(inner: str, params: list[int | str], span: Span, order: str) -> Statement:
    part_ms = max(1, span.step_ms * _BUCKETS)
    return Statement(
        "select * from ("  # noqa: S608  as above
        f"select *, count(*) over (partition by moment_ms // {part_ms:d}) as beside,"
        f" row_number() over (partition by moment_ms // {part_ms:d} order by {order}, moment_ms desc) as place from ({inner})"
        f") where place <= {EACH_MOST:d} order by moment_ms",
        list(params),
    )
