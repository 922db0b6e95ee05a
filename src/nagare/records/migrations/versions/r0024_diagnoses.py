"""Diagnoses: what was found, with its evidence."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "diagnoses",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("asked_ms", sa.BigInteger, nullable=False),
        sa.Column("asked_by", sa.String(253), nullable=False),
        sa.Column("host", sa.String(253), nullable=False),
        sa.Column("alert_id", sa.String(64), nullable=False),
        sa.Column("severity", sa.Integer, nullable=True),
        sa.Column("hosts", sa.JSON, nullable=False),
        sa.Column("tables", sa.JSON, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_diagnoses"),
    )
    op.create_index("ix_diagnoses_asked_ms_id", "diagnoses", ["asked_ms", "id"])
    op.create_index("ix_diagnoses_alert_id", "diagnoses", ["alert_id"])


def downgrade() -> None:
    """Remove it."""
    op.drop_index("ix_diagnoses_alert_id", "diagnoses")
    op.drop_index("ix_diagnoses_asked_ms_id", "diagnoses")
    op.drop_table("diagnoses")
