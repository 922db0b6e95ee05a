"""The server about itself: health, status, and the note it leaves in ``run/``."""

from __future__ import annotations

import msgspec


class Health(msgspec.Struct, frozen=True):
    """``status`` is ok, degraded or starting; ``checks`` says which part is not well and why."""

    status: str
    version: str
    checks: dict[str, str] = {}


class ServerNote(msgspec.Struct, frozen=True):
    """``run/server.json``: where the live server of this installation is. ``ca`` is a path, empty without TLS.

    ``pin`` (SHA-256 of the public key) stands in for it where the certificate is the user's own.
    """

    url: str
    pid: int
    ca: str = ""
    version: str = ""
    started_at: str = ""
    pin: str = ""


class BucketStatus(msgspec.Struct, frozen=True):
    """The bucket in numbers: what waits to be sent, what was moved, and why the last round failed (empty: it did not)."""

    name: str = ""
    objects: int = 0
    pending_blocks: int = 0
    pending_bytes: int = 0
    uploaded_bytes_total: int = 0
    fetched_bytes_total: int = 0
    fetched_blocks_total: int = 0
    evicted_blocks_total: int = 0
    removed_blocks_total: int = 0
    failures_total: int = 0
    fault: str = ""


class StoreStatus(msgspec.Struct, frozen=True):
    """The metric store in numbers; bytes and rows as they stand.

    ``unverified_bytes`` are of blocks that this process has not compared with their checksums yet. Blocks are those of
    raw rows, rollup blocks are counted apart; ``rollup_lag_seconds`` is how long ago the oldest hour ended that is in no
    rollup as it stands.
    """

    log_bytes: int = 0
    head_rows: int = 0
    block_count: int = 0
    block_bytes: int = 0
    rows_total: int = 0
    batches_total: int = 0
    duplicates_total: int = 0
    refused_rows_total: int = 0
    queries_total: int = 0
    query_failures_total: int = 0
    disk_free_bytes: int = 0
    is_writable: bool = True
    oldest_ms: int | None = None
    newest_ms: int | None = None
    damages: list[str] = []
    scrubbed_bytes_total: int = 0
    quarantined_total: int = 0
    unverified_bytes: int = 0
    rollup_blocks: int = 0
    rollup_block_bytes: int = 0
    rollup_lag_seconds: float = 0.0
    rollup_failures_total: int = 0
    head_samples: int = 0
    samples_total: int = 0
    series: int = 0
    bucket: BucketStatus | None = None


class ConsumerLag(msgspec.Struct, frozen=True):
    """How far a reader of a stream is behind: messages never delivered to it, and those out that nobody acked yet."""

    stream: str
    consumer: str
    waiting: int
    unacked: int


class BusStatus(msgspec.Struct, frozen=True):
    """The bus: ``kind`` is embedded or jetstream; ``fault`` is empty while it answers.

    ``dead_letters_total`` counts messages that this process gave up on.
    """

    kind: str
    place: str
    consumers: list[ConsumerLag] = []
    dead_letters_total: int = 0
    fault: str = ""


class Status(msgspec.Struct, frozen=True):
    """``GET /api/v1/status``."""

    version: str
    pid: int
    started_at: str
    uptime_seconds: float
    listen: str
    data: str
    hosts: dict[str, int]
    store: StoreStatus
    connections: int = 0
    frames_dropped_total: int = 0
    cpu_seconds_total: float = 0.0
    memory_bytes: int = 0
    # HOST:PORT where StatsD lines are taken, empty when they are not.
    statsd: str = ""
    bus: BusStatus | None = None


class Greeting(msgspec.Struct, frozen=True):
    """``GET /`` without credentials: what this is and where to look; nothing secret."""

    name: str
    version: str
    text: str
    links: dict[str, str]


class MetricValue(msgspec.Struct, frozen=True):
    """One number about the server; ``kind`` is gauge or counter, names carry units."""

    name: str
    kind: str
    text: str
    value: float
    labels: dict[str, str] = {}


class SystemMetrics(msgspec.Struct, frozen=True):
    """``GET /api/v1/system/metrics``: what ``/metrics`` says, as JSON."""

    metrics: list[MetricValue]
