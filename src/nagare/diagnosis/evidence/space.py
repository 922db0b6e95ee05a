"""Room on file systems: how much is left, how fast it goes, and when there will be none."""

from __future__ import annotations

from nagare.diagnosis.evidence.asking import Row, number, text
from nagare.diagnosis.evidence.aspect import Aspect
from nagare.diagnosis.evidence.statement import Statement
from nagare.diagnosis.evidence.window import Window
from nagare.lib.units import format_bytes, format_rate, format_ratio, format_seconds

# Full within this time, at the pace of the window, and already that full: worth a look. As the shipped rule has it.
SOON_SECONDS, SOON_RATIO = 86_400.0, 0.6
# A pace is told of only where so much of the room went in the window: noise has a slope too.
_GONE_RATIO = 0.02
FULL_RATIO, ALARM_RATIO = 0.95, 0.99
_UNITS = {
    "used_ratio": "ratio", "available_bytes": "bytes", "pace_bytes_per_second": "bytes_per_second",
    "full_in_seconds": "seconds",
}  # fmt: skip


def _statement(_: Window) -> Statement:
    pace = "-regr_slope(available_bytes, epoch(ts))"
    gone = (
        f"(arg_min(available_bytes, ts) - arg_max(available_bytes, ts)) > {_GONE_RATIO} * arg_min(available_bytes, ts)"
    )
    figures = {
        "used_ratio": "arg_max(used_ratio, ts)",
        "available_bytes": "arg_max(available_bytes, ts)",
        "pace_bytes_per_second": f"CASE WHEN {gone} THEN {pace} END",
        "full_in_seconds": f"CASE WHEN {gone} AND {pace} > 0 THEN arg_max(available_bytes, ts) / ({pace}) END",
    }
    return Statement("disk", figures, ("mount",), "NOT coalesce(read_only, false)")


def is_bad(row: Row) -> bool:
    """Tell whether there is hardly any room, or soon will be none."""
    used, soon = number(row, "used_ratio") or 0.0, number(row, "full_in_seconds")
    return used >= FULL_RATIO or (soon is not None and soon < SOON_SECONDS and used > SOON_RATIO)


def _words(row: Row) -> str:
    used, left = number(row, "used_ratio"), number(row, "available_bytes")
    words = f"file system {text(row, 'mount')}: {format_ratio(used)} full, {format_bytes(left)} left"
    soon, pace = number(row, "full_in_seconds"), number(row, "pace_bytes_per_second")
    if soon is None or (used or 0.0) >= ALARM_RATIO:
        return words
    return f"{words}, growing by {format_rate(pace)}, full in {format_seconds(soon)}"


SPACE = Aspect("space", _statement, _words, is_bad, lambda row: f"file system {text(row, 'mount')}", _UNITS)
