"""The server alone: how soon it is ready and what it costs while nothing happens."""

import statistics
import tempfile
import time
from pathlib import Path

from benches.cost import cost_of
from benches.report import Row, Section
from tests.support.processes import child_environment, serving

STARTS = 5
IDLE_SECONDS = 10.0


def run() -> Section:
    """Measure the way to readiness, on a fresh directory and on a used one, and the idle cost."""
    section = Section(
        "Server",
        f"Process start to the first 200 of /ready, the fastest of {STARTS}; then what it holds after {IDLE_SECONDS:g} idle seconds.",
    )
    with tempfile.TemporaryDirectory() as folder:
        environment = child_environment(HOME=folder)
        fresh, again = [], []
        for number in range(STARTS):
            data = Path(folder) / f"data{number}"
            fresh.append(_ready_seconds(data, environment))
            again.append(_ready_seconds(data, environment))
        with serving(Path(folder) / "idle", environment=environment) as server:
            before = cost_of(server.process.pid)
            time.sleep(IDLE_SECONDS)
            idle = cost_of(server.process.pid)
    section.rows += [
        Row("ready on a fresh directory", min(fresh), "s"),
        Row("ready on a used directory", min(again), "s", promise=1.5),
        Row("the median start", statistics.median(again), "s"),
        Row("resident memory (RSS) when idle", idle.rss_bytes / 1e6, "MB", promise=150),
        Row("proportional memory (PSS) when idle", idle.pss_bytes / 1e6, "MB"),
        Row("CPU when idle", (idle.cpu_seconds - before.cpu_seconds) / IDLE_SECONDS * 60, "CPU-s/min"),
    ]
    return section


def _ready_seconds(data: Path, environment: dict[str, str]) -> float:
    begun = time.perf_counter()
    with serving(data, environment=environment) as server:
        seconds = time.perf_counter() - begun
        server.process.stop()
    return seconds
