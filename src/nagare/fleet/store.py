"""Hosts in the records database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Connection,
    Float,
    Row,
    String,
    Table,
    bindparam,
    delete,
    insert,
    select,
    update,
)

from nagare.model.host import Contest, Enrolment, Host
from nagare.records.engine import Records
from nagare.records.schema import metadata

hosts = Table(
    "hosts",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(253), nullable=False, unique=True),
    Column("machine_id", String(128), nullable=False),
    Column("registered_ms", BigInteger, nullable=False),
    Column("last_seen_ms", BigInteger, nullable=True),
    Column("interval_seconds", Float, nullable=False),
    Column("version", String(64), nullable=False),
    Column("labels", JSON, nullable=False),
    # What the agent told last: what it changes since is told apart from what an operator changed.
    Column("agent_labels", JSON, nullable=False),
    Column("facts", JSON, nullable=False),
    Column("public_key", String(64), nullable=True),
    # When it was announced to be down; null while it is not. Durable, so that a restart announces nothing twice.
    Column("down_ms", BigInteger, nullable=True),
    Column("enrolment", String(16), nullable=False, server_default="active"),
    Column("capabilities", JSON, nullable=False, server_default='["metrics"]'),
    Column("conflict", JSON(none_as_null=True), nullable=True),
)


@dataclass(frozen=True, slots=True)
class StoredHost:
    """A host and what liveness keeps of it."""

    host: Host
    last_seen_ms: int | None
    down_ms: int | None


class HostStore:
    """Reads and writes hosts."""

    def __init__(self, records: Records) -> None:
        """Keep the open records."""
        self._records = records

    async def load(self) -> list[StoredHost]:
        """Return every host."""
        rows = await self._records.read(lambda connection: connection.execute(select(hosts)).all())
        return [_stored(row) for row in rows]

    async def save(self, host: Host) -> None:
        """Store ``host``, new or changed; its liveness stays as it is."""
        values = _values(host)

        def work(connection: Connection) -> None:
            changed = connection.execute(update(hosts).where(hosts.c.id == host.id).values(**values))
            if changed.rowcount == 0:
                connection.execute(insert(hosts).values(**values))

        await self._records.write(work)

    async def remove(self, host_id: str) -> None:
        """Forget the host of that id."""
        statement = delete(hosts).where(hosts.c.id == host_id)
        await self._records.write(lambda connection: connection.execute(statement))

    async def save_last_seen(self, seen_ms: Mapping[str, int]) -> None:
        """Keep when hosts were last heard of: id -> Unix milliseconds."""
        statement = update(hosts).where(hosts.c.id == bindparam("host")).values(last_seen_ms=bindparam("seen"))
        rows = [{"host": id_, "seen": seen} for id_, seen in seen_ms.items()]
        await self._records.write(lambda connection: connection.execute(statement, rows))

    async def save_down(self, host_id: str, down_ms: int | None) -> None:
        """Keep that the host was announced to be down since ``down_ms``, or (None) that it is not."""
        statement = update(hosts).where(hosts.c.id == host_id).values(down_ms=down_ms)
        await self._records.write(lambda connection: connection.execute(statement))


def _values(host: Host) -> dict[str, Any]:
    return {
        "id": host.id,
        "name": host.name,
        "machine_id": host.machine_id,
        "registered_ms": round(host.registered_at.timestamp() * 1000),
        "interval_seconds": host.interval_seconds,
        "version": host.version,
        "labels": dict(host.labels),
        "agent_labels": dict(host.agent_labels),
        "facts": dict(host.facts),
        "public_key": host.public_key,
        "enrolment": host.enrolment.value,
        "capabilities": sorted(host.capabilities),
        "conflict": None if host.conflict is None else asdict(host.conflict),
    }


def _stored(row: Row[Any]) -> StoredHost:
    host = Host(
        id=row.id,
        name=row.name,
        machine_id=row.machine_id,
        registered_at=from_ms(row.registered_ms),
        last_seen_at=None if row.last_seen_ms is None else from_ms(row.last_seen_ms),
        interval_seconds=row.interval_seconds,
        version=row.version,
        labels=row.labels,
        agent_labels=row.agent_labels,
        facts=row.facts,
        public_key=row.public_key,
        enrolment=Enrolment(row.enrolment),
        capabilities=frozenset(row.capabilities),
        conflict=None if row.conflict is None else Contest(**row.conflict),
    )
    return StoredHost(host, row.last_seen_ms, row.down_ms)


def from_ms(stamp_ms: int) -> datetime:
    """Return Unix milliseconds as aware UTC."""
    return datetime.fromtimestamp(stamp_ms / 1000, UTC)
