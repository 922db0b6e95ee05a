"""Ingest at a steady rate while people look on: half a million samples a second, and what health and dashboards wait.

The senders and those who look on share the machine with the server. A minute by default, ten with ``--long``.
"""

import tempfile
from pathlib import Path

from benches.cost import cost_of
from benches.report import Row, Section
from tests.support.processes import RunningServer, child_environment, serving
from tests.support.steady import Sender, Steady
from tests.support.watching import Seen, watched

HOSTS, RATE = 200, 500_000.0
SECONDS, LONG_SECONDS = 60.0, 600.0


def _sustain(server: RunningServer, seconds: float) -> tuple[Steady, Seen, float]:
    before = cost_of(server.process.pid).cpu_seconds
    sender = Sender(server.url, server.token, hosts=HOSTS, rate=RATE, seconds=seconds)
    try:
        with watched(server) as seen:
            sent = sender.result()
    finally:
        sender.close()
    return sent, seen, cost_of(server.process.pid).cpu_seconds - before


def run(*, is_long: bool = False) -> Section:
    """Send and look on."""
    seconds = LONG_SECONDS if is_long else SECONDS
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder) / "data", environment=child_environment(HOME=folder)) as server,
    ):
        sent, seen, cpu = _sustain(server, seconds)
        kept = server.sql("SELECT count(*) FROM samples")[0][0]
    if sent.said or seen.refused:
        raise RuntimeError(f"refused: {sent.said or seen.refused[0]}")
    if kept != sent.samples:
        raise RuntimeError(f"{sent.samples:,} samples were acknowledged, but {kept:,} are there")
    section = Section(
        "Sustained ingest",
        f"Remote write of {HOSTS * 60:,} series, 2,400 samples a request, at {RATE:,.0f} samples a second for {seconds:g} s, while"
        f" {len(seen.health_ms)} looks at /health and {len(seen.query_ms)} dashboard statements come in. All of it on one machine.",
    )
    section.rows += [
        Row("samples acknowledged", sent.samples / sent.seconds, "per s", promise=RATE * 0.99, more_is_better=True),
        Row("requests sent again", sum(sent.statuses.values()) - sent.statuses.get("204", 0), ""),
        Row("how late the last request was", sent.late_seconds, "s"),
        Row("a request, 99th percentile", sent.p99_ms, "ms"),
        Row("/health, 99th percentile", seen.p99("health"), "ms", promise=100),
        Row("a dashboard's statement, 99th percentile", seen.p99("query"), "ms", promise=100),
        Row("largest memory (RSS)", seen.rss_bytes / 1e6, "MB", promise=1000),
        Row("CPU of the server", cpu / sent.seconds, "cores"),
    ]
    return section
