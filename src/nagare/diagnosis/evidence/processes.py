"""Processes: who uses the processors, the memory and the disks, whose memory grows, and who is gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from nagare.diagnosis.evidence import aspect as aspects
from nagare.diagnosis.evidence.asking import Row, number, text
from nagare.diagnosis.evidence.aspect import Aspect
from nagare.diagnosis.evidence.seen import Ground, Seen
from nagare.diagnosis.evidence.statement import Statement
from nagare.diagnosis.evidence.window import Window
from nagare.lib.units import format_bytes, format_rate, format_ratio
from nagare.model.diagnosis.evidence import EvidenceKind

_KEYS = ("pid", "name", "user")
# Of the newest samples, in how many a process must stand: who was among the top once explains nothing.
_PRESENCE = 0.5
# A process grows whose memory rose by so much of itself and so many bytes, for so long, and as evenly as a line.
_GROWTH_RATIO, _GROWTH_BYTES, _GROWTH_SECONDS, _EVENNESS = 0.3, 64 * 2**20, 90.0, 0.85
# An agent tells of the ten largest by each measure: who had as much memory as the tenth and is not told of is gone.
_TOLD = 10
_GONE_SAMPLES = 3


def _about(row: Row) -> str:
    return f"process {text(row, 'name')} ({number(row, 'pid') or 0:.0f})"


def _top(_: Window) -> Statement:
    figures = {
        "cpu_cores": "avg(cpu_ratio)",
        "memory_bytes": "arg_max(memory_bytes, ts)",
        "memory_ratio": "arg_max(memory_ratio, ts)",
        "io_bytes_per_second": "avg(coalesce(read_bytes_per_second, 0) + coalesce(written_bytes_per_second, 0))",
        "samples": "count(*)",
    }
    return Statement(
        "process", figures, _KEYS, texts={"unit": "arg_max(unit, ts)", "container": "arg_max(container, ts)"}
    )


def _top_words(row: Row) -> str:
    cores = number(row, "cpu_cores")
    cpu = "" if cores is None else f"{cores:.2f} cores, "
    share = f" ({format_ratio(number(row, 'memory_ratio'))})" if number(row, "memory_ratio") is not None else ""
    words = (
        f"{_about(row)} of {text(row, 'user') or 'unknown'}: {cpu}{format_bytes(number(row, 'memory_bytes'))}{share}"
    )
    io = number(row, "io_bytes_per_second") or 0.0
    return f"{words}, {format_rate(io)} to and from disks" if io >= 2**20 else words


_UNITS = {
    "cpu_cores": "cores", "memory_bytes": "bytes", "memory_ratio": "ratio", "io_bytes_per_second": "bytes_per_second",
    "samples": "count",
}  # fmt: skip
TOP = Aspect("processes", _top, _top_words, lambda _: False, _about, _UNITS, EvidenceKind.PROCESS)


async def look_top(ground: Ground) -> list[Seen]:
    """Return the processes that stood among the top most of the time lately."""
    recent = replace(ground, window=Window(ground.window.recent_ms, ground.window.until_ms))
    seen = await aspects.look(recent, TOP)
    most = max((one.value("samples") for one in seen), default=0.0)
    return [one for one in seen if one.value("samples") >= most * _PRESENCE]


def _growing(window: Window) -> Statement:
    grown = "arg_max(memory_bytes, ts) - arg_min(memory_bytes, ts)"
    figures = {
        "memory_bytes": "arg_max(memory_bytes, ts)",
        "grown_bytes": grown,
        "pace_bytes_per_second": "regr_slope(memory_bytes, epoch(ts))",
        "steadiness": "regr_r2(memory_bytes, epoch(ts))",
        "memory_ratio": "arg_max(memory_ratio, ts)",
        "grown_seconds": "(epoch_ms(max(ts)) - epoch_ms(min(ts))) / 1000.0",
        "silent_seconds": f"({window.until_ms} - epoch_ms(max(ts))) / 1000.0",
        "began_ms": "epoch_ms(min(ts))",
    }
    return Statement("process", figures, _KEYS)


def _grows(row: Row) -> bool:
    now, grown = number(row, "memory_bytes") or 0.0, number(row, "grown_bytes") or 0.0
    return (
        grown > max(_GROWTH_BYTES, (now - grown) * _GROWTH_RATIO)
        and (number(row, "steadiness") or 0.0) >= _EVENNESS
        and (number(row, "grown_seconds") or 0.0) >= _GROWTH_SECONDS
        and (number(row, "silent_seconds") or 0.0) < _GROWTH_SECONDS
    )


def _growing_words(row: Row) -> str:
    now, grown = number(row, "memory_bytes"), number(row, "grown_bytes") or 0.0
    if grown <= 0:
        return f"{_about(row)}: {format_bytes(now)}, not growing"
    pace = number(row, "pace_bytes_per_second")
    return f"{_about(row)}: memory {format_bytes(now)}, {format_bytes(grown)} more than before, {format_rate(pace)}"


GROWING = Aspect(
    "growing_processes",
    _growing,
    _growing_words,
    _grows,
    _about,
    {
        "memory_bytes": "bytes", "grown_bytes": "bytes", "pace_bytes_per_second": "bytes_per_second", "steadiness": "",
        "memory_ratio": "ratio", "grown_seconds": "seconds", "silent_seconds": "seconds",
    },
    EvidenceKind.PROCESS,
)  # fmt: skip


def _gone_words(row: Row) -> str:
    return f"{_about(row)}: ran with {format_bytes(number(row, 'memory_bytes'))}, and is not there any more"


def _gone(_: Window) -> Statement:
    figures = {
        "memory_bytes": "arg_max(memory_bytes, ts)",
        "samples": "count(*)",
        "began_ms": "epoch_ms(max(ts))",
    }
    return Statement("process", figures, _KEYS, texts={"unit": "arg_max(unit, ts)"})


GONE = Aspect(
    "gone_processes",
    _gone,
    _gone_words,
    lambda _: True,
    _about,
    {"memory_bytes": "bytes", "samples": "count"},
    EvidenceKind.PROCESS,
)


async def look_gone(ground: Ground) -> list[Seen]:
    """Return processes that ran and are gone: large enough that the agent would tell of them if they still ran."""
    seen = await aspects.look(ground, GONE)
    ends = [one.began_ms for one in seen if one.began_ms is not None]
    newest = max(ends, default=0)
    # Between two samples of one agent there is at least this much.
    living = [one for one in seen if one.began_ms is not None and newest - one.began_ms < _slack_ms(ground.window)]
    bar = _tenth([one.value("memory_bytes") for one in living])
    return [
        one
        for one in seen
        if one not in living and one.value("samples") >= _GONE_SAMPLES and one.value("memory_bytes") > bar
    ]


def _slack_ms(window: Window) -> int:
    return max(20_000, (window.until_ms - window.recent_ms) // 2)


def _tenth(sizes: Sequence[float]) -> float:
    return sorted(sizes, reverse=True)[:_TOLD][-1] if sizes else 0.0
