"""A metric store with two hosts, one of them in trouble: its file system fills, and a stranger writes into its events."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from nagare.diagnosis.evidence.asking import Asker
from nagare.diagnosis.evidence.ledger import Ledger
from nagare.diagnosis.evidence.seen import Ground
from nagare.diagnosis.evidence.tools import TOOLS
from nagare.diagnosis.evidence.window import Window
from nagare.diagnosis.gathering import Gathered, suspicious
from nagare.diagnosis.models.metered import Redact
from nagare.diagnosis.reasoning import Case
from nagare.diagnosis.redact import make_redactor
from nagare.diagnosis.rules.facts import Facts
from nagare.metrics.store import MetricStore
from nagare.model.diagnosis.diagnosis import Scope
from tests.support.metric_store import START_MS, make_batch, make_store

_STEP_MS = 15_000
_HALF_HOUR_MS = 1_800_000
HOST = "db1"
UNTIL_MS = START_MS
FROM_MS = UNTIL_MS - _HALF_HOUR_MS
# Tables that stand in the records, which this store has none of.
NOT_HERE = frozenset({"alerts", "commands", "gaps", "hosts"})


def _disk(moments: list[int], *, fills: bool) -> dict[str, Any]:
    begins = UNTIL_MS - _HALF_HOUR_MS // 2
    total = 100 * 2**30
    ratios = [
        0.5 if not fills or at < begins else min(0.98, 0.5 + (at - begins) / _HALF_HOUR_MS * 1.2) for at in moments
    ]
    return {
        "ts": moments,
        "mount": ["/var"] * len(moments),
        "device": ["sda1"] * len(moments),
        "fstype": ["ext4"] * len(moments),
        "used_ratio": ratios,
        "total_bytes": [total] * len(moments),
        "used_bytes": [int(total * ratio) for ratio in ratios],
        "available_bytes": [int(total * (1 - ratio)) for ratio in ratios],
    }


def _cpu(moments: list[int]) -> dict[str, Any]:
    return {"ts": moments, "core": ["all"] * len(moments), "busy_ratio": [0.2] * len(moments)}


@asynccontextmanager
async def troubled_store(folder: Path, events: Mapping[int, str]) -> AsyncIterator[MetricStore]:
    """Give a store; ``events`` are texts that stand in the events of the host, by seconds before the end."""
    moments = list(range(FROM_MS - _HALF_HOUR_MS, UNTIL_MS, _STEP_MS))
    async with make_store(folder) as store:
        for seq, host in enumerate((HOST, "web1"), 1):
            tables: dict[str, Any] = {"disk": _disk(moments, fills=host == HOST), "cpu": _cpu(moments)}
            if host == HOST and events:
                tables["events"] = _events(events)
            await store.append(make_batch(seq, tables, host=host))
        yield store


def _events(events: Mapping[int, str]) -> dict[str, Any]:
    return {
        "ts": [UNTIL_MS - seconds * 1000 for seconds in events],
        "id": [f"e{seconds}" for seconds in events],
        "kind": ["app.log"] * len(events),
        "severity": [2] * len(events),
        "source": ["app"] * len(events),
        "text": list(events.values()),
    }


async def case_of(store: MetricStore, *, question: str = "", host: str = "", redact: Redact | None = None) -> Case:
    """Return the case of that store as a diagnosis begins with it; of all tools, those that see the trouble have looked."""
    ground = Ground(Asker(store.query, NOT_HERE), Window(FROM_MS, UNTIL_MS), host)
    facts = Facts([one for name in ("disk", "space") for one in await TOOLS[name].look(ground)])
    gathered = Gathered(facts, [host] if host else suspicious(facts))
    return Case(Scope(host, question=question), ground, gathered, Ledger(redact or make_redactor(), 200))
