"""The collectors on the machine that runs the tests, against /proc and df read at the same moment."""

import contextlib
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nagare.collect.collector import AbsentError, Collector, Root, Tick
from nagare.collect.cpu.collector import CpuCollector
from nagare.collect.disk.collector import DiskCollector
from nagare.collect.disk_io import DiskIoCollector
from nagare.collect.load import LoadCollector
from nagare.collect.memory.collector import MemoryCollector
from nagare.collect.network.collector import NetworkCollector
from nagare.collect.process.collector import ProcessCollector
from nagare.collect.registry import build_collectors
from nagare.config.settings import AgentSettings
from tests.unit.collect.trees import check, rows_of

MIB = 2**20


def now() -> Tick:
    return Tick(time.time_ns() // 1_000_000, time.monotonic())


def proc(path: str) -> str:
    return Path("/proc", path).read_text()


@pytest.fixture
def collect(request: pytest.FixtureRequest) -> Iterator[Collector]:
    collector = request.param(Root())
    yield collector
    collector.close()


def meminfo() -> dict[str, int]:
    return {line.split(":")[0]: int(line.split()[1]) * 1024 for line in proc("meminfo").splitlines()}


def df(mount: str) -> list[int]:
    """Return size, used, available, percent used, inodes and used inodes, as df tells them."""
    columns = "size,used,avail,pcent,itotal,iused"
    argv = ["df", "-B1", f"--output={columns}", mount]
    told = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()[1]
    return [int(field.rstrip("%")) for field in told.split()]


def is_between(value: float, one: float, other: float, slack: float) -> bool:
    """Tell whether a value lies between two readings around it: others work on this machine meanwhile."""
    return min(one, other) - slack <= value <= max(one, other) + slack


@pytest.mark.parametrize("collect", [MemoryCollector], indirect=True)
def test_memory_is_that_of_meminfo(collect: Collector) -> None:
    before = meminfo()
    row = rows_of(collect.collect(now()), "memory")[0]
    after = meminfo()
    assert row["total_bytes"] == before["MemTotal"]
    assert is_between(row["available_bytes"], before["MemAvailable"], after["MemAvailable"], 32 * MIB)
    assert is_between(row["cached_bytes"], before["Cached"], after["Cached"], 32 * MIB)
    assert row["swap_total_bytes"] == before["SwapTotal"]
    assert row["oom_kills_total"] == int(dict(line.split() for line in proc("vmstat").splitlines())["oom_kill"])


@pytest.mark.parametrize("collect", [CpuCollector], indirect=True)
def test_cpu_is_that_of_stat(collect: Collector) -> None:
    collect.collect(now())
    deadline = time.monotonic() + 0.3
    while time.monotonic() < deadline:
        sum(range(10_000))  # keeps one core busy, so that the interval holds user time
    rows = rows_of(collect.collect(now()), "cpu")
    fields = [int(field) for field in proc("stat").splitlines()[0].split()[1:]]
    busy = (sum(fields[:8]) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")
    assert rows[0]["seconds_total"] == pytest.approx(busy, abs=1.0)
    assert len(rows) == 1 + (os.cpu_count() or 0)
    ratios = [
        rows[0][f"{mode}_ratio"]
        for mode in ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal", "guest")
    ]
    assert sum(ratios) == pytest.approx(1)
    assert 0.2 < rows[0]["busy_ratio"] <= 1


@pytest.mark.parametrize("collect", [LoadCollector], indirect=True)
def test_load_is_that_of_loadavg(collect: Collector) -> None:
    row = rows_of(collect.collect(now()), "load")[0]
    assert row["load15"] == pytest.approx(float(proc("loadavg").split()[2]), abs=0.1)
    assert row["uptime_seconds"] == pytest.approx(float(proc("uptime").split()[0]), abs=1)
    assert row["cores"] == os.cpu_count()
    assert row["processes"] == pytest.approx(sum(name.isdigit() for name in os.listdir("/proc")), abs=20)


@pytest.mark.parametrize("collect", [DiskCollector], indirect=True)
def test_disk_agrees_with_df(collect: Collector) -> None:
    mounts = [row["mount"] for row in rows_of(collect.collect(now()), "disk")]
    before = {mount: df(mount) for mount in mounts}
    rows = {row["mount"]: row for row in rows_of(collect.collect(now()), "disk")}
    for mount in mounts:
        row, one, other = rows[mount], before[mount], df(mount)
        assert (row["total_bytes"], row["inodes_total"]) == (one[0], one[4])
        assert is_between(row["used_bytes"], one[1], other[1], MIB)
        assert is_between(row["available_bytes"], one[2], other[2], MIB)
        assert is_between(row["used_ratio"] * 100, one[3], other[3], 1)
        assert is_between(row["inodes_used"], one[5], other[5], 50)


@pytest.mark.parametrize("collect", [DiskIoCollector], indirect=True)
def test_disk_io_is_that_of_sysfs(collect: Collector) -> None:
    for row in rows_of(collect.collect(now()), "disk_io"):
        fields = [int(field) for field in Path(f"/sys/block/{row['device']}/stat").read_text().split()]
        assert 0 <= fields[0] - row["reads_total"] < 10_000
        assert 0 <= fields[6] * 512 - row["written_bytes_total"] < 512 * MIB


@pytest.mark.parametrize("collect", [NetworkCollector], indirect=True)
def test_network_is_that_of_sysfs(collect: Collector) -> None:
    rows = {row["interface"]: row for row in rows_of(collect.collect(now()), "network")}
    assert rows["lo"]["kind"] == "loopback"
    for name, row in rows.items():
        folder = Path("/sys/class/net", name)
        assert row["mtu_bytes"] == int((folder / "mtu").read_text())
        assert 0 <= int((folder / "statistics/rx_bytes").read_text()) - row["received_bytes_total"] < 256 * MIB


@pytest.mark.parametrize("collect", [ProcessCollector], indirect=True)
def test_process_sees_this_one(collect: Collector) -> None:
    collector = ProcessCollector(Root(), top=500, command_lines="full")
    collector.collect(now())
    started, worked = time.monotonic(), time.process_time()
    while time.process_time() - worked < 0.2:
        sum(range(10_000))
    row = next(row for row in rows_of(collector.collect(now()), "process") if row["pid"] == os.getpid())
    collector.close()
    assert row["command"] == proc("self/cmdline").rstrip("\0").replace("\0", " ")[:4096]
    assert row["memory_bytes"] == pytest.approx(
        int(proc("self/statm").split()[1]) * os.sysconf("SC_PAGE_SIZE"), rel=0.2
    )
    # The kernel counts in hundredths of a second; a machine with other work stretches the time, not the ratio's truth.
    assert row["cpu_ratio"] == pytest.approx((time.process_time() - worked) / (time.monotonic() - started), abs=0.25)
    assert row["cpu_ratio"] > 0
    # Native libraries run threads that Python does not know of: the kernel's own list is the measure.
    assert row["threads"] == pytest.approx(len(os.listdir("/proc/self/task")), abs=16)
    assert row["file_handles"] == pytest.approx(len(os.listdir("/proc/self/fd")), abs=5)
    assert row["started_at_seconds"] == pytest.approx(time.time() - (time.monotonic() - _started()), abs=3)


def _started() -> float:
    ticks = int(proc("self/stat").rpartition(")")[2].split()[19])
    return ticks / os.sysconf("SC_CLK_TCK")


def test_processes_come_and_go_while_they_are_read() -> None:
    collector = ProcessCollector(Root(), top=500)
    stop = threading.Event()

    def churn() -> None:
        while not stop.is_set():
            subprocess.run(["true"], check=True)

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for _ in range(40):
            check(collector.collect(now()))
    finally:
        stop.set()
        thread.join()
        collector.close()


def test_all_collectors_together_give_what_the_machine_has() -> None:
    tables: dict[str, Any] = {}
    for collector in build_collectors(AgentSettings(), Root()):
        if not collector.is_slow:
            with contextlib.suppress(AbsentError):
                tables |= collector.collect(now())
        collector.close()
    check(tables)
    assert {"cpu", "load", "memory", "disk", "disk_io", "network", "process"} <= set(tables)
