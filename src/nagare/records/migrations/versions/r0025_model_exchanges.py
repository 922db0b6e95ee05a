"""What was said to models, and by them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "model_exchanges",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("diagnosis_id", sa.String(32), nullable=False),
        sa.Column("asked_by", sa.String(253), nullable=False),
        sa.Column("asker", sa.String(64), nullable=False),
        sa.Column("model", sa.String(200), nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("prompt", sa.Text, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("prompt_tokens", sa.Integer, nullable=False),
        sa.Column("answer_tokens", sa.Integer, nullable=False),
        sa.Column("is_estimate", sa.Boolean, nullable=False),
        sa.Column("cost", sa.Float, nullable=False),
        sa.Column("seconds", sa.Float, nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("verdict", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_model_exchanges"),
    )
    op.create_index("ix_model_exchanges_at_ms_id", "model_exchanges", ["at_ms", "id"])
    op.create_index("ix_model_exchanges_diagnosis_id", "model_exchanges", ["diagnosis_id"])


def downgrade() -> None:
    """Remove it."""
    op.drop_index("ix_model_exchanges_diagnosis_id", "model_exchanges")
    op.drop_index("ix_model_exchanges_at_ms_id", "model_exchanges")
    op.drop_table("model_exchanges")
