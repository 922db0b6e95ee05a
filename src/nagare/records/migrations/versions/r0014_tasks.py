"""Tasks, schedules, and the runs that schedules made."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "tasks",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("arguments", sa.JSON, nullable=False),
        sa.Column("owner_id", sa.String(64), nullable=False),
        sa.Column("owner", sa.String(253), nullable=False),
        sa.Column("rights", sa.JSON, nullable=False),
        sa.Column("key", sa.String(200), nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("made_ms", sa.BigInteger, nullable=False),
        sa.Column("due_ms", sa.BigInteger, nullable=False),
        sa.Column("told_ms", sa.BigInteger, nullable=False),
        sa.Column("changed_ms", sa.BigInteger, nullable=False),
        sa.Column("started_ms", sa.BigInteger, nullable=True),
        sa.Column("ended_ms", sa.BigInteger, nullable=True),
        sa.Column("progress_ratio", sa.Float, nullable=True),
        sa.Column("progress_text", sa.Text, nullable=False),
        sa.Column("result", sa.JSON, nullable=True),
        sa.Column("runner", sa.String(64), nullable=False),
        sa.Column("lease_ms", sa.BigInteger, nullable=True),
        sa.Column("cancelled_by", sa.String(253), nullable=False),
        sa.Column("schedule", sa.String(64), nullable=False),
        sa.Column("moment_ms", sa.BigInteger, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_tasks"),
        sa.UniqueConstraint("owner_id", "key", name="uq_tasks_owner_id_key"),
    )
    for column in ("state", "made_ms", "schedule"):
        op.create_index(f"ix_tasks_{column}", "tasks", [column])
    op.create_table(
        "schedules",
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("cron", sa.String(128), nullable=False),
        sa.Column("zone", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(64), nullable=False),
        sa.Column("arguments", sa.JSON, nullable=False),
        sa.Column("owner_id", sa.String(64), nullable=False),
        sa.Column("owner", sa.String(253), nullable=False),
        sa.Column("rights", sa.JSON, nullable=False),
        sa.Column("enabled", sa.Boolean, nullable=False),
        sa.Column("missed", sa.String(16), nullable=False),
        sa.Column("missed_limit", sa.Integer, nullable=False),
        sa.Column("grace_seconds", sa.Float, nullable=False),
        sa.Column("overlap", sa.String(16), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("made_ms", sa.BigInteger, nullable=False),
        sa.Column("changed_ms", sa.BigInteger, nullable=False),
        sa.Column("seen_ms", sa.BigInteger, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_schedules"),
    )
    op.create_table(
        "schedule_runs",
        sa.Column("schedule", sa.String(64), nullable=False),
        sa.Column("moment_ms", sa.BigInteger, nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("task_id", sa.String(32), nullable=False),
        sa.Column("made_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("schedule", "moment_ms", name="pk_schedule_runs"),
    )


def downgrade() -> None:
    """Remove them."""
    op.drop_table("schedule_runs")
    op.drop_table("schedules")
    for column in ("schedule", "made_ms", "state"):
        op.drop_index(f"ix_tasks_{column}", "tasks")
    op.drop_table("tasks")
