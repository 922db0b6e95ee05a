"""The metric store: log, head, blocks and the SQL over them; the only room that knows DuckDB."""

import os

# DuckDB's allocator keeps the addresses of what it gave back to the system, which count against the limit of the
# process's memory for ever: after some hungry queries every other one failed. It reads this once, when DuckDB loads,
# and every module that loads it is below this one.
os.putenv("DUCKDB_JE_MALLOC_CONF", "retain:false")
