"""Foreign ingest: the same requests into Nagare and its peers, each alone, one after the other.

200 hosts with 60 series at 5 s. Requests are made beforehand from a fixed seed, and sent as fast as each is answered, by a
process of its own. The first simulated minute is sent before measuring starts. What counts is the CPU time of the store's
processes until its background work has ended, so a busy machine changes a ratio little.
"""

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benches.foreign.measure import Send, Taken, measure, straight
from benches.foreign.relay import by_vmagent
from benches.foreign.targets import present
from benches.report import Row, Section
from tests.support import node_lines, node_otlp, write_layout
from tests.support.flood import Load, Request
from tests.support.node_fleet import TICKS_A_MINUTE, Fleet, host_by_host, in_order, make_fleet, replaced, shuffled
from tests.support.node_samples import SEED

HOSTS = 200
LANES, SMALL_LANES = 5, 16
TICKS, LONG_TICKS = 240, 720
WRITE, INFLUX, OTLP = "write", "influx", "otlp"
HEADERS = {WRITE: write_layout.HEADERS, INFLUX: node_lines.HEADERS, OTLP: node_otlp.HEADERS}
SPEAKERS = {
    WRITE: ("nagare", "VictoriaMetrics", "Prometheus"),
    INFLUX: ("nagare", "VictoriaMetrics"),
    OTLP: ("nagare",),
}


@dataclass(frozen=True, slots=True)
class Case:
    """One way to send the fleet's ticks."""

    title: str
    protocol: str
    ticks: int
    lanes: int = LANES
    # The ratio to VictoriaMetrics that was promised.
    promise: float | None = None
    by_agent: bool = False
    has_disk: bool = False


def _requests(case: Case, fleet: Fleet) -> Iterator[Request]:
    if case.protocol == INFLUX:
        return node_lines.lines(fleet, case.lanes)
    if case.protocol == OTLP:
        return node_otlp.exports(fleet, case.lanes)
    if case.lanes == SMALL_LANES:
        return host_by_host(fleet, case.lanes)
    ways = {"shuffled": shuffled, "replaced": replaced}
    return next((make for word, make in ways.items() if word in case.title), in_order)(fleet, case.lanes)


def _cases(ticks: int, long_ticks: int) -> list[Case]:
    return [
        Case("remote write, 2,400 samples a request", WRITE, long_ticks, promise=1.5, has_disk=True),
        Case("the same, shuffled in every request", WRITE, ticks),
        Case("the same, 1 % of series replaced a minute", WRITE, ticks),
        Case("the same by way of vmagent", WRITE, ticks, by_agent=True),
        Case("remote write, 60 samples a request, 16 connections", WRITE, ticks, SMALL_LANES, promise=1.0),
        Case("line protocol, 2,400 values a request", INFLUX, ticks),
        Case("OTLP, 2,400 points a request", OTLP, ticks // 2),
    ]


@dataclass(frozen=True, slots=True)
class _Figure:
    """One figure of every store, and how to read it."""

    what: str
    unit: str
    of: Callable[[Taken], float]
    more_is_better: bool = False
    promise: float | None = None

    def rows(self, taken: dict[str, Taken]) -> Iterator[Row]:
        ours = self.of(taken["nagare"])
        peers = [(name, self.of(figures)) for name, figures in taken.items() if name != "nagare"]
        if not peers:
            yield Row(self.what, ours, self.unit, promise=self.promise, more_is_better=self.more_is_better)
        for name, theirs in peers:
            yield Row(self.what, ours, self.unit, theirs, name, self.promise, self.more_is_better)


def _rows(case: Case, taken: dict[str, Taken]) -> Iterator[Row]:
    least = None
    if case.promise and "VictoriaMetrics" in taken:
        least = case.promise * taken["VictoriaMetrics"].per_cpu_second
    yield from _Figure(f"{case.title}: per CPU-second", "", lambda one: one.per_cpu_second, True, least).rows(taken)
    yield from _Figure("… per second on the clock", "", lambda one: one.per_second, True).rows(taken)
    yield from _Figure("… memory (RSS) afterwards", "MB", lambda one: one.rss_bytes / 1e6).rows(taken)
    if case.has_disk:
        figure = _Figure(
            "… disk after compaction", "bytes a sample", lambda one: one.disk_bytes / one.kept, False, 1.24
        )
        yield from figure.rows(taken)


def _one(case: Case, folder: Path) -> dict[str, Taken]:
    fleet = make_fleet(HOSTS, case.ticks, time.time_ns() // 1_000_000)
    load = Load.write(folder, _requests(case, fleet))
    send: Send = by_vmagent(load) if case.by_agent else straight(load, case.protocol, HEADERS[case.protocol])
    warm = len(load.index()) // case.ticks * TICKS_A_MINUTE
    names = ("nagare", "VictoriaMetrics") if case.by_agent else SPEAKERS[case.protocol]
    return dict(_measured(names, send, warm, fleet.samples))


def _measured(names: tuple[str, ...], send: Send, warm: int, samples: int) -> Iterator[tuple[str, Taken]]:
    for name, start in present().items():
        if name not in names:
            continue
        try:
            yield name, measure(start, send, warm, samples)
        except RuntimeError as error:
            # A peer that lost something has no figure; ours must not.
            if name == "nagare":
                raise
            print(f"{name} is left out: {error}", file=sys.stderr, flush=True)


def run(*, is_long: bool = False) -> Section:
    """Send every case to every store that speaks its protocol."""
    section = Section(
        "Foreign ingest",
        f"{HOSTS} hosts with 60 series at 5 s, seed {SEED}; each store alone and fresh, in the same run. CPU time is that of the"
        " store's processes, background work included. Nagare has synced each request to disk before it answers; its peers"
        " have not.",
    )
    for case in _cases(LONG_TICKS if is_long else TICKS, 3 * LONG_TICKS if is_long else LONG_TICKS):
        if case.by_agent and not shutil.which("vmagent"):
            continue
        with tempfile.TemporaryDirectory() as folder:
            rows = list(_rows(case, _one(case, Path(folder))))
        section.rows += rows
        # It takes half an hour: what is known is said at once.
        for row in rows:
            print(" | ".join(row.cells()), file=sys.stderr, flush=True)
    return section
