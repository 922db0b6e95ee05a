"""Join tokens, and how far a host has come: waiting, active or revoked, with what it may and who contested its name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the table and the columns; hosts that are there are active."""
    op.create_table(
        "join_tokens",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("note", sa.String(64), nullable=False),
        sa.Column("made_by", sa.String(253), nullable=False),
        sa.Column("created_ms", sa.BigInteger, nullable=False),
        sa.Column("expires_ms", sa.BigInteger, nullable=False),
        sa.Column("uses_left", sa.Integer, nullable=False),
        sa.Column("networks", sa.JSON, nullable=False),
        sa.Column("labels", sa.JSON, nullable=False),
        sa.Column("capabilities", sa.JSON, nullable=False),
        sa.Column("accepts", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_join_tokens"),
        sa.UniqueConstraint("digest", name="uq_join_tokens_digest"),
    )
    op.add_column("hosts", sa.Column("enrolment", sa.String(16), nullable=False, server_default="active"))
    op.add_column("hosts", sa.Column("capabilities", sa.JSON, nullable=False, server_default='["metrics"]'))
    op.add_column("hosts", sa.Column("conflict", sa.JSON, nullable=True))


def downgrade() -> None:
    """Remove them; a host that waited or was revoked is then one like the others, without a token that works."""
    with op.batch_alter_table("hosts") as hosts:
        for column in ("conflict", "capabilities", "enrolment"):
            hosts.drop_column(column)
    op.drop_table("join_tokens")
