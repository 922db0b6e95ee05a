"""What one tick of the collectors costs in CPU, each of them and all together, beside psutil's scan of the processes.

Collectors that may wait (probes, SMART) are left out: they run on threads of their own at their own pace.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

import psutil

from benches.report import Row, Section
from nagare.collect.collector import AbsentError, Collector, Root, Tick
from nagare.collect.registry import build_collectors
from nagare.config.settings import AgentSettings

TICKS = 20
EXTRA = (0, 300)
_PEER_FIELDS = ["pid", "name", "username", "cpu_times", "memory_info", "num_threads", "status"]


def _milliseconds(step: Callable[[], object]) -> float:
    step()
    used = time.process_time()
    for _ in range(TICKS):
        step()
    return (time.process_time() - used) / TICKS * 1000


def _psutil_scan() -> None:
    for process in psutil.process_iter(_PEER_FIELDS):
        _ = process.info


def _tick(collector: Collector) -> None:
    collector.collect(Tick(time.time_ns() // 1_000_000, time.monotonic()))


def _present(stack: ExitStack) -> list[Collector]:
    present = []
    for collector in build_collectors(AgentSettings(), Root()):
        stack.callback(collector.close)
        if collector.is_slow:
            continue
        try:
            _tick(collector)
        except AbsentError:
            continue
        present.append(collector)
    return present


def _sleepers(stack: ExitStack, count: int) -> None:
    for _ in range(count):
        sleeper = subprocess.Popen(["sleep", "600"])
        stack.callback(sleeper.wait)
        stack.callback(sleeper.kill)


def run() -> Section:
    """Measure with the machine's own processes and with many more."""
    section = Section("A tick of the collectors", f"CPU time of one tick, mean of {TICKS}, this process only.")
    for extra in EXTRA:
        with ExitStack() as stack:
            _sleepers(stack, extra)
            collectors = _present(stack)
            processes = sum(name.isdigit() for name in os.listdir("/proc"))
            costs = {collector.name: _milliseconds(partial(_tick, collector)) for collector in collectors}
            peer = _milliseconds(_psutil_scan)
            where = f"{processes} processes"
            total = sum(costs.values())
            section.rows.append(Row(f"all together, {where}", total, "ms", peer, "psutil's scan of processes"))
            section.rows.extend(
                Row(f"  {name}, {where}", cost, "ms")
                for name, cost in sorted(costs.items(), key=lambda item: -item[1])[:4]
            )
    return section
