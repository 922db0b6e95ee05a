"""The table of tasks in the records database."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Float, Integer, String, Table, Text, UniqueConstraint

from nagare.records.schema import metadata

tasks = Table(
    "tasks",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("kind", String(64), nullable=False),
    Column("arguments", JSON, nullable=False),
    Column("owner_id", String(64), nullable=False),
    Column("owner", String(253), nullable=False),
    Column("rights", JSON, nullable=False),
    # Of the owner, for a repeat that is no second task; null where none was given.
    Column("key", String(200), nullable=True),
    Column("state", String(16), nullable=False, index=True),
    Column("reason", String(32), nullable=False),
    Column("text", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("made_ms", BigInteger, nullable=False, index=True),
    Column("due_ms", BigInteger, nullable=False),
    # When it was last said on the bus that it waits.
    Column("told_ms", BigInteger, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Column("started_ms", BigInteger, nullable=True),
    Column("ended_ms", BigInteger, nullable=True),
    Column("progress_ratio", Float, nullable=True),
    Column("progress_text", Text, nullable=False),
    Column("result", JSON, nullable=True),
    Column("runner", String(64), nullable=False),
    Column("lease_ms", BigInteger, nullable=True),
    Column("cancelled_by", String(253), nullable=False),
    Column("schedule", String(64), nullable=False, index=True),
    Column("moment_ms", BigInteger, nullable=True),
    UniqueConstraint("owner_id", "key", name="uq_tasks_owner_id_key"),
)
