"""Records a fault: a real server, a real agent, a quiet time, the fault, and then the host's history cut out."""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path

from benches.diagnosis.box import Box, box, wait
from benches.diagnosis.injections import Injection
from benches.diagnosis.recording import Recording, Tables, cut, scrubbed

HOST = "web1"
_TABLES = ("cpu", "load", "memory", "disk", "disk_io", "network", "process", "probe", "unit", "agent")
# The agent's own cadence, as it is without settings.
INTERVAL_SECONDS = 5.0


def record(injection: Injection, seed: int, quiet_seconds: float, fault_seconds: float, how: str) -> Recording:
    """Let the fault happen on this machine, and return what its agent told of it."""
    chance = random.Random(seed)
    with (
        tempfile.TemporaryDirectory(prefix="machine-", ignore_cleanup_errors=True) as folder,
        box(Path(folder), HOST, INTERVAL_SECONDS) as made,
    ):
        injection.before(made, chance)
        wait(quiet_seconds)
        onset_ms = _now_ms()
        injection.act(made, chance)
        wait(fault_seconds)
        end_ms = _now_ms()
        tables = _history(made)
    told = f"{how}; its agent looked every {INTERVAL_SECONDS:g} s; {quiet_seconds:g} s quiet, {fault_seconds:g} s of it"
    return Recording(injection.name, injection.causes, seed, onset_ms, end_ms, told, tables)


def _history(made: Box) -> Tables:
    tables: Tables = {}
    for name in _TABLES:
        names, rows = made.rows(
            f"SELECT * EXCLUDE (host, ts), epoch_ms(ts) AS ts FROM {name} WHERE host = '{HOST}' ORDER BY ts"
        )
        if rows:
            tables[name] = scrubbed(name, cut(names, rows), {"/": "/", str(made.data): "/srv/data"})
    return tables


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
