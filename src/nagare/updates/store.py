"""Published documents and rollouts in the records database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Connection,
    Float,
    Integer,
    Row,
    String,
    Table,
    Text,
    delete,
    insert,
    select,
    update,
)

from nagare.model.updates import ROOT, TARGETS, TIMESTAMP
from nagare.records.engine import Records
from nagare.records.schema import metadata
from nagare.updates.rules import Progress, Rollout, RolloutState, Step

# Rollouts that are kept with what became of each host; older ones are in the audit log.
KEPT_ROLLOUTS = 20

documents = Table(
    "update_documents",
    metadata,
    Column("role", String(16), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("text", Text, nullable=False),
    Column("published_ms", BigInteger, nullable=False),
)
rollouts = Table(
    "rollouts",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("version", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("canaries", JSON, nullable=False),
    Column("waves", JSON, nullable=False),
    Column("gate_seconds", Float, nullable=False),
    Column("patience_seconds", Float, nullable=False),
    Column("made_by", String(253), nullable=False),
    Column("started_ms", BigInteger, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Column("wave", Integer, nullable=False),
    Column("wave_ms", BigInteger, nullable=False),
    Column("settled_ms", BigInteger, nullable=True),
    Column("attempt", Integer, nullable=False),
    Column("reason", Text, nullable=False),
)
rollout_hosts = Table(
    "rollout_hosts",
    metadata,
    Column("rollout_id", String(32), primary_key=True),
    Column("host_id", String(32), primary_key=True),
    Column("host", String(253), nullable=False),
    Column("progress", String(16), nullable=False),
    Column("reason", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
)

Documents = dict[str, list[tuple[int, str]]]


class UpdateStore:
    """Reads and writes them."""

    def __init__(self, records: Records) -> None:
        """Keep the open records."""
        self._records = records

    async def load_documents(self) -> Documents:
        """Return version and text of every document by its role, the oldest first."""
        statement = select(documents).order_by(documents.c.role, documents.c.version)
        rows = await self._records.read(lambda connection: connection.execute(statement).all())
        found: Documents = {ROOT: [], TARGETS: [], TIMESTAMP: []}
        for row in rows:
            found[row.role].append((row.version, row.text))
        return found

    async def save_documents(self, changed: dict[str, list[tuple[int, str]]], now_ms: int) -> None:
        """Add roots, and replace the other documents, all or none."""

        def work(connection: Connection) -> None:
            for role, texts in changed.items():
                if role != ROOT and texts:
                    connection.execute(delete(documents).where(documents.c.role == role))
                for version, text in texts:
                    values = {"role": role, "version": version, "text": text, "published_ms": now_ms}
                    connection.execute(insert(documents).values(**values))

        await self._records.write(work)

    async def load_rollouts(self) -> list[Rollout]:
        """Return rollouts, the newest first."""
        statement = select(rollouts).order_by(rollouts.c.started_ms.desc(), rollouts.c.id)
        rows = await self._records.read(lambda connection: connection.execute(statement).all())
        return [_rollout(row) for row in rows]

    async def load_steps(self, rollout_id: str) -> dict[str, Step]:
        """Return how far each host is, by its id."""
        statement = select(rollout_hosts).where(rollout_hosts.c.rollout_id == rollout_id)
        rows = await self._records.read(lambda connection: connection.execute(statement).all())
        return {row.host_id: Step(row.host, Progress(row.progress), row.at_ms, row.reason) for row in rows}

    async def save_rollout(self, rollout: Rollout, *, forgets_failures: bool = False) -> None:
        """Store a rollout, new or changed; of old ones only the newest stay."""
        values = _values(rollout)

        def work(connection: Connection) -> None:
            changed = connection.execute(update(rollouts).where(rollouts.c.id == rollout.id).values(**values))
            if changed.rowcount == 0:
                connection.execute(insert(rollouts).values(**values))
                _forget_old(connection)
            if forgets_failures:
                connection.execute(
                    delete(rollout_hosts).where(
                        rollout_hosts.c.rollout_id == rollout.id, rollout_hosts.c.progress != Progress.INSTALLED.value
                    )
                )

        await self._records.write(work)

    async def save_step(self, rollout_id: str, host_id: str, step: Step) -> None:
        """Store how far a host is."""
        key = (rollout_hosts.c.rollout_id == rollout_id, rollout_hosts.c.host_id == host_id)
        values = {"host": step.host, "progress": step.progress.value, "reason": step.reason, "at_ms": step.at_ms}

        def work(connection: Connection) -> None:
            changed = connection.execute(update(rollout_hosts).where(*key).values(**values))
            if changed.rowcount == 0:
                connection.execute(insert(rollout_hosts).values(rollout_id=rollout_id, host_id=host_id, **values))

        await self._records.write(work)


def _forget_old(connection: Connection) -> None:
    newest = select(rollouts.c.id).order_by(rollouts.c.started_ms.desc()).limit(KEPT_ROLLOUTS)
    kept = [row.id for row in connection.execute(newest)]
    connection.execute(delete(rollouts).where(rollouts.c.id.not_in(kept)))
    connection.execute(delete(rollout_hosts).where(rollout_hosts.c.rollout_id.not_in(kept)))


def _values(rollout: Rollout) -> dict[str, Any]:
    values = {name: getattr(rollout, name) for name in rollouts.columns.keys()}  # noqa: SIM118  not a mapping
    return {**values, "state": rollout.state.value, "canaries": list(rollout.canaries), "waves": list(rollout.waves)}


def _rollout(row: Row[Any]) -> Rollout:
    values = dict(row._mapping)  # noqa: SLF001  the library's name for it
    return Rollout(
        **{
            **values,
            "state": RolloutState(row.state),
            "canaries": tuple(row.canaries),
            "waves": tuple(row.waves),
        }
    )
