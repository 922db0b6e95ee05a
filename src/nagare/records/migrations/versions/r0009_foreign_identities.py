"""Who users are at an OpenID provider."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "foreign_identities",
        sa.Column("issuer", sa.String(255), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("user_id", sa.String(32), nullable=False),
        sa.Column("linked_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("issuer", "subject", name="pk_foreign_identities"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_foreign_identities_user_id"),
        sa.UniqueConstraint("user_id", name="uq_foreign_identities_user_id"),
    )


def downgrade() -> None:
    """Remove it; users stay, and are made or linked anew."""
    op.drop_table("foreign_identities")
