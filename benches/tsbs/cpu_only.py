"""One measurement, ten fields, 100 hosts, 24 hours at 10 s: whole numbers that walk between 0 and 100, from a fixed seed.

The shape is that of the Time Series Benchmark Suite's ``cpu-only`` case; the tag that names the host is called ``host``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from nagare.model.samples import Series
from tests.support.flood import Request
from tests.support.write_layout import Layout, encode_labels, lay_out, pack

SEED = 123
HOSTS, TICKS, STEP_MS = 100, 8640, 10_000
FIELDS = tuple(
    f"usage_{what}"
    for what in ("user", "system", "idle", "nice", "iowait", "irq", "softirq", "steal", "guest", "guest_nice")
)
_REGIONS = ("us-east-1", "us-west-1", "eu-west-1", "eu-central-1", "ap-southeast-1", "sa-east-1")
_LINES_A_REQUEST = 240
# What DuckDB itself writes: it reads groups in parallel and passes over those that a condition rules out.
_ROW_GROUP = 122_880


@dataclass(frozen=True, slots=True)
class CpuOnly:
    """All values, by field, host and tick, and the time of the first tick."""

    base_ms: int
    values: NDArray[np.int64]

    @property
    def end_ms(self) -> int:
        """The time after the last tick."""
        return self.base_ms + TICKS * STEP_MS

    @property
    def samples(self) -> int:
        """The number of values."""
        return int(self.values.size)


def host_name(host: int) -> str:
    """Return the name of a host."""
    return f"host_{host}"


def tags_of(host: int) -> dict[str, str]:
    """Return the tags of a host, its name among them."""
    chance = np.random.default_rng((SEED, host))
    region = _REGIONS[int(chance.integers(len(_REGIONS)))]
    return {
        "arch": ("x64", "x86")[int(chance.integers(2))],
        "datacenter": region + "abc"[int(chance.integers(3))],
        "host": host_name(host),
        "os": ("Ubuntu15.10", "Ubuntu16.04LTS", "Ubuntu16.10")[int(chance.integers(3))],
        "rack": str(chance.integers(100)),
        "region": region,
        "service": str(chance.integers(20)),
        "service_environment": ("production", "staging", "test")[int(chance.integers(3))],
        "service_version": str(chance.integers(2)),
        "team": ("CHI", "LON", "NYC", "SF")[int(chance.integers(4))],
    }


def make_cpu_only(end_ms: int) -> CpuOnly:
    """Return the data whose last tick stands before ``end_ms``."""
    chance = np.random.default_rng(SEED)
    here = chance.uniform(0, 100, (len(FIELDS), HOSTS))
    values = np.empty((len(FIELDS), HOSTS, TICKS), np.int64)
    for tick in range(TICKS):
        here = np.clip(here + chance.normal(0, 1, here.shape), 0, 100)
        values[:, :, tick] = here
    return CpuOnly(end_ms // STEP_MS * STEP_MS - TICKS * STEP_MS, values)


def as_lines(cpu: CpuOnly, lanes: int) -> Iterator[Request]:
    """Yield requests of line protocol, 240 lines each, times in milliseconds; a host keeps its lane."""
    heads = ["cpu," + ",".join(f"{name}={value}" for name, value in tags_of(host).items()) for host in range(HOSTS)]
    parts = np.array_split(np.arange(HOSTS), lanes)
    waiting: list[list[str]] = [[] for _ in parts]
    for tick in range(TICKS):
        ts, values = cpu.base_ms + tick * STEP_MS, cpu.values[:, :, tick].T.tolist()
        for lane, hosts in enumerate(parts):
            for host in hosts:
                fields = ",".join(f"{field}={value}i" for field, value in zip(FIELDS, values[host], strict=True))
                waiting[lane].append(f"{heads[host]} {fields} {ts}")
            if len(waiting[lane]) >= _LINES_A_REQUEST or tick == TICKS - 1:
                yield Request("\n".join(waiting[lane]).encode(), lane, len(waiting[lane]) * len(FIELDS))
                waiting[lane] = []


def as_remote_write(cpu: CpuOnly, lanes: int) -> Iterator[Request]:
    """Yield remote write requests, a tick of a lane's hosts each."""
    parts = np.array_split(np.arange(HOSTS), lanes)
    layouts = []
    for hosts in parts:
        series = [Series(f"cpu_{field}", tuple(tags_of(host).items()), "") for host in hosts for field in FIELDS]
        layouts.append(Layout([lay_out(encode_labels(one)) for one in series]))
    for tick in range(TICKS):
        for lane, (hosts, layout) in enumerate(zip(parts, layouts, strict=True)):
            values = cpu.values[:, hosts, tick].T.ravel().astype(np.float64)
            times = np.full(len(values), cpu.base_ms + tick * STEP_MS)
            yield Request(pack(layout.fill(values, times)), lane, len(values))


def write_wide(cpu: CpuOnly, path: Path) -> None:
    """Write one Parquet file with a row for each host and tick, sorted by them."""
    columns: dict[str, Any] = {"ts": pa.array(np.tile(_times(cpu), HOSTS), pa.timestamp("ms"))}
    tags = [tags_of(host) for host in range(HOSTS)]
    order = sorted(range(HOSTS), key=host_name)
    for name in tags[0]:
        columns[name] = _repeated([tags[host][name] for host in order], TICKS)
    columns |= {field: cpu.values[number][order].ravel() for number, field in enumerate(FIELDS)}
    pq.write_table(pa.table(columns), path, compression="zstd", row_group_size=_ROW_GROUP)


def write_tall(cpu: CpuOnly, path: Path) -> None:
    """Write one Parquet file with a row for each value, sorted by name, host and time."""
    hosts = sorted(range(HOSTS), key=host_name)
    fields = sorted(range(len(FIELDS)), key=FIELDS.__getitem__)
    columns = {
        "name": _repeated([f"cpu_{FIELDS[field]}" for field in fields], HOSTS * TICKS),
        "host": _repeated([host_name(host) for host in hosts] * len(FIELDS), TICKS),
        "ts": pa.array(np.tile(_times(cpu), HOSTS * len(FIELDS)), pa.timestamp("ms")),
        "value": np.concatenate([cpu.values[field][hosts].ravel() for field in fields]).astype(np.float64),
    }
    pq.write_table(pa.table(columns), path, compression="zstd", row_group_size=_ROW_GROUP)


def _repeated(texts: list[str], times: int) -> Any:
    distinct = sorted(set(texts))
    numbers = np.repeat([distinct.index(text) for text in texts], times).astype(np.int32)
    return pa.DictionaryArray.from_arrays(numbers, pa.array(distinct))


def _times(cpu: CpuOnly) -> NDArray[np.int64]:
    times: NDArray[np.int64] = cpu.base_ms + np.arange(TICKS) * STEP_MS
    return times
