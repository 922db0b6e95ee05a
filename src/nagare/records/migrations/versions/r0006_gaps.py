"""Gaps: time of a host for which nothing came in time."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "timelines",
        sa.Column("host_id", sa.String(32), nullable=False),
        sa.Column("first", sa.JSON, nullable=False),
        sa.Column("last", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("host_id", name="pk_timelines"),
    )
    op.create_table(
        "gaps",
        sa.Column("host_id", sa.String(32), nullable=False),
        sa.Column("from_ms", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("until_ms", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("ends", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("host_id", "from_ms", name="pk_gaps"),
    )


def downgrade() -> None:
    """Remove them."""
    op.drop_table("gaps")
    op.drop_table("timelines")
