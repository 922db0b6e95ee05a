"""Which token of a host a new one replaces, until when it may, and when an operator asked for one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the columns; no token is being replaced."""
    op.add_column("tokens", sa.Column("replaces", sa.String(32), nullable=True))
    op.add_column("tokens", sa.Column("until_ms", sa.BigInteger, nullable=True))
    op.add_column("tokens", sa.Column("due_ms", sa.BigInteger, nullable=True))


def downgrade() -> None:
    """Remove them; where a token was being replaced both hold, until the host registers again."""
    with op.batch_alter_table("tokens") as tokens:
        for column in ("due_ms", "until_ms", "replaces"):
            tokens.drop_column(column)
