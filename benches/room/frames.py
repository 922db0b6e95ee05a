"""What a host of eight cores sends, made once: a pool of values that all hosts share, each at its own place in it."""

import random
from typing import Any

from benches.ingest_bench import make_columns

# Rows of each table, as a real agent's frames have them.
SHAPE = {"cpu": 9, "load": 1, "memory": 1, "disk": 2, "disk_io": 2, "network": 2, "agent": 1}
# The keys by which rows are told apart, and values that decide how a host is judged.
_FIXED: dict[str, dict[str, list[Any]]] = {
    "cpu": {"core": ["all", *map(str, range(8))]},
    "load": {"cores": [8]},
    "memory": {"pressure_full_ratio": [0.0]},
    "disk": {"mount": ["/", "/var"], "inodes_used_ratio": [0.1, 0.1], "read_only": [False, False]},
    "disk_io": {"device": ["sda", "sdb"]},
    "network": {"interface": ["lo", "eth0"], "primary": [False, True]},
    "agent": {"collector": ["agent"], "ok": [True], "error": [None]},
}
_POOL = 32
Tables = dict[str, dict[str, list[Any]]]


def _made(number: int) -> Tables:
    chance = random.Random(number)
    tables = {name: make_columns(name, rows, chance) | _FIXED[name] for name, rows in SHAPE.items()}
    for table, column in (("memory", "used_ratio"), ("disk", "used_ratio")):
        # Near full is rare, as in life: one value in a hundred is to be looked at.
        tables[table][column] = [0.2 + 0.705 * value for value in tables[table][column]]
    return tables


_VALUES = [_made(number) for number in range(_POOL)]


def tables_at(host: int, tick: int, ts_ms: int) -> Tables:
    """Return what that host sends at that tick."""
    held = _VALUES[(host * 7 + tick * 5) % _POOL]
    return {name: {"ts": [ts_ms] * SHAPE[name], **columns} for name, columns in held.items()}


def history(host: int, start_ms: int, end_ms: int, step_ms: int) -> Tables:
    """Return all that the host sent between two moments, as one batch: what charts and sparklines need of it."""
    moments = range(start_ms, end_ms, step_ms)
    tables: Tables = {}
    for tick, ts_ms in enumerate(moments):
        for name, columns in tables_at(host, tick, ts_ms).items():
            # Without single cores: a day of them is much, and no chart shows them.
            rows = slice(0, 1) if name == "cpu" else slice(None)
            if name != "agent":
                kept = tables.setdefault(name, {column: [] for column in columns})
                for column, cells in columns.items():
                    kept[column] += cells[rows]
    return tables
