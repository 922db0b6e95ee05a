"""One flood of one store: what it took in, at what cost, and what remains on disk."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benches.cost import cost_of, cpu_of
from benches.foreign.targets import Start, Target
from tests.support.flood import Flooded, Load, flood

# How requests reach the store: straight, or by way of a foreign sender.
Send = Callable[[Target, int, int | None], Flooded]


@dataclass(frozen=True, slots=True)
class Taken:
    """The figures of one flood. ``samples`` were acknowledged after the warm-up, ``kept`` counts what queries see of all."""

    samples: int
    kept: int
    cpu_seconds: float
    wall_seconds: float
    rss_bytes: int
    disk_bytes: int
    p99_ms: float

    @property
    def per_cpu_second(self) -> float:
        """Samples per CPU-second of the store, its background work included."""
        return self.samples / self.cpu_seconds

    @property
    def per_second(self) -> float:
        """Samples per second on the clock."""
        return self.samples / self.wall_seconds


def straight(load: Load, protocol: str, headers: Mapping[str, str]) -> Send:
    """Return how to send ``load`` without anything between."""

    def send(target: Target, first: int, last: int | None) -> Flooded:
        path = target.paths[protocol]
        return flood(load, target.url, path, {**headers, **target.headers}, first=first, last=last)

    return send


def measure(start: Start, send: Send, warm: int, expected: int) -> Taken:
    """Start a store, send ``warm`` requests unmeasured and the others measured. Raises RuntimeError on a lost sample."""
    with tempfile.TemporaryDirectory() as folder, start(Path(folder)) as target:
        _whole(target, send(target, 0, warm))
        before = cpu_of(target.pid)
        done = _whole(target, send(target, warm, None))
        memory = cost_of(target.pid)
        target.settle()
        cpu = cpu_of(target.pid) - before
        kept = target.count()
        if kept != expected:
            raise RuntimeError(f"{target.name} acknowledged {expected:,} samples but holds {kept:,}")
        return Taken(done.samples, kept, cpu, done.wall_seconds, memory.rss_bytes, target.compact(), done.p99_ms)


def _whole(target: Target, flooded: Flooded) -> Flooded:
    if not flooded.is_whole:
        raise RuntimeError(f"{target.name} refused a request: {flooded.said} (answers: {flooded.statuses})")
    return flooded
