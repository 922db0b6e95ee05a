"""Gaps: the spans that an agent told of as given up."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    """Add the column; nothing is known of what was told before."""
    op.add_column("timelines", sa.Column("given_up", sa.JSON, nullable=False, server_default="[]"))


def downgrade() -> None:
    """Remove it, and the hosts of which nothing else is known: an older version reads a moment of each."""
    op.execute("DELETE FROM timelines WHERE CAST(last AS TEXT) = '[]'")
    with op.batch_alter_table("timelines") as timelines:
        timelines.drop_column("given_up")
