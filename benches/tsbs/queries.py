"""The suite's query kinds as SQL over a wide table (a row for each host and tick) and over a tall one (a row for each value).

Hosts and windows come from a fixed seed; each kind is asked several times with others, so that no answer is a remembered one.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from benches.tsbs.cpu_only import FIELDS, HOSTS, SEED, CpuOnly, host_name

HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Window:
    """What one query asks about: hosts, fields, and from when to before when."""

    hosts: tuple[str, ...]
    fields: tuple[str, ...]
    from_ms: int
    to_ms: int

    def where(self, *, with_hosts: bool) -> str:
        """Return the condition on time and, where asked for, on hosts."""
        times = f"ts >= {_moment(self.from_ms)} AND ts < {_moment(self.to_ms)}"
        return f"host IN ({_texts(self.hosts)}) AND {times}" if with_hosts else times

    @property
    def names(self) -> str:
        """The metric names of the fields, for IN."""
        return _texts([f"cpu_{field}" for field in self.fields])


@dataclass(frozen=True, slots=True)
class Kind:
    """One query kind of the suite. ``fields`` and ``hosts`` are how many it asks about; 0 hosts means all."""

    name: str
    hosts: int
    fields: int
    hours: float
    wide: Callable[[str, Window], str]
    tall: Callable[[str, Window], str]

    def window(self, cpu: CpuOnly, number: int) -> Window:
        """Return the window of the query of that number."""
        chance = random.Random(f"{SEED}/{self.name}/{number}")
        hosts = chance.sample(range(HOSTS), self.hosts)
        span = int(self.hours * HOUR_MS)
        latest = cpu.end_ms - cpu.base_ms - span
        begin = cpu.base_ms + (chance.randrange(latest) if latest > 0 else 0)
        return Window(tuple(map(host_name, hosts)), FIELDS[: self.fields], begin, begin + span)


def _moment(ms: int) -> str:
    return f"TIMESTAMP '{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S.%f}'"


def _texts(values: Sequence[str]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def _each(call: str, fields: Sequence[str]) -> str:
    return ", ".join(f"{call.format(field)} AS {field}" for field in fields)


def _by_time(unit: str) -> tuple[Callable[[str, Window], str], Callable[[str, Window], str]]:
    def wide(table: str, window: Window) -> str:
        return (
            f"SELECT date_trunc('{unit}', ts) AS bucket, {_each('max({})', window.fields)} FROM {table}"
            f" WHERE {window.where(with_hosts=True)} GROUP BY bucket ORDER BY bucket"
        )

    def tall(table: str, window: Window) -> str:
        return (
            f"SELECT date_trunc('{unit}', ts) AS bucket, name, max(value) FROM {table} WHERE name IN ({window.names})"
            f" AND {window.where(with_hosts=True)} GROUP BY bucket, name ORDER BY bucket, name"
        )

    return wide, tall


def _by_host_wide(table: str, window: Window) -> str:
    return (
        f"SELECT date_trunc('hour', ts) AS bucket, host, {_each('avg({})', window.fields)} FROM {table}"
        f" WHERE {window.where(with_hosts=False)} GROUP BY bucket, host ORDER BY bucket, host"
    )


def _by_host_tall(table: str, window: Window) -> str:
    return (
        f"SELECT date_trunc('hour', ts) AS bucket, host, name, avg(value) FROM {table} WHERE name IN ({window.names})"
        f" AND {window.where(with_hosts=False)} GROUP BY bucket, host, name ORDER BY bucket, host, name"
    )


def _high(*, with_hosts: bool) -> tuple[Callable[[str, Window], str], Callable[[str, Window], str]]:
    def wide(table: str, window: Window) -> str:
        return (
            f"SELECT ts, host, {', '.join(FIELDS)} FROM {table} WHERE usage_user > 90 AND"
            f" {window.where(with_hosts=with_hosts)} ORDER BY host, ts"
        )

    def tall(table: str, window: Window) -> str:
        return (
            f"SELECT ts, host, value FROM {table} WHERE name = 'cpu_usage_user' AND value > 90 AND"
            f" {window.where(with_hosts=with_hosts)} ORDER BY host, ts"
        )

    return wide, tall


def _last_wide(table: str, window: Window) -> str:
    newest = _each("arg_max({}, ts)", window.fields)
    return f"SELECT host, max(ts) AS newest, {newest} FROM {table} GROUP BY host ORDER BY host"


def _last_tall(table: str, _: Window) -> str:
    if table == "samples":
        return "SELECT name, host, ts, value FROM samples_last ORDER BY name, host"
    return f"SELECT name, host, max(ts), arg_max(value, ts) FROM {table} GROUP BY name, host ORDER BY name, host"


def _newest_minutes_wide(table: str, window: Window) -> str:
    return (
        f"SELECT date_trunc('minute', ts) AS bucket, max(usage_user) FROM {table} WHERE ts < {_moment(window.to_ms)}"
        " GROUP BY bucket ORDER BY bucket DESC LIMIT 5"
    )


def _newest_minutes_tall(table: str, window: Window) -> str:
    return (
        f"SELECT date_trunc('minute', ts) AS bucket, max(value) FROM {table} WHERE name = 'cpu_usage_user'"
        f" AND ts < {_moment(window.to_ms)} GROUP BY bucket ORDER BY bucket DESC LIMIT 5"
    )


KINDS = (
    *(
        Kind(f"single-groupby-{fields}-{hosts}-{hours}", hosts, fields, hours, *_by_time("minute"))
        for fields, hosts, hours in ((1, 1, 1), (1, 1, 12), (1, 8, 1), (5, 1, 1), (5, 1, 12), (5, 8, 1))
    ),
    *(Kind(f"cpu-max-all-{hosts}", hosts, len(FIELDS), 8, *_by_time("hour")) for hosts in (1, 8)),
    *(
        Kind(f"double-groupby-{name}", 0, fields, 12, _by_host_wide, _by_host_tall)
        for name, fields in (("1", 1), ("5", 5), ("all", len(FIELDS)))
    ),
    Kind("high-cpu-all", 0, 1, 12, *_high(with_hosts=False)),
    Kind("high-cpu-1", 1, 1, 12, *_high(with_hosts=True)),
    Kind("lastpoint", 0, len(FIELDS), 24, _last_wide, _last_tall),
    Kind("groupby-orderby-limit", 0, 1, 12, _newest_minutes_wide, _newest_minutes_tall),
)
