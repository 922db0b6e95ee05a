"""A seeded fleet that speaks the wire's own frames: what screens are driven with when no server is wanted.

It stands in for the far end of the network, not for code of ours: the app cannot tell it from a quiet server.
"""

from __future__ import annotations

import asyncio
import math
import random
import zlib
from collections.abc import AsyncGenerator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from nagare.config.terminal import SshSettings
from nagare.errors import NagareError
from nagare.lib.units import Unit
from nagare.model.host_series import SERIES, SPARK_SERIES
from nagare.tui.agent_facts import AgentStanding
from nagare.tui.history import Points, Span
from nagare.tui.marks.of_events import event_marks
from nagare.tui.renderables.chart_model import EventMark, GapMark
from nagare.tui.replay.jobs_then import Later
from nagare.tui.replay.past import FleetRows
from nagare.tui.source import Connected, Found, SourceEvent
from nagare.wire.auth import Me
from nagare.wire.events import EventView
from nagare.wire.groups import GroupView
from nagare.wire.hosts import HostView
from nagare.wire.live import Hello, Rows
from tests.tui.alerts import FleetAlerts
from tests.tui.automation import FleetSchedules, FleetTasks
from tests.tui.diagnosis import FleetDiagnoses
from tests.tui.jobs import MADE_MS, FleetJobs
from tests.tui.network import FleetNetwork
from tests.tui.notify import FleetNotify
from tests.tui.queries import FleetQueries
from tests.tui.shells import FleetShells

NOW_MS = MADE_MS

GIB = 2**30
_KINDS = ("web", "db", "cache", "worker")


def host_names(count: int) -> list[str]:
    """Return names such as web-1, db-2."""
    return ["web-1"] if count == 1 else [f"{_KINDS[index % 4]}-{index // 4 + 1}" for index in range(count)]


def _share(text: str) -> float:
    """Return a number from 0 to 1 that ``text`` always gives."""
    return zlib.crc32(text.encode()) / 2**32


@lru_cache(maxsize=4096)
def _shape(name: str, series_id: str) -> tuple[float, float, float]:
    base, swing, period = (_share(f"{name}/{series_id}/{part}") for part in range(3))
    return 0.1 + 0.45 * base, 0.05 + 0.25 * swing, 200 + 700 * period


def wave(name: str, series_id: str, ts_ms: int) -> float:
    """Return a smooth, seeded value for a moment: the same for history and for frames."""
    base, swing, period = _shape(name, series_id)
    ripple = 0.06 * _share(f"{name}/{series_id}/{ts_ms // 5000}") - 0.03
    ratio = min(1.0, max(0.01, base + swing * math.sin(ts_ms / 1000 / period * 2 * math.pi) + ripple))
    match SERIES[series_id].unit:
        case Unit.RATE:
            return ratio * 40e6
        case Unit.COUNT:
            return ratio * 8
        case Unit.CELSIUS:
            return 35 + ratio * 40
        case _:
            return ratio


@lru_cache(maxsize=8192)
def _drawn(name: str, series_id: str, span: Span, begun_ms: int) -> tuple[Any, Any]:
    """Return the wave at the moments of a chart; nobody may write into what every test of the process gets."""
    times = np.arange(span.start_ms, span.end_ms - 4000, max(span.step_ms, 5000), dtype=np.int64)
    times = times[times >= begun_ms]
    values = np.array([wave(name, series_id, int(ts)) for ts in times])
    for column in (times, values):
        column.flags.writeable = False
    return times, values


def view_of(name: str, now_ms: int, *, silence_seconds: float | None = 2) -> HostView:
    """Return what the server says of a host."""
    from datetime import UTC, datetime

    seen = None if silence_seconds is None else datetime.fromtimestamp(now_ms / 1000 - silence_seconds, UTC)
    return HostView(
        id=f"h-{name}", name=name, state="up", registered_at="2025-01-01T00:00:00Z",
        last_seen_at=seen.isoformat().replace("+00:00", "Z") if seen else None, interval_seconds=5.0, version="0.1.0",
        labels={"role": name.split("-", maxsplit=1)[0], "env": "prod"}, facts={"os": "Debian 13", "kernel": "6.12.1", "arch": "x86_64"},
    )  # fmt: skip


