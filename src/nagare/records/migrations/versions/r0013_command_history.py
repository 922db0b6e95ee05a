"""Where to find jobs of commands that are in blocks by now."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0011"


def upgrade() -> None:
    """Make the table; nothing was moved yet."""
    op.create_table(
        "command_history",
        sa.Column("job_id", sa.String(32), nullable=False),
        sa.Column("made_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("job_id", name="pk_command_history"),
    )


def downgrade() -> None:
    """Remove it; the blocks stay."""
    op.drop_table("command_history")
