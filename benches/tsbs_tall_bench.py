"""TSBS cpu-only through remote write: the same values, each a row of ``samples``, beside DuckDB on a row for each value."""

import tempfile
from pathlib import Path

from benches.report import Section
from benches.tsbs.ask import ROUNDS, Suite
from benches.tsbs.cpu_only import HOSTS, SEED, TICKS, as_remote_write, write_tall
from benches.tsbs.load import LANES, answer, newest_cpu_only
from tests.support.write_layout import HEADERS


def run() -> Section:
    """Load, ask, compare."""
    section = Section(
        "TSBS cpu-only through remote write",
        f"The same data as {HOSTS * TICKS * 10:,} samples, seed {SEED}; median of {ROUNDS} queries, after the store kept house once. DuckDB reads one Parquet file"
        " sorted by name, host and time. high-cpu asks for the one metric that its condition is about.",
    )
    with tempfile.TemporaryDirectory() as name:
        folder, cpu = Path(name), newest_cpu_only()
        write_tall(cpu, folder / "tall.parquet")
        suite = Suite(cpu, "samples", folder / "tall.parquet", is_wide=False)
        section.rows += answer(suite, folder, as_remote_write(cpu, LANES), "write", HEADERS)
    return section
