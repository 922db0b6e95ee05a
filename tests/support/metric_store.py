"""Batches and stores for the tests of the metric store."""

from pathlib import Path
from typing import Any

from nagare.config.places import Places
from nagare.config.settings import BucketSettings, QuerySettings, StorageSettings
from nagare.lib.clock import Clock, ManualClock
from nagare.metrics.observe import Observer
from nagare.metrics.store import MetricStore
from nagare.wire.batch import Batch
from nagare.wire.sql import SqlRequest

START_MS = 1_760_000_000_000
BOOT = "0b7f6c1e-0000-4000-8000-000000000001"


def make_store(
    folder: Path,
    *,
    clock: Clock | None = None,
    observer: Observer | None = None,
    bucket: BucketSettings | None = None,
    **settings: Any,
) -> MetricStore:
    """Return a store in ``folder``; settings of storage and query are given by their names."""
    query = {name: value for name, value in settings.items() if name in QuerySettings.__dataclass_fields__}
    storage = {name: value for name, value in settings.items() if name not in query}
    return MetricStore(
        Places(folder),
        StorageSettings(**storage),
        QuerySettings(**query),
        clock=clock or ManualClock(START_MS),
        observer=observer,
        bucket=bucket,
    )


def make_batch(seq: int, tables: dict[str, Any] | None = None, /, **fields: Any) -> Batch:
    """Return a batch; without ``tables`` one row of ``load`` whose values tell the seq."""
    rows = tables if tables is not None else {"load": {"ts": [START_MS + seq], "load1": [float(seq)], "cores": [seq]}}
    given: dict[str, Any] = {"v": 1, "host": "web1", "boot": BOOT, "seq": seq, "tables": rows} | fields
    return Batch(**given)


def files(folder: Path, pattern: str) -> list[Path]:
    """Return what matches ``pattern`` below ``folder``, in order."""
    return sorted(folder.glob(pattern))


async def rows(store: Any, sql: str, **fields: Any) -> list[list[Any]]:
    """Return the rows of ``sql``."""
    reply = await store.query(SqlRequest(sql, **fields))
    found: list[list[Any]] = reply.rows
    return found
