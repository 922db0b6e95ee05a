"""Tools over the readings: one query a table tells of all its readings, of one host or of all."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import partial

from nagare.diagnosis.evidence import reading as asking
from nagare.diagnosis.evidence.asking import Row, number, text
from nagare.diagnosis.evidence.reading import Reading
from nagare.diagnosis.evidence.readings import READINGS
from nagare.diagnosis.evidence.seen import Ground, Seen, Tool
from nagare.diagnosis.evidence.statement import Asked
from nagare.diagnosis.evidence.window import Window
from nagare.errors import NagareError
from nagare.model.diagnosis.evidence import Evidence, EvidenceKind

log = logging.getLogger(__name__)
# When a thing set in is asked of so many components of a table: where more are bad, the first ones tell enough.
_ONSETS_MOST = 20
# What the narrow statements add to a row.
_MORE = ("began_ms", "yesterday")
Statement = Callable[[Reading, Window, Row], Asked]
_TEXTS = {
    "cpu": "how busy the processors are, what waits for disks, what the hypervisor takes",
    "load": "load a core, threads, blocked tasks, file handles, the clock",
    "memory": "memory in use, pressure on it, traffic of swap",
    "disk": "how full file systems are, in bytes and inodes",
    "disk_io": "how long requests to each drive take, and how busy it is",
    "network": "errors, drops and use of each interface",
    "probe": "targets that do not answer, lose packets or answer late",
    "gpu": "temperature of each GPU, and whether it is held back",
    "sensor": "sensors near their critical temperature",
    "container": "containers at their limits",
}


def metric_tools() -> dict[str, Tool]:
    """Return the tools, by name: one a table."""
    tables: dict[str, list[Reading]] = {}
    for reading in READINGS.values():
        tables.setdefault(reading.table, []).append(reading)
    return {
        table: Tool(table, _TEXTS[table], table, partial(_look, readings=tuple(readings)))
        for table, readings in tables.items()
    }


async def _look(ground: Ground, readings: tuple[Reading, ...]) -> list[Seen]:
    seen: list[Seen] = []
    onsets = 0
    for group in _by_keys(readings):
        for row in await ground.asker.ask(*asking.grouped(group, ground.window, ground.host)):
            for place, reading in enumerate(group):
                own = asking.row_of(row, group, place)
                if number(own, "recent") is None:
                    continue
                is_bad = reading.is_bad(own)
                if is_bad and onsets < _ONSETS_MOST:
                    onsets += 1
                    is_bad = reading.is_alarm(own) or not await _is_of_the_hour(ground, reading, own)
                    if is_bad:
                        own = {**own, **await _asked(ground, reading, own, asking.narrow)}
                seen.append(_seen(reading, own, ground.window, is_bad=is_bad))
    return seen


async def _is_of_the_hour(ground: Ground, reading: Reading, row: Row) -> bool:
    return reading.is_of_the_hour({**row, **await _asked(ground, reading, row, asking.yesterday)})


async def _asked(ground: Ground, reading: Reading, row: Row, statement: Statement) -> dict[str, object]:
    try:
        rows = await ground.asker.ask(*statement(reading, ground.window, row))
    except NagareError as error:
        # That it is bad is known; since when, and whether it was so a day before, is not.
        log.warning("onset_not_asked reading=%s: %s", reading.name, error.message)
        return {}
    return {name: rows[0][name] for name in _MORE if name in rows[0]} if rows else {}


def _by_keys(readings: Iterable[Reading]) -> Iterable[list[Reading]]:
    groups: dict[tuple[str, ...], list[Reading]] = {}
    for reading in readings:
        groups.setdefault(reading.keys, []).append(reading)
    return groups.values()


def _seen(reading: Reading, row: Row, window: Window, *, is_bad: bool) -> Seen:
    return Seen(
        reading.name,
        text(row, "host"),
        partial(_draft, reading, window, row),
        is_bad,
        _values(row),
        {key: str(row.get(key) or "") for key in reading.keys},
        reading.began_ms(row),
    )


def _values(row: Row) -> Mapping[str, float]:
    return {name: value for name in ("recent", "usual") if (value := number(row, name)) is not None}


def _draft(reading: Reading, window: Window, row: Row) -> Evidence:
    sql, params = asking.narrow(reading, window, row)
    return Evidence(
        "",
        EvidenceKind.METRIC,
        text(row, "host"),
        reading.text(row),
        sql,
        params,
        window.from_ms,
        window.until_ms,
        reading.figures(row),
        reading.began_ms(row),
        reading.component(row),
    )
