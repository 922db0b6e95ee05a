"""A fleet's ticks as remote write requests: in order, shuffled, with series that come and go, and a host a request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nagare.model.samples import Series
from tests.support.flood import Request
from tests.support.node_samples import KINDS, SEED, STEP_MS, scrape_offset_ms, series_of, values_of
from tests.support.write_layout import Layout, encode_labels, lay_out, pack

SHARE_REPLACED = 0.01
TICKS_A_MINUTE = 60_000 // STEP_MS


@dataclass(frozen=True, slots=True)
class Fleet:
    """Series of all hosts, host by host, with a row of values and a time offset for each."""

    hosts: int
    ticks: int
    base_ms: int
    series: Sequence[Series]
    values: NDArray[np.float64]
    offsets_ms: NDArray[np.int64]

    @property
    def samples(self) -> int:
        """The number of samples of all ticks."""
        return int(self.values.size)

    def part(self, lane: int, lanes: int) -> NDArray[np.int64]:
        """Return the numbers of the series of every host of ``lane``, which are neighbours."""
        hosts = np.array_split(np.arange(self.hosts), lanes)[lane]
        return np.arange(hosts[0] * len(KINDS), (hosts[-1] + 1) * len(KINDS))

    def times(self, tick: int, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return when the series of these numbers are scraped at this tick."""
        times: NDArray[np.int64] = self.base_ms + tick * STEP_MS + self.offsets_ms[numbers]
        return times


def make_fleet(hosts: int, ticks: int, end_ms: int, seed: int = SEED) -> Fleet:
    """Return the fleet whose last tick ends before ``end_ms``."""
    offsets = np.repeat([scrape_offset_ms(host) for host in range(hosts)], len(KINDS))
    series = [one for host in range(hosts) for one in series_of(host)]
    values = np.concatenate([values_of(host, ticks, seed) for host in range(hosts)])
    base_ms = end_ms // STEP_MS * STEP_MS - ticks * STEP_MS
    return Fleet(hosts, ticks, base_ms, series, values, offsets)


def in_order(fleet: Fleet, lanes: int) -> Iterator[Request]:
    """Yield a request for each tick and lane, the series always in the same order."""
    parts = [fleet.part(lane, lanes) for lane in range(lanes)]
    blocks = _blocks(fleet)
    layouts = [Layout([blocks[number] for number in part]) for part in parts]
    for tick in range(fleet.ticks):
        for lane, (part, layout) in enumerate(zip(parts, layouts, strict=True)):
            yield _request(fleet, layout, tick, lane, part)


def shuffled(fleet: Fleet, lanes: int) -> Iterator[Request]:
    """Yield the same with the series of each request in an order that never comes again."""
    chance = np.random.default_rng(SEED)
    blocks = _blocks(fleet)
    for tick in range(fleet.ticks):
        for lane in range(lanes):
            part = chance.permutation(fleet.part(lane, lanes))
            yield _request(fleet, Layout([blocks[number] for number in part]), tick, lane, part)


def replaced(fleet: Fleet, lanes: int) -> Iterator[Request]:
    """Yield the same as ``in_order``, but one series in a hundred ends each minute and another takes its place."""
    chance = np.random.default_rng(SEED)
    blocks = _blocks(fleet)
    parts = [fleet.part(lane, lanes) for lane in range(lanes)]
    layouts: list[Layout] = []
    for tick in range(fleet.ticks):
        if tick % TICKS_A_MINUTE == 0:
            gone = chance.choice(len(blocks), int(len(blocks) * SHARE_REPLACED), replace=False) if tick else ()
            for number in gone:
                blocks[number] = lay_out(encode_labels(fleet.series[number], revision=str(tick)))
            layouts = [Layout([blocks[number] for number in part]) for part in parts]
        for lane, (part, layout) in enumerate(zip(parts, layouts, strict=True)):
            yield _request(fleet, layout, tick, lane, part)


def host_by_host(fleet: Fleet, connections: int) -> Iterator[Request]:
    """Yield a small request for each tick and host; a host keeps its connection."""
    blocks = _blocks(fleet)
    parts = [fleet.part(host, fleet.hosts) for host in range(fleet.hosts)]
    layouts = [Layout([blocks[number] for number in part]) for part in parts]
    for tick in range(fleet.ticks):
        for host, (part, layout) in enumerate(zip(parts, layouts, strict=True)):
            yield _request(fleet, layout, tick, host % connections, part)


def _blocks(fleet: Fleet) -> list[bytes]:
    return [lay_out(labels) for labels in map(encode_labels, fleet.series)]


def _request(fleet: Fleet, layout: Layout, tick: int, lane: int, part: NDArray[np.int64]) -> Request:
    message = layout.fill(fleet.values[part, tick], fleet.times(tick, part))
    return Request(pack(message), lane, len(part))
