"""What is written back to systems that told of alerts."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "write_backs",
        sa.Column("id", sa.String(48), nullable=False),
        sa.Column("source", sa.String(64), nullable=False),
        sa.Column("event", sa.String(64), nullable=False),
        sa.Column("verb", sa.String(16), nullable=False),
        sa.Column("actor", sa.String(253), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("made_ms", sa.BigInteger, nullable=False),
        sa.Column("due_ms", sa.BigInteger, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("fault", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_write_backs"),
    )
    op.create_index("ix_write_backs_state_made_ms", "write_backs", ["state", "made_ms"])


def downgrade() -> None:
    """Remove it."""
    op.drop_index("ix_write_backs_state_made_ms", "write_backs")
    op.drop_table("write_backs")
