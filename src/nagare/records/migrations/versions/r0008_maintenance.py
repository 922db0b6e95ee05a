"""Maintenance windows, and notes on hosts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "maintenance_windows",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("selector", sa.JSON, nullable=False),
        sa.Column("from_ms", sa.BigInteger, nullable=False),
        sa.Column("until_ms", sa.BigInteger, nullable=True),
        sa.Column("recurrence", sa.JSON, nullable=True),
        sa.Column("why", sa.String(200), nullable=False),
        sa.Column("made_by", sa.String(253), nullable=False),
        sa.Column("made_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_maintenance_windows"),
    )
    op.create_table(
        "host_notes",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("host_id", sa.String(32), nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("author", sa.String(253), nullable=False),
        sa.Column("text", sa.String(1000), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_host_notes"),
    )
    op.create_index("ix_host_notes_host_id", "host_notes", ["host_id"])


def downgrade() -> None:
    """Remove them."""
    op.drop_index("ix_host_notes_host_id", "host_notes")
    op.drop_table("host_notes")
    op.drop_table("maintenance_windows")
