"""A query that DuckDB neither counts nor interrupts ends by the system's limit; the process goes on."""

from __future__ import annotations

import subprocess
import sys

# In a process of its own: the limits hold for the rest of its life.
_SCRIPT = """
import resource, sys
from pathlib import Path
import duckdb
from nagare.config.settings import QuerySettings, Settings
from nagare.server.running.process_limits import memory_limit, prepare_process
settings = Settings(Path("/nowhere"), query=QuerySettings(memory_limit_bytes=64 * 2**20))
prepare_process(settings)
assert sys.getswitchinterval() < 0.005
assert resource.getrlimit(resource.RLIMIT_DATA)[0] == memory_limit(settings)
connection = duckdb.connect(config={"threads": 1, "memory_limit": "64MB"})
try:
    connection.execute("select length(replace(repeat('a', 10000000), 'a', repeat('y', 1000)))").fetchall()
except duckdb.OutOfMemoryException:
    print("refused")
print(connection.execute("select 1").fetchone())
"""


def test_a_runaway_query_fails_and_the_next_one_does_not() -> None:
    ended = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, timeout=60, check=False)
    assert (ended.returncode, ended.stdout.split("\n")[:2]) == (0, ["refused", "(1,)"]), ended.stderr
