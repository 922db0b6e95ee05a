"""A metric store with a history that a test makes up, and the room of diagnoses over it."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from nagare.config.diagnosis import DiagnosisSettings
from nagare.config.places import Places
from nagare.diagnosis.evidence.asking import Asker
from nagare.diagnosis.evidence.window import Window
from nagare.diagnosis.question import Question
from nagare.diagnosis.service import Diagnoses
from nagare.lib.clock import ManualClock
from nagare.metrics.store import MetricStore
from nagare.model.diagnosis.diagnosis import Scope
from nagare.records.engine import Records
from nagare.wire.diagnosis import DiagnosisView
from tests.support.metric_store import START_MS, make_batch, make_store
from tests.support.migrated import place_records

STEP_MS = 5_000
HOUR_MS = 3_600_000
# What a machine without trouble says, by table and column; a list has a value for each of the last samples.
SOUND: Mapping[str, Mapping[str, Any]] = {
    "cpu": {"core": "all", "busy_ratio": 0.2, "iowait_ratio": 0.01, "steal_ratio": 0.0, "pressure_some_ratio": 0.02},
    "load": {"load1": 0.5, "cores": 4, "blocked": 0, "clock_offset_seconds": 0.001, "uptime_seconds": None},
    "memory": {"total_bytes": 16 * 2**30, "used_ratio": 0.4, "pressure_full_ratio": 0.0, "oom_kills_total": 0},
    "disk": {"mount": "/", "used_ratio": 0.5, "available_bytes": 50 * 2**30, "inodes_used_ratio": 0.1, "read_only": False},
    "disk_io": {"device": "sda", "read_await_seconds": 0.002, "write_await_seconds": 0.003, "utilization_ratio": 0.1},
    "network": {"interface": "eth0", "errors_per_second": 0.0, "drops_per_second": 0.0},
}  # fmt: skip
Changes = Mapping[str, Mapping[str, Any]]


def history(changes: Changes, *, steps: int = 1440, end_ms: int = START_MS) -> dict[str, dict[str, list[Any]]]:
    """Return the tables of one host: SOUND but for ``changes``, of which a list stands for the last samples."""
    times = [end_ms - (steps - place) * STEP_MS for place in range(steps)]
    tables: dict[str, dict[str, list[Any]]] = {}
    for table in {*SOUND, *changes}:
        columns = {**SOUND.get(table, {}), **changes.get(table, {})}
        tables[table] = {"ts": times} | {name: _cells(name, told, times) for name, told in columns.items()}
        before = SOUND.get(table, {})
        for name, told in columns.items():
            if isinstance(told, list):
                usual = before.get(name, told[0])
                tables[table][name] = [usual] * (steps - len(told)) + told
    return tables


def _cells(name: str, told: Any, times: Sequence[int]) -> list[Any]:
    if name == "uptime_seconds" and told is None:
        # Up for thirty days at the end.
        return [30 * 86400.0 - (times[-1] - at) / 1000 for at in times]
    return [told] * len(times)


@dataclass
class Clinic:
    """The room, its store and its clock, which stands still at the end of every history."""

    store: MetricStore
    diagnoses: Diagnoses
    clock: ManualClock
    records: Records
    alerts: dict[str, tuple[str, int]] = field(default_factory=dict)

    async def tell(self, host: str = "web1", changes: Changes | None = None, **more: Any) -> None:
        """Store a history."""
        await self.store.append(make_batch(1, history(changes or {}, **more), host=host, boot=f"boot-{host}"))

    def asker(self, hosts: frozenset[str] | None = None, hidden: frozenset[str] = frozenset()) -> Asker:
        """What asks with so much sight; of records there are no tables here."""
        return _asker(self.store, hosts, hidden)

    async def diagnose(
        self, host: str = "", *, asker: Asker | None = None, seconds: float = 3600.0, **more: Any
    ) -> DiagnosisView:
        """Ask what is wrong; ``more`` is of the question."""
        now_ms = self.clock.now_ms()
        window = Window(now_ms - round(seconds * 1000), now_ms)
        return await self.diagnoses.diagnose(Question(Scope(host), window, asker or self.asker(), "dora", **more))


@dataclass(frozen=True)
class _Told:
    """What the room is told by a server that has only a store and alerts that a test made up."""

    store: MetricStore
    alerts: Mapping[str, tuple[str, int]]

    def own_sight(self) -> Asker:
        return _asker(self.store, None, frozenset())

    async def alert_of(self, alert_id: str) -> tuple[str, int]:
        return self.alerts[alert_id]


def _asker(store: MetricStore, hosts: frozenset[str] | None, hidden: frozenset[str]) -> Asker:
    hidden |= {"alerts", "audit", "commands", "gaps", "hosts"} - {table.name for table in store.describe()}
    return Asker(partial(store.query, hosts=hosts, hidden=hidden), hidden)


@asynccontextmanager
async def clinic(folder: Path, **settings: Any) -> AsyncIterator[Clinic]:
    """Open a clinic in ``folder``; settings of ``[diagnosis]`` are given by their names."""
    clock = ManualClock(START_MS)
    path = Places(folder).records
    await asyncio.to_thread(place_records, path)
    async with make_store(folder, clock=clock) as store, Records(path) as records:
        known: dict[str, tuple[str, int]] = {}
        told = _Told(store, known)
        async with Diagnoses(records, DiagnosisSettings(**settings), told, clock) as diagnoses:
            yield Clinic(store, diagnoses, clock, records, known)
