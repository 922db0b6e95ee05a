"""Sources of the knowledge base, and their pages as they were read."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "kb_sources",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("directory", sa.Text, nullable=False),
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("added_ms", sa.BigInteger, nullable=False),
        sa.Column("added_by", sa.String(253), nullable=False),
        sa.Column("is_owners", sa.Boolean, nullable=False),
        sa.Column("synced_ms", sa.BigInteger, nullable=False),
        sa.Column("skipped", sa.Text, nullable=False),
        sa.Column("fault", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_kb_sources"),
    )
    op.create_table(
        "kb_pages",
        sa.Column("source", sa.String(64), nullable=False),
        sa.Column("path", sa.String(500), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("bytes", sa.Integer, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("source", "path", name="pk_kb_pages"),
    )


def downgrade() -> None:
    """Remove them."""
    op.drop_table("kb_pages")
    op.drop_table("kb_sources")
