"""What the agent itself costs: CPU with that of its children, and resident memory."""

from __future__ import annotations

import mmap
import resource
from dataclasses import dataclass
from pathlib import Path

_STATM = Path("/proc/self/statm")


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds since the start, cores used since the last reading (null at first), resident bytes."""

    cpu_seconds_total: float
    cpu_ratio: float | None
    memory_bytes: int | None


class OwnCost:
    """Reads the cost and remembers the last reading for the ratio."""

    def __init__(self) -> None:
        """Read nothing yet."""
        self._before: tuple[float, float] | None = None

    def read(self, monotonic: float) -> Cost:
        """Return the cost at ``monotonic`` seconds."""
        seconds = sum(
            usage.ru_utime + usage.ru_stime
            for usage in map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        )
        ratio = None
        if self._before is not None and monotonic > self._before[0]:
            ratio = (seconds - self._before[1]) / (monotonic - self._before[0])
        self._before = (monotonic, seconds)
        return Cost(seconds, ratio, _resident_bytes())


def _resident_bytes() -> int | None:
    try:
        return int(_STATM.read_bytes().split()[1]) * mmap.PAGESIZE
    except (OSError, IndexError, ValueError):
        return None  # not Linux
