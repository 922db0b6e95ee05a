"""What a process and all its children cost: CPU seconds and memory, read from /proc."""

import os
import statistics
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.support.family import family, stat_fields

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Cost:
    """CPU seconds since the start, and memory now, of a process and its descendants; bytes."""

    cpu_seconds: float
    rss_bytes: int
    pss_bytes: int
    processes: int


def cost_of(root: int) -> Cost:
    """Return the cost of ``root`` and its descendants; those that ended count through their parent's books."""
    cpu, rss, pss, count = 0.0, 0, 0, 0
    for pid in family(root):
        try:
            fields = stat_fields(pid)
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            continue
        # utime, stime, and those of children that were waited for.
        cpu += sum(int(value) for value in fields[11:15]) / _TICKS
        sizes = {line.split()[0]: int(line.split()[1]) * 1024 for line in rollup.splitlines()[1:]}
        rss += sizes["Rss:"]
        pss += sizes["Pss:"]
        count += 1
    return Cost(cpu, rss, pss, count)


def cpu_of(root: int) -> float:
    """Return the CPU seconds of ``root`` and its descendants."""
    return cost_of(root).cpu_seconds


def best_seconds(argv: Sequence[str], *, times: int = 15, environment: dict[str, str] | None = None) -> float:
    """Return the median of the faster half of ``times`` runs of ``argv``: other load only ever adds."""
    seconds = []
    for _ in range(times):
        begun = time.perf_counter()
        subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, env=environment)
        seconds.append(time.perf_counter() - begun)
    return statistics.median(sorted(seconds)[: (times + 1) // 2])
