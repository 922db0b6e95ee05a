"""Alerts: what judging 10,000 series under rules every 15 seconds costs, statements and records included.

Processor time of one process, all its threads: real metrics, real records, one round as the server makes it.
"""

import asyncio
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from benches.report import Row, Section
from nagare.alerting.notify.room import Ways
from nagare.alerting.service import Alerts
from nagare.config.settings import AlertSettings
from nagare.lib.clock import ManualClock
from nagare.metrics.store import MetricStore
from nagare.model.event import Event
from nagare.records.engine import Records
from nagare.wire.sql import SqlReply, SqlRequest
from tests.support.metric_store import make_batch, make_store
from tests.support.notify_room import Recorder, no_link

HOSTS, MOUNTS = 100, 10
RULES = 10
EVERY_SECONDS = 15.0
ROUNDS = 3
# The first round of each opens or ends alerts, which happens once.
_SHARES = (("none fires", 0.0), ("one in a hundred fires", 0.01), ("all fire", 1.0))


class _Beside:
    """The store of metrics, and nobody who listens."""

    def __init__(self, store: MetricStore) -> None:
        self.store = store

    async def ask(self, request: SqlRequest) -> SqlReply:
        return await self.store.query(request, hosts=None)

    async def event_happened(self, event: Event) -> None:
        pass

    def maintenance_of(self, host: str) -> str:
        return "" if host else "nowhere"

    def labels_of(self, host: str) -> Mapping[str, str]:
        return {"rack": host[-1:]}


def _rules() -> str:
    # The comment makes each statement one of its own, so that none shares the answer of another.
    return "\n".join(
        f"""
[[rule]]
name = "Full{number}"
sql = "SELECT host, mount, arg_max(used_ratio, ts) AS value FROM disk WHERE used_ratio > -{number} GROUP BY host, mount"
every = "15s"
window = "1m"
fires = "> 0.9"
resolves = "< 0.8"
severity = "high"
annotations.summary = "{{{{ host }}}}: {{{{ mount }}}} is {{{{ value | percent }}}} full"
"""
        for number in range(RULES)
    )


async def _measure(store: MetricStore, clock: ManualClock, seq: int, share: float) -> None:
    for host in range(HOSTS):
        ratio = 0.95 if host < HOSTS * share else 0.5
        mounts = [f"/srv/{number}" for number in range(MOUNTS)]
        rows = {"disk": {"ts": [clock.now_ms()] * MOUNTS, "mount": mounts, "used_ratio": [ratio] * MOUNTS}}
        await store.append(make_batch(seq, rows, host=f"host{host}", boot=f"boot-{host}"))


async def _run(folder: Path) -> list[Row]:
    clock = ManualClock()
    (folder / "rules").mkdir()
    (folder / "rules" / "bench.toml").write_text(_rules())
    rows = []
    async with (
        make_store(folder / "metrics", clock=clock) as store,
        Records(folder / "records.db") as records,
        Alerts(
            records,
            AlertSettings(rules=folder / "rules", shipped=False),
            _Beside(store),
            clock,
            Ways(Recorder(), no_link),
        ) as alerts,
    ):
        seq = 0
        for name, share in _SHARES:
            costs, asked = [], []
            for _ in range(ROUNDS):
                seq += 1
                await clock.advance(EVERY_SECONDS)
                await _measure(store, clock, seq, share)
                cpu = time.process_time()
                await alerts.judge.turn()
                costs.append(time.process_time() - cpu)
                cpu = time.process_time()
                for rule in alerts.book.rules.values():
                    await store.query(
                        SqlRequest(rule.sql, limit=HOSTS * MOUNTS, since_ms=clock.now_ms() - 60_000), hosts=None
                    )
                asked.append(time.process_time() - cpu)
            # The mean: every second round writes what was measured.
            cost, bare = (sum(found[1:]) / (ROUNDS - 1) / EVERY_SECONDS * 100 for found in (costs, asked))
            what = f"{HOSTS * MOUNTS * RULES} series under {RULES} rules every {EVERY_SECONDS:g} s, {name}"
            rows.append(Row(what, cost, "% of a core", bare, "the statements alone", promise=20.0))
    return rows


def run() -> Section:
    """Measure all three."""
    with tempfile.TemporaryDirectory() as folder:
        rows = asyncio.run(_run(Path(folder)))
    return Section(
        "Alerts",
        "Processor time of a round, from the second one on; the statements are asked once more by themselves.",
        rows,
    )
