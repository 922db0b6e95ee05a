"""The table of what was said to models, in the records database."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Float, Index, Integer, String, Table, Text

from nagare.records.schema import metadata

exchanges = Table(
    "model_exchanges",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("diagnosis_id", String(32), nullable=False),
    Column("asked_by", String(253), nullable=False),
    Column("asker", String(64), nullable=False),
    Column("model", String(200), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("prompt", Text, nullable=False),
    Column("answer", Text, nullable=False),
    Column("prompt_tokens", Integer, nullable=False),
    Column("answer_tokens", Integer, nullable=False),
    Column("is_estimate", Boolean, nullable=False),
    Column("cost", Float, nullable=False),
    Column("seconds", Float, nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("why", Text, nullable=False),
    # What was made of the answers of its diagnosis, once that is done.
    Column("verdict", Text, nullable=False),
    Index("ix_model_exchanges_at_ms_id", "at_ms", "id"),
    Index("ix_model_exchanges_diagnosis_id", "diagnosis_id"),
)
