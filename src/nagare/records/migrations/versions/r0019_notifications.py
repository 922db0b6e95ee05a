"""Incidents, deliveries of their notices, and every attempt."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Add the tables."""
    _add_incidents()
    _add_deliveries()
    op.create_table(
        "delivery_attempts",
        sa.Column("delivery_id", sa.String(80), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("took_ms", sa.BigInteger, nullable=False),
        sa.Column("fault", sa.Text, nullable=False),
        sa.Column("attributes", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("delivery_id", "number", name="pk_delivery_attempts"),
    )


def _add_incidents() -> None:
    op.create_table(
        "incidents",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("group_key", sa.String(64), nullable=False),
        sa.Column("is_open", sa.Boolean, nullable=False),
        sa.Column("route", sa.Text, nullable=False),
        sa.Column("labels", sa.JSON, nullable=False),
        sa.Column("began_ms", sa.BigInteger, nullable=False),
        sa.Column("look_ms", sa.BigInteger, nullable=True),
        sa.Column("told", sa.JSON, nullable=False),
        sa.Column("told_ms", sa.BigInteger, nullable=True),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("waiting_ms", sa.BigInteger, nullable=True),
        sa.Column("step", sa.Integer, nullable=False),
        sa.Column("told_to", sa.JSON, nullable=False),
        sa.Column("ended_ms", sa.BigInteger, nullable=True),
        sa.Column("severity", sa.Integer, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_incidents"),
    )
    for column in ("began_ms", "ended_ms"):
        op.create_index(f"ix_incidents_{column}", "incidents", [column])
    is_open = sa.text("is_open")
    op.create_index(
        "uq_incidents_open", "incidents", ["group_key"], unique=True, sqlite_where=is_open, postgresql_where=is_open
    )


def _add_deliveries() -> None:
    op.create_table(
        "deliveries",
        sa.Column("id", sa.String(80), nullable=False),
        sa.Column("incident", sa.String(32), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("channel", sa.String(200), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("receiver", sa.String(100), nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("severity", sa.Integer, nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("made_ms", sa.BigInteger, nullable=False),
        sa.Column("due_ms", sa.BigInteger, nullable=False),
        sa.Column("until_ms", sa.BigInteger, nullable=False),
        sa.Column("done_ms", sa.BigInteger, nullable=True),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("ref", sa.Text, nullable=False),
        sa.Column("fault", sa.Text, nullable=False),
        sa.Column("labels", sa.JSON, nullable=False),
        sa.Column("alertnames", sa.JSON, nullable=False),
        sa.Column("hosts", sa.JSON, nullable=False),
        sa.Column("firing", sa.Integer, nullable=False),
        sa.Column("resolved", sa.Integer, nullable=False),
        sa.Column("notice", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_deliveries"),
    )
    op.create_index("ix_deliveries_made_ms", "deliveries", ["made_ms"])
    op.create_index("ix_deliveries_incident", "deliveries", ["incident", "channel", "number"])
    is_waiting = sa.text("state = 'waiting'")
    op.create_index(
        "ix_deliveries_waiting",
        "deliveries",
        ["channel", "incident", "number"],
        sqlite_where=is_waiting,
        postgresql_where=is_waiting,
    )


def downgrade() -> None:
    """Remove them."""
    op.drop_table("delivery_attempts")
    for name in ("waiting", "incident", "made_ms"):
        op.drop_index(f"ix_deliveries_{name}", "deliveries")
    op.drop_table("deliveries")
    op.drop_index("uq_incidents_open", "incidents")
    for column in ("ended_ms", "began_ms"):
        op.drop_index(f"ix_incidents_{column}", "incidents")
    op.drop_table("incidents")
