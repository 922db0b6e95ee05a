"""Alerts, their turns, silences, and who judges rules."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "alerts",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("source", sa.String(64), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("is_open", sa.Boolean, nullable=False),
        sa.Column("rule", sa.String(80), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("severity", sa.Integer, nullable=False),
        sa.Column("host", sa.String(253), nullable=False),
        sa.Column("labels", sa.JSON, nullable=False),
        sa.Column("annotations", sa.JSON, nullable=False),
        sa.Column("value", sa.Float, nullable=True),
        sa.Column("starts_ms", sa.BigInteger, nullable=False),
        sa.Column("held_ms", sa.BigInteger, nullable=False),
        sa.Column("changed_ms", sa.BigInteger, nullable=False),
        sa.Column("fired_ms", sa.BigInteger, nullable=True),
        sa.Column("ended_ms", sa.BigInteger, nullable=True),
        sa.Column("again_ms", sa.BigInteger, nullable=True),
        sa.Column("ended_by", sa.String(253), nullable=False),
        sa.Column("believed_ms", sa.BigInteger, nullable=True),
        sa.Column("comes", sa.JSON, nullable=False),
        sa.Column("owner", sa.String(253), nullable=False),
        sa.Column("is_stale", sa.Boolean, nullable=False),
        sa.Column("shape", sa.String(16), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_alerts"),
    )
    for column in ("host", "changed_ms"):
        op.create_index(f"ix_alerts_{column}", "alerts", [column])
    is_open = sa.text("is_open")
    op.create_index(
        "uq_alerts_open",
        "alerts",
        ["source", "fingerprint"],
        unique=True,
        sqlite_where=is_open,
        postgresql_where=is_open,
    )
    op.create_table(
        "alert_turns",
        sa.Column("alert_id", sa.String(32), nullable=False),
        sa.Column("seq", sa.Integer, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("before", sa.String(16), nullable=False),
        sa.Column("after", sa.String(16), nullable=False),
        sa.Column("actor", sa.String(253), nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.Column("attributes", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("alert_id", "seq", name="pk_alert_turns"),
    )
    op.create_index("ix_alert_turns_at_ms", "alert_turns", ["at_ms"])
    op.create_table(
        "silences",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("matchers", sa.JSON, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("owner_id", sa.String(64), nullable=False),
        sa.Column("owner", sa.String(253), nullable=False),
        sa.Column("made_ms", sa.BigInteger, nullable=False),
        sa.Column("starts_ms", sa.BigInteger, nullable=False),
        sa.Column("until_ms", sa.BigInteger, nullable=False),
        sa.Column("idle_seconds", sa.Float, nullable=True),
        sa.Column("matched_ms", sa.BigInteger, nullable=False),
        sa.Column("ended_by", sa.String(253), nullable=False),
        sa.Column("cause", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_silences"),
    )
    op.create_index("ix_silences_until_ms", "silences", ["until_ms"])
    op.create_table(
        "alert_judges",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("runner", sa.String(64), nullable=False),
        sa.Column("lease_ms", sa.BigInteger, nullable=False),
        sa.Column("term", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_alert_judges"),
    )


def downgrade() -> None:
    """Remove them."""
    op.drop_table("alert_judges")
    op.drop_index("ix_silences_until_ms", "silences")
    op.drop_table("silences")
    op.drop_index("ix_alert_turns_at_ms", "alert_turns")
    op.drop_table("alert_turns")
    op.drop_index("uq_alerts_open", "alerts")
    for column in ("changed_ms", "host"):
        op.drop_index(f"ix_alerts_{column}", "alerts")
    op.drop_table("alerts")
