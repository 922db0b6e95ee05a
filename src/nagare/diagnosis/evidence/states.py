"""What is in a bad state, rather than at a bad level: units, drives, certificates, collectors, kills, restarts."""

from __future__ import annotations

from nagare.diagnosis.evidence.asking import Row, number, text
from nagare.diagnosis.evidence.aspect import Aspect
from nagare.diagnosis.evidence.statement import Statement
from nagare.diagnosis.evidence.window import Window
from nagare.lib.units import format_count, format_seconds

# A unit that nobody told of for so long is not judged; seen failing already so soon in the window, it failed before it.
_UNIT_MS, _BEFORE_MS = 180_000, 60_000
_RESTARTS = 3.0
_CERTIFICATE_SECONDS = 14 * 86_400.0
_WORN_RATIO = 0.95
_WAITS_SECONDS = 600.0
_FAILED = "active_state = 'failed'"
_SMART = ("pending_sectors", "uncorrectable_errors_total", "media_errors_total")


def _units(window: Window) -> Statement:
    first = f"min(ts) FILTER (WHERE {_FAILED})"
    figures = {
        "failed": f"CASE WHEN arg_max(active_state, ts) = 'failed' AND epoch_ms(max(ts)) >= {window.until_ms - _UNIT_MS} THEN 1 ELSE 0 END",
        "restarts": "coalesce(increase(restarts_total, ts), 0)",
        "began_ms": f"CASE WHEN epoch_ms({first}) > {window.from_ms + _BEFORE_MS} THEN epoch_ms({first}) END",
    }
    texts = {"result": "arg_max(result, ts)"}
    return Statement("unit", figures, ("name",), "name <> '*'", texts)


def _unit_words(row: Row) -> str:
    name, result, restarts = text(row, "name"), text(row, "result"), number(row, "restarts") or 0.0
    state = "has failed" if number(row, "failed") else "runs"
    why = f" ({result})" if result and number(row, "failed") else ""
    again = f", started again {format_count(restarts)} times" if restarts else ""
    return f"unit {name} {state}{why}{again}"


UNITS = Aspect(
    "units",
    _units,
    _unit_words,
    lambda row: bool(number(row, "failed")) or (number(row, "restarts") or 0.0) > _RESTARTS,
    lambda row: f"unit {text(row, 'name')}",
    {"failed": "count", "restarts": "count"},
)


def _kills(_: Window) -> Statement:
    return Statement(
        "memory", {"kills": "coalesce(increase(oom_kills_total, ts), 0)"}, where="oom_kills_total IS NOT NULL"
    )


KILLS = Aspect(
    "oom_kills",
    _kills,
    lambda row: f"memory: the kernel ended {format_count(number(row, 'kills'))} programs for want of memory",
    lambda row: (number(row, "kills") or 0.0) > 0,
    lambda _: "memory",
    {"kills": "count"},
)


def _drives(_: Window) -> Statement:
    figures = {
        "failing": "CASE WHEN arg_max(passed, ts) THEN 0 WHEN arg_max(passed, ts) IS NULL THEN NULL ELSE 1 END",
        "bad_places": " + ".join(f"coalesce(arg_max({name}, ts), 0)" for name in _SMART),
        "wear_ratio": "arg_max(wear_ratio, ts)",
    }
    return Statement("smart", figures, ("device",), texts={"model": "arg_max(model, ts)"})


def _drive_words(row: Row) -> str:
    verdict = {None: "says nothing of itself", 0.0: "says that it is well", 1.0: "says that it fails"}
    words = f"drive {text(row, 'device')} ({text(row, 'model')}) {verdict.get(number(row, 'failing'), '')}"
    places = number(row, "bad_places") or 0.0
    return f"{words}, {format_count(places)} bad places" if places else words


DRIVES = Aspect(
    "drives",
    _drives,
    _drive_words,
    lambda row: (
        number(row, "failing") == 1.0
        or (number(row, "bad_places") or 0.0) > 0
        or (number(row, "wear_ratio") or 0.0) >= _WORN_RATIO
    ),
    lambda row: f"drive {text(row, 'device')}",
    {"failing": "count", "bad_places": "count", "wear_ratio": "ratio"},
)


def _certificates(_: Window) -> Statement:
    figures = {"expires_in_seconds": "arg_max(certificate_expiry_seconds, ts)"}
    return Statement("probe", figures, ("target",), "certificate_expiry_seconds IS NOT NULL")


CERTIFICATES = Aspect(
    "certificates",
    _certificates,
    lambda row: f"certificate of {text(row, 'target')}: {format_seconds(number(row, 'expires_in_seconds'))} left",
    lambda row: (number(row, "expires_in_seconds") or 0.0) < _CERTIFICATE_SECONDS,
    lambda row: f"certificate of {text(row, 'target')}",
    {"expires_in_seconds": "seconds"},
)


def _collectors(_: Window) -> Statement:
    figures = {
        "fails": "arg_max(CASE WHEN ok = false THEN 1 ELSE 0 END, ts)",
        "waits_seconds": "coalesce(arg_max(spool_oldest_seconds, ts), 0)",
        "dropped": "coalesce(increase(batches_dropped_total, ts), 0)",
    }
    return Statement("agent", figures, ("collector",), texts={"error": "arg_max(error, ts)"})


def _collector_words(row: Row) -> str:
    if (waits := number(row, "waits_seconds") or 0.0) > _WAITS_SECONDS:
        return f"agent: its oldest batch waits for {format_seconds(waits)}"
    if dropped := number(row, "dropped"):
        return f"agent: dropped {format_count(dropped)} batches"
    state = f"fails: {text(row, 'error')}" if number(row, "fails") else "works"
    return f"collector {text(row, 'collector')} {state}"


COLLECTORS = Aspect(
    "collectors",
    _collectors,
    _collector_words,
    lambda row: (
        number(row, "fails") == 1.0
        or (number(row, "waits_seconds") or 0.0) > _WAITS_SECONDS
        or bool(number(row, "dropped"))
    ),
    lambda row: f"collector {text(row, 'collector')}",
    {"fails": "count", "waits_seconds": "seconds", "dropped": "count"},
)
