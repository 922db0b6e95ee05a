"""The table of heartbeats in the records database."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, String, Table, Text

from nagare.records.schema import metadata

# What came last of each heartbeat that is defined; ``seen_ms`` is null before the first one.
heartbeats = Table(
    "heartbeats",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("known_ms", BigInteger, nullable=False),
    Column("seen_ms", BigInteger, nullable=True),
    Column("is_failed", Boolean, nullable=False),
    Column("said", Text, nullable=False),
    Column("took_seconds", Float, nullable=True),
    Column("sender", String(253), nullable=False),
)
