"""Whether hosts send at all, since when they do not, and whether they began anew."""

from __future__ import annotations

from dataclasses import replace

from nagare.diagnosis.evidence import aspect as aspects
from nagare.diagnosis.evidence.asking import Row, number, text
from nagare.diagnosis.evidence.aspect import Aspect
from nagare.diagnosis.evidence.seen import Ground, Seen
from nagare.diagnosis.evidence.statement import Statement
from nagare.diagnosis.evidence.window import Window
from nagare.lib.units import format_seconds
from nagare.model.diagnosis.evidence import EvidenceKind

# Silent: nothing for this long, and for this many times the usual pause between two samples.
_SILENT_SECONDS, _PAUSES = 60.0, 6.0
# How far back from now a host may have sent its last to be missed. Farther back, one query would read too much.
_MISSED_MS = 24 * 3_600_000


def _silence(window: Window) -> Statement:
    pause = "epoch_ms(max(ts)) - epoch_ms(min(ts))"
    figures = {
        "silent_seconds": f"({window.until_ms} - epoch_ms(max(ts))) / 1000.0",
        "pause_seconds": f"({pause}) / 1000.0 / greatest(count(*) - 1, 1)",
        "began_ms": "epoch_ms(max(ts))",
    }
    return Statement("load", figures)


def _is_silent(row: Row) -> bool:
    silent, pause = number(row, "silent_seconds") or 0.0, number(row, "pause_seconds") or 0.0
    return silent > max(_SILENT_SECONDS, pause * _PAUSES)


SILENCE = Aspect(
    "silence",
    _silence,
    lambda row: f"host: its newest sample is {format_seconds(number(row, 'silent_seconds'))} old",
    _is_silent,
    lambda _: "host",
    {"silent_seconds": "seconds", "pause_seconds": "seconds"},
)


async def look_missing(ground: Ground) -> list[Seen]:
    """Return the hosts that are silent since before the window: no other tool sees them any more.

    Where the caller sees which hosts are registered, those that are not, or are in maintenance, are not missed.
    """
    window = Window(ground.window.until_ms - _MISSED_MS, ground.window.until_ms)
    if window.from_ms >= ground.window.from_ms:
        return []
    seen = await aspects.look(replace(ground, window=window), SILENCE)
    missing = [one for one in seen if one.began_ms is not None and one.began_ms < ground.window.from_ms]
    if not missing or not ground.asker.sees("hosts"):
        return missing
    rows = await ground.asker.ask("SELECT host FROM hosts WHERE coalesce(maintenance, '') = ''")
    expected = {text(row, "host") for row in rows}
    return [one for one in missing if one.host in expected]


def _uptime(window: Window) -> Statement:
    up = "arg_max(uptime_seconds, ts)"
    figures = {
        "up_seconds": up,
        # A host may say anything: nothing began in the future.
        "began_ms": f"CASE WHEN {up} >= 0 AND {up} * 1000 < {window.until_ms - window.from_ms} THEN epoch_ms(max(ts)) - round({up} * 1000) END",
    }
    return Statement("load", figures, where="uptime_seconds IS NOT NULL")


UPTIME = Aspect(
    "uptime",
    _uptime,
    lambda row: f"host: up for {format_seconds(number(row, 'up_seconds'))}",
    lambda row: number(row, "began_ms") is not None,
    lambda _: "host",
    {"up_seconds": "seconds"},
)


def _gaps(_: Window) -> Statement:
    figures = {"gap_seconds": "max(seconds)", "gaps": "count(*)", "began_ms": "epoch_ms(arg_max(ts, seconds))"}
    return Statement("gaps", figures, ("kind",), texts={"kind_text": "any_value(kind)"})


GAPS = Aspect(
    "gaps",
    _gaps,
    lambda row: (
        f"host: {number(row, 'gaps') or 0:.0f} gaps without samples ({text(row, 'kind')}), "
        f"the longest {format_seconds(number(row, 'gap_seconds'))}"
    ),
    lambda row: (number(row, "gap_seconds") or 0.0) > _SILENT_SECONDS,
    lambda _: "host",
    {"gap_seconds": "seconds", "gaps": "count"},
    EvidenceKind.EVENT,
)
