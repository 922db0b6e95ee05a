"""The tables of schedules and of what became of their moments."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, Integer, String, Table, Text

from nagare.records.schema import metadata

schedules = Table(
    "schedules",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("cron", String(128), nullable=False),
    Column("zone", String(64), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("arguments", JSON, nullable=False),
    Column("owner_id", String(64), nullable=False),
    Column("owner", String(253), nullable=False),
    Column("rights", JSON, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("missed", String(16), nullable=False),
    Column("missed_limit", Integer, nullable=False),
    Column("grace_seconds", Float, nullable=False),
    Column("overlap", String(16), nullable=False),
    Column("text", Text, nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    # Up to then every moment has been decided.
    Column("seen_ms", BigInteger, nullable=False),
    Column("revision", Integer, nullable=False),
    # Runs since the last entry of the audit log that told of one, and when that was.
    Column("untold_runs", Integer, nullable=False, server_default="0"),
    Column("told_ms", BigInteger, nullable=True),
)
# One row a moment, whichever server comes first: it is what keeps a run from being made twice.
runs = Table(
    "schedule_runs",
    metadata,
    Column("schedule", String(64), primary_key=True),
    Column("moment_ms", BigInteger, primary_key=True),
    Column("outcome", String(16), nullable=False),
    Column("task_id", String(32), nullable=False),
    Column("made_ms", BigInteger, nullable=False),
)
