"""Rules of alerts that came by the API."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "kept_rules",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("definition", sa.JSON, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("made_ms", sa.BigInteger, nullable=False),
        sa.Column("changed_ms", sa.BigInteger, nullable=False),
        sa.Column("changed_by_id", sa.String(64), nullable=False),
        sa.Column("changed_by", sa.String(253), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_kept_rules"),
    )


def downgrade() -> None:
    """Remove it."""
    op.drop_table("kept_rules")
