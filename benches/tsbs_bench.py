"""TSBS cpu-only through the line protocol: every query kind, its answer checked against DuckDB on one sorted Parquet file."""

import json
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from benches.foreign.targets import victoria_metrics
from benches.report import Row, Section
from benches.tsbs.ask import ROUNDS, Suite
from benches.tsbs.cpu_only import HOSTS, SEED, STEP_MS, TICKS, CpuOnly, as_lines, write_wide
from benches.tsbs.load import LANES, answer, newest_cpu_only
from benches.tsbs.queries import KINDS
from tests.support.flood import Load, flood
from tests.support.node_lines import HEADERS

_DOUBLE_GROUP = "double-groupby-all"


def _victoria_ms(cpu: CpuOnly, load: Load, folder: Path) -> float:
    kind = next(kind for kind in KINDS if kind.name == _DOUBLE_GROUP)
    taken = []
    with victoria_metrics(folder) as target:
        done = flood(load, target.url, target.paths["influx"], HEADERS)
        if not done.is_whole:
            raise RuntimeError(f"VictoriaMetrics refused the load: {done.said}")
        target.settle()
        for number in range(ROUNDS):
            window = kind.window(cpu, number)
            begun = time.perf_counter()
            found = json.loads(
                target.get(
                    "/api/v1/query_range",
                    query='avg(avg_over_time({__name__=~"cpu_usage_.+"}[1h])) by (__name__, host)',
                    start=str(window.from_ms / 1000),
                    end=str(window.to_ms / 1000),
                    step="1h",
                    nocache="1",
                )
            )
            taken.append((time.perf_counter() - begun) * 1000)
            if len(found["data"]["result"]) != HOSTS * len(window.fields):
                raise RuntimeError(f"VictoriaMetrics answers {len(found['data']['result'])} series")
    return statistics.median(taken)


def run() -> Section:
    """Load, ask, compare."""
    section = Section(
        "TSBS cpu-only through the line protocol",
        f"{HOSTS} hosts for {TICKS * STEP_MS // 3_600_000} h at {STEP_MS // 1000} s, {HOSTS * TICKS:,} rows of ten fields, seed {SEED};"
        f" median of {ROUNDS} queries with other hosts and times. Nagare's store and DuckDB (2 threads, one Parquet file sorted by"
        " host and time) answer in one process, in turns; each answer is compared. The store kept house once"
        " before it was asked, as it does a minute after a load; the server was asked at once. Over HTTP the rows come as JSON.",
    )
    with tempfile.TemporaryDirectory() as name:
        folder, cpu = Path(name), newest_cpu_only()
        write_wide(cpu, folder / "wide.parquet")
        suite = Suite(cpu, "influx.cpu", folder / "wide.parquet", is_wide=True)
        section.rows += answer(suite, folder, as_lines(cpu, LANES), "influx", HEADERS)
        if shutil.which("victoria-metrics"):
            theirs = _victoria_ms(cpu, Load(folder / "load"), folder / "victoria")
            ours = suite.answered[_DOUBLE_GROUP].http_ms
            section.rows.append(Row(f"{_DOUBLE_GROUP} over HTTP", ours, "ms", theirs, "VictoriaMetrics", theirs))
    return section
