"""What a fleet of node exporters would say: series and values of a fixed seed, for the benches and soaks of foreign ingest.

Counters of CPU time in hundredths, of bytes and of operations; gauges of pages and of one or two decimals; values that
never change; durations of whole nanoseconds. As in the exporter, milliseconds of disks become seconds by a product with
0.001, which is not always the nearest double. Each host is scraped at a moment of its own, always the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from nagare.model.samples import Series

SEED = 20_261_125
STEP_MS = 5_000
MILLI = 0.001
Make = Callable[[np.random.Generator, int], NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class Kind:
    """One series that every host has."""

    name: str
    labels: tuple[tuple[str, str], ...]
    make: Make


def _counter(mean: float, spread: float, decimals: int = 0, unit: float = 1.0) -> Make:
    def make(chance: np.random.Generator, ticks: int) -> NDArray[np.float64]:
        steps = np.maximum(np.rint(chance.normal(mean, spread, ticks)), 0.0)
        return np.asarray((chance.integers(10**6, 10**8) + np.cumsum(steps)) * unit / 10.0**decimals)

    return make


def _seldom(mean: float, decimals: int = 0, unit: float = 1.0) -> Make:
    def make(chance: np.random.Generator, ticks: int) -> NDArray[np.float64]:
        steps = chance.poisson(mean, ticks)
        return np.asarray((chance.integers(10**4, 10**7) + np.cumsum(steps)) * unit / 10.0**decimals)

    return make


def _gauge(spread: float, level: int, decimals: int = 0, unit: float = 1.0) -> Make:
    def make(chance: np.random.Generator, ticks: int) -> NDArray[np.float64]:
        walk, steps = np.empty(ticks), chance.normal(0.0, spread, ticks)
        start = here = float(chance.integers(level // 2, level + 1))
        for tick in range(ticks):
            here = max(here + steps[tick] - 0.05 * (here - start), 0.0)
            walk[tick] = here
        return np.asarray(np.rint(walk) * unit / 10.0**decimals)

    return make


def _constant(low: int, high: int, unit: float = 1.0) -> Make:
    def make(chance: np.random.Generator, ticks: int) -> NDArray[np.float64]:
        return np.full(ticks, float(chance.integers(low, high + 1)) * unit)

    return make


def _duration(mean: float) -> Make:
    def make(chance: np.random.Generator, ticks: int) -> NDArray[np.float64]:
        return np.asarray(np.rint(chance.exponential(mean * 1e9, ticks)) / 1e9)

    return make


def _cpu() -> Iterator[Kind]:
    for cpu in range(4):
        for mode, mean, spread in (("user", 12, 4), ("system", 5, 2), ("idle", 480, 6), ("iowait", 0.2, 0.5)):
            labels = (("cpu", str(cpu)), ("mode", mode))
            yield Kind("node_cpu_seconds_total", labels, _counter(mean, spread, 2))


def _network() -> Iterator[Kind]:
    for device, scale in (("eth0", 100.0), ("lo", 1.0)):
        labels = (("device", device),)
        for way in ("receive", "transmit"):
            yield Kind(f"node_network_{way}_bytes_total", labels, _counter(900 * scale, 60 * scale))
            yield Kind(f"node_network_{way}_packets_total", labels, _counter(3 * scale, scale / 3))
        yield Kind("node_network_receive_errs_total", labels, _constant(0, 3))


def _disks() -> Iterator[Kind]:
    for device in ("nvme0n1", "sda"):
        labels = (("device", device),)
        yield Kind("node_disk_reads_completed_total", labels, _seldom(0.3))
        yield Kind("node_disk_writes_completed_total", labels, _counter(40, 8))
        yield Kind("node_disk_read_bytes_total", labels, _seldom(0.3, unit=4096.0))
        yield Kind("node_disk_written_bytes_total", labels, _seldom(120.0, unit=4096.0))
        yield Kind("node_disk_io_time_seconds_total", labels, _counter(60, 10, unit=MILLI))


def _memory() -> Iterator[Kind]:
    for part, spread in (("MemFree", 200), ("MemAvailable", 200), ("Cached", 40), ("Active", 80), ("Dirty", 12)):
        yield Kind(f"node_memory_{part}_bytes", (), _gauge(spread, 10**6, unit=4096.0))
    yield Kind("node_memory_Slab_bytes", (), _seldom(0.2, unit=4096.0))
    yield Kind("node_memory_Buffers_bytes", (), _seldom(0.1, unit=4096.0))
    yield Kind("node_memory_MemTotal_bytes", (), _constant(10**5, 10**7, 4096.0))
    for mount in ("/", "/data"):
        labels = (("fstype", "ext4"), ("mountpoint", mount))
        yield Kind("node_filesystem_size_bytes", labels, _constant(10**6, 10**8, 4096.0))
        yield Kind("node_filesystem_avail_bytes", labels, _seldom(0.1, unit=4096.0))


def _others() -> Iterator[Kind]:
    for minutes, spread in ((1, 8), (5, 3), (15, 1)):
        yield Kind(f"node_load{minutes}", (), _gauge(spread, 200, 2))
    yield Kind("node_boot_time_seconds", (), _constant(1_700_000_000, 1_750_000_000))
    yield Kind("node_context_switches_total", (), _counter(9_000, 600))
    yield Kind("node_forks_total", (), _seldom(1.5))
    yield Kind("node_hwmon_temp_celsius", (("chip", "coretemp"), ("sensor", "temp1")), _gauge(3, 500, 1))
    yield Kind("node_timex_offset_seconds", (), _duration(1e-5))
    yield Kind("scrape_duration_seconds", (), _duration(0.02))
    for collector in ("cpu", "diskstats"):
        labels = (("collector", collector),)
        yield Kind("node_scrape_collector_duration_seconds", labels, _duration(0.002))
    yield Kind("up", (), _constant(1, 1))


KINDS = (*_cpu(), *_network(), *_disks(), *_memory(), *_others())


def host_name(host: int) -> str:
    """Return the name of the host of that number."""
    return f"node-{host:04d}"


def series_of(host: int) -> list[Series]:
    """Return the series of one host, in the order of KINDS."""
    own = {
        "datacenter": f"dc{host % 8}",
        "instance": f"{host_name(host)}:9100",
        "job": "node",
        "region": f"region-{host % 4}",
        "revision": "0",
    }
    return [Series(kind.name, tuple(sorted({**own, **dict(kind.labels)}.items())), host_name(host)) for kind in KINDS]


def values_of(host: int, ticks: int, seed: int = SEED) -> NDArray[np.float64]:
    """Return the values of one host: a row for each of KINDS, a column for each tick."""
    chance = np.random.default_rng((seed, host))
    return np.stack([kind.make(chance, ticks) for kind in KINDS])


def scrape_offset_ms(host: int) -> int:
    """Return how long after the full interval this host is scraped."""
    return host * 7919 % STEP_MS
