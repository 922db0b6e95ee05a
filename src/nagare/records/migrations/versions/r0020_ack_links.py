"""Links in notifications that somebody used."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "ack_links",
        sa.Column("id", sa.String(64), nullable=False),
        sa.Column("incident", sa.String(64), nullable=False),
        sa.Column("actor", sa.String(253), nullable=False),
        sa.Column("used_ms", sa.BigInteger, nullable=False),
        sa.Column("until_ms", sa.BigInteger, nullable=False),
        sa.Column("done_ms", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_ack_links"),
    )
    op.create_index("ix_ack_links_until_ms", "ack_links", ["until_ms"])


def downgrade() -> None:
    """Remove it."""
    op.drop_index("ix_ack_links_until_ms", "ack_links")
    op.drop_table("ack_links")