def frame_of(
    name: str, ts_ms: int, *, tables: Mapping[str, Mapping[str, list[Any]]] | None = None, cores: int = 8
) -> Rows:
    """Return one frame of a host as the hub sends it."""
    busy = wave(name, "cpu.busy", ts_ms)
    names = ["all", *(str(core) for core in range(cores))]
    spread = random.Random(f"{name}/cores/{ts_ms // 5000}")
    ratios = [busy, *(min(1.0, max(0.0, busy + spread.uniform(-0.3, 0.3))) for _ in range(cores))]
    used = wave(name, "memory.used", ts_ms)
    frames: dict[str, dict[str, list[Any]]] = {
        "cpu": {
            "core": names, "busy_ratio": ratios, "user_ratio": [value * 0.7 for value in ratios],
            "system_ratio": [value * 0.25 for value in ratios], "iowait_ratio": [value * 0.05 for value in ratios],
            "steal_ratio": [0.0] * len(ratios),
        },
        "load": {"load1": [busy * cores], "load5": [busy * cores * 0.9], "load15": [busy * cores * 0.8], "cores": [cores],
                 "uptime_seconds": [864000.0]},
        "memory": {"used_ratio": [used], "total_bytes": [32 * GIB], "used_bytes": [int(used * 32 * GIB)],
                   "swap_used_ratio": [0.02], "pressure_some_ratio": [0.0], "pressure_full_ratio": [0.0]},
        "disk": {"mount": ["/", "/var"], "device": ["/dev/sda1", "/dev/sda2"], "fstype": ["ext4", "xfs"],
                 "used_ratio": [0.42, 0.61], "used_bytes": [42 * GIB, 610 * GIB], "available_bytes": [58 * GIB, 390 * GIB],
                 "total_bytes": [100 * GIB, 1000 * GIB], "inodes_used_ratio": [0.03, None], "read_only": [False, False]},
        "disk_io": {"device": ["sda"], "read_bytes_per_second": [wave(name, "io.read", ts_ms)],
                    "written_bytes_per_second": [wave(name, "io.write", ts_ms)], "utilization_ratio": [busy * 0.5],
                    "reads_per_second": [120.0], "writes_per_second": [80.0], "read_await_seconds": [0.0021],
                    "write_await_seconds": [0.0108], "queue_length": [0.4], "in_flight": [1]},
        "network": {"interface": ["lo", "eth0"], "received_bytes_per_second": [1000.0, wave(name, "net.in", ts_ms)],
                    "sent_bytes_per_second": [1000.0, wave(name, "net.out", ts_ms)], "primary": [False, True],
                    "state": ["unknown", "up"], "speed_bits_per_second": [None, 10_000_000_000], "duplex": [None, "full"],
                    "errors_per_second": [0.0, 0.0], "drops_per_second": [0.0, 0.0], "mtu_bytes": [65536, 1500]},
        "process": {"rank": [1, 2, 3], "pid": [4211, 812, 977], "name": ["postgres", "nginx", "python3"],
                    "user": ["postgres", "www-data", "app"], "cpu_ratio": [1.42, 0.31, 0.08],
                    "memory_bytes": [6 * GIB, 210 * 2**20, 512 * 2**20], "memory_ratio": [0.19, 0.006, 0.016],
                    "read_bytes_per_second": [2.1e6, 0.0, None], "written_bytes_per_second": [8.4e6, 1200.0, None],
                    "threads": [42, 9, 14], "state": ["R", "S", "S"], "command": ["postgres: writer", "nginx: worker", "python3 …"]},
        "agent": {"collector": ["agent", "cpu", "smart"], "ok": [True, True, True], "error": [None, None, None],
                  "duration_seconds": [0.004, 0.0012, 0.2], "rows": [40, 9, 0], "interval_seconds": [5.0, 5.0, 3600.0],
                  "failures_total": [0, 0, 0], "memory_bytes": [41 * 2**20, None, None], "cpu_ratio": [0.004, None, None],
                  "spool_bytes": [3 * 2**20, None, None], "spool_limit_bytes": [64 * 2**20, None, None],
                  "spool_batches": [12, None, None], "spool_oldest_seconds": [4.0, None, None],
                  "batches_sent_total": [90_210, None, None], "batches_resent_total": [3, None, None],
                  "batches_thinned_total": [0, None, None], "batches_dropped_total": [0, None, None],
                  "batches_damaged_total": [0, None, None], "send_failures_total": [2, None, None],
                  "version": ["0.1.0", None, None]},
    }  # fmt: skip
    for table, columns in (tables or {}).items():
        frames[table] = {**frames.get(table, {}), **columns}
    for columns in frames.values():
        columns["ts"] = [ts_ms] * len(next(iter(columns.values())))
    return Rows(host=name, tables=frames)


