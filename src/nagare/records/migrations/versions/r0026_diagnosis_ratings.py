"""What people think of diagnoses: whether each helped."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    """Add the column."""
    op.add_column("diagnoses", sa.Column("rating", sa.Text, nullable=True))


def downgrade() -> None:
    """Remove it."""
    with op.batch_alter_table("diagnoses") as table:
        table.drop_column("rating")
