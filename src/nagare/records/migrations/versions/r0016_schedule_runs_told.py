"""Which runs of a schedule the audit log has not told of yet, and when it told of one last."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    """Add the columns; what schedules made until now is told of nowhere, as before."""
    op.add_column("schedules", sa.Column("untold_runs", sa.Integer, nullable=False, server_default="0"))
    op.add_column("schedules", sa.Column("told_ms", sa.BigInteger, nullable=True))


def downgrade() -> None:
    """Remove them; runs that were counted and not told of yet are told of nowhere."""
    with op.batch_alter_table("schedules") as schedules:
        for column in ("told_ms", "untold_runs"):
            schedules.drop_column(column)