class FleetSource:
    """Answers as a server with a fleet would, at once and without a network."""

    def __init__(
        self, names: Sequence[str], now_ms: int = NOW_MS, *, cores: int = 8, begun_ms: int | None = None
    ) -> None:
        """Speak for ``names``; nothing is known from before ``begun_ms``."""
        self.names = list(names)
        self.now_ms = now_ms
        self.cores = cores
        self.begun_ms = begun_ms
        self.queue: asyncio.Queue[SourceEvent] = asyncio.Queue()
        self.watched = ""
        self.retries = 0
        self.fails: NagareError | None = None
        self.events_held: list[EventView] = []
        self.gaps_held: list[GapMark] = []
        self.marks_held: list[EventMark] = []
        self.later_held: list[Later] = []
        self.groups_held = [GroupView("front", [name for name in self.names if name.startswith("web")])]
        self.asked: list[str] = []
        self.commands = FleetJobs(hosts=tuple(names))
        self.tasks_held = FleetTasks()
        self.schedules_held = FleetSchedules()
        self.alerts_held = FleetAlerts()
        self.notify_held = FleetNotify(self.alerts_held)
        self.shells_held = FleetShells()
        self.queries_held = FleetQueries()
        self.diagnoses_held = FleetDiagnoses()
        self.network_held = FleetNetwork()
        self.ssh = SshSettings()

    def connect(self) -> None:
        """Say hello and send one frame a host."""
        self.queue.put_nowait(Found("http://127.0.0.1:1"))
        self.queue.put_nowait(Connected(Hello("0.1.0", self.now_ms)))
        for name in self.names:
            self.queue.put_nowait(frame_of(name, self.now_ms - 2000, cores=self.cores))

    async def follow(self) -> AsyncGenerator[SourceEvent]:
        """Yield what the test put."""
        while True:
            yield await self.queue.get()

    def watch(self, host: str) -> None:
        """Note which host is looked at."""
        self.watched = host

    def retry_now(self) -> None:
        """Count impatience."""
        self.retries += 1

    def _check(self, what: str) -> None:
        self.asked.append(what)
        if self.fails is not None:
            raise self.fails

    async def hosts(self) -> list[HostView]:
        """Return the fleet."""
        self._check("hosts")
        return [self.network_held.labelled(view_of(name, self.now_ms)) for name in self.names]

    async def groups(self) -> list[GroupView]:
        """Return the held groups."""
        self._check("groups")
        return self.groups_held

    async def events(self, limit: int, host: str | None = None, *, until_ms: int | None = None) -> list[EventView]:
        """Return the held events."""
        self._check("events")
        return [event for event in self.events_held if until_ms is None or event.ts < until_ms][:limit]

    async def host_history(self, host: str, series_ids: Sequence[str], span: Span) -> Points:
        """Return the waves of one host."""
        self._check(f"history {host}")
        known = [series for series in series_ids if SERIES[series].table not in ("gpu", "sensor")]
        return {series: self._points(host, series, span) for series in known}

    async def gaps(self, host: str) -> list[GapMark]:
        """Return the held gaps."""
        self._check(f"gaps {host}")
        return self.gaps_held

    async def marks(self, host: str, span: Span) -> list[EventMark]:
        """Return the held marks of a host, or all."""
        self._check(f"marks {host}")
        held = [*self.marks_held, *event_marks(self.events_held, host)]
        return [mark for mark in held if host in ("", mark.host) and span.start_ms <= mark.ts_ms <= span.end_ms]

    def _points(self, host: str, series: str, span: Span) -> tuple[Any, Any]:
        return _drawn(host, series, span, self.begun_ms or 0)

    async def fleet_history(self, series_ids: Sequence[str], span: Span) -> Points:
        """Return means and greatest values, or sums."""
        self._check("fleet history")
        points: Points = {}
        for series in series_ids:
            held = [self._points(name, series, span) for name in self.names]
            if held:
                values = np.stack([values for _, values in held])
                is_ratio = SERIES[series].unit is Unit.RATIO
                points[series] = held[0][0], values.mean(axis=0) if is_ratio else values.sum(axis=0)
                points[f"{series}.max"] = held[0][0], values.max(axis=0)
        return points

    async def seed(self, series_ids: Sequence[str], span: Span) -> dict[str, Points]:
        """Return every host's short history."""
        self._check("seed")
        found = {}
        for name in self.names:
            found[name] = await self.host_history(name, series_ids, span)
            await asyncio.sleep(0)
        return found

    async def newest(self, series_ids: Sequence[str], since_ms: int) -> dict[str, Points]:
        """Return every host's newest values."""
        self._check("newest")
        found = await self.seed(series_ids, Span(since_ms, self.now_ms, 5000))
        return {
            name: {id_: (times[-1:], values[-1:]) for id_, (times, values) in points.items()}
            for name, points in found.items()
        }

    async def rows(self, table: str, host: str, at_ms: int | None = None) -> Mapping[str, list[Any]]:
        """Return the rows of the frame of that moment."""
        self._check(f"rows {table} {host} {at_ms}")
        return frame_of(host, at_ms or self.now_ms, cores=self.cores).tables.get(table, {})

    async def caller(self) -> Me | None:
        """Return who asks."""
        return self.commands.caller

    def jobs(self) -> FleetJobs:
        """Return what answers about commands."""
        if self.fails is not None:
            raise self.fails
        return self.commands

    def tasks(self) -> FleetTasks:
        """Return what answers about tasks."""
        return self.tasks_held

    def schedules(self) -> FleetSchedules:
        """Return what answers about schedules."""
        return self.schedules_held

    def alerts(self) -> FleetAlerts:
        """Return what answers about alerts."""
        return self.alerts_held

    def silences(self) -> FleetAlerts:
        """Return what answers about silences."""
        return self.alerts_held

    def rules(self) -> FleetAlerts:
        """Return what answers about rules."""
        return self.alerts_held

    def notify(self) -> FleetNotify:
        """Return the answers about how people are told."""
        return self.notify_held

    def shells(self) -> FleetShells:
        """Return the answers about shells."""
        return self.shells_held

    def queries(self) -> FleetQueries:
        """Return what answers SQL."""
        if self.fails is not None:
            raise self.fails
        return self.queries_held

    def diagnoses(self) -> FleetDiagnoses:
        """Return the answers about diagnoses."""
        return self.diagnoses_held

    def network(self) -> FleetNetwork:
        """Return the answer about the network."""
        if self.fails is not None:
            raise self.fails
        return self.network_held

    async def probe_history(self, host: str, target: str, kind: str, span: Span) -> Points:
        """Return a wave of milliseconds, and no loss."""
        self._check(f"probe history {host} {kind} {target}")
        times, values = self._points(host, "cpu.busy", span)
        return {"latency": (times, values / 50), "loss": (times, np.zeros(len(times)))}

    def heartbeats(self) -> FleetNotify:
        """Return the answers about heartbeats."""
        return self.notify_held

    async def standing(self, host: str) -> AgentStanding:
        """Return what is known of an agent."""
        self._check(f"standing {host}")
        return AgentStanding("disk.usage", "done", self.now_ms - 61_000, "0.2.0", "installed")

    async def fleet_rows(self, at_ms: int, tables: Sequence[str], hosts: Sequence[str]) -> FleetRows:
        """Return the frame of every host at that moment, and its short history."""
        self._check(f"fleet {at_ms}")
        if at_ms < (self.begun_ms or 0):
            return FleetRows({}, {}, {})
        found: dict[str, dict[str, list[Any]]] = {}
        for host in self.names:
            for table, columns in frame_of(host, at_ms - at_ms % 5000, cores=self.cores).tables.items():
                if table in tables:
                    held = found.setdefault(table, {})
                    own: dict[str, list[Any]] = {name: list(cells) for name, cells in columns.items()}
                    own["host"] = [host] * len(own["ts"])
                    for name, cells in own.items():
                        held.setdefault(name, []).extend(cells)
        span = Span(at_ms - 900_000, at_ms + 4000, 5000)
        return FleetRows(
            found, {host: {one: self._points(host, one, span) for one in SPARK_SERIES} for host in self.names}, {}
        )

    async def turns(self, alerts: Sequence[str], at_ms: int) -> list[EventView]:
        """Return what happened to those alerts."""
        self._check(f"turns {at_ms}")
        return [event for event in self.events_held if event.attributes.get("alert") in alerts and event.ts <= at_ms]

    async def commands_after(self, since_ms: int, at_ms: int) -> list[Later]:
        """Return the held commands that changed later."""
        self._check(f"commands {at_ms}")
        return self.later_held

    async def processes(self, at_ms: int | None = None) -> Mapping[str, list[Any]]:
        """Return every host's processes as one list."""
        self._check("processes" if at_ms is None else f"processes {at_ms}")
        wanted = ("pid", "name", "user", "cpu_ratio", "memory_bytes", "command")
        columns: dict[str, list[Any]] = {name: [] for name in ("host", *wanted)}
        for host in self.names:
            held = frame_of(host, at_ms or self.now_ms).tables["process"]
            columns["host"] += [host] * len(held["pid"])
            for name in wanted:
                columns[name] += held[name]
        return columns
