"""Jobs of remote commands, their commands on hosts, and what those wrote."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the tables."""
    op.create_table(
        "command_jobs",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("action", sa.String(128), nullable=False),
        sa.Column("action_sha256", sa.String(64), nullable=False),
        sa.Column("plan_sha256", sa.String(64), nullable=False),
        sa.Column("arguments", sa.JSON, nullable=False),
        sa.Column("secrets", sa.JSON, nullable=False),
        sa.Column("argvs", sa.JSON, nullable=False),
        sa.Column("risk", sa.String(16), nullable=False),
        sa.Column("timeout_seconds", sa.Integer, nullable=False),
        sa.Column("requester_id", sa.String(64), nullable=False),
        sa.Column("requester", sa.String(253), nullable=False),
        sa.Column("canary", sa.Integer, nullable=False),
        sa.Column("concurrency", sa.Integer, nullable=False),
        sa.Column("stop_after", sa.Integer, nullable=False),
        sa.Column("made_ms", sa.BigInteger, nullable=False),
        sa.Column("expires_seconds", sa.Float, nullable=False),
        sa.Column("expires_ms", sa.BigInteger, nullable=False),
        sa.Column("approval", sa.String(16), nullable=False),
        sa.Column("approver_id", sa.String(64), nullable=False),
        sa.Column("approver", sa.String(253), nullable=False),
        sa.Column("why", sa.Text, nullable=False),
        sa.Column("break_glass", sa.Text, nullable=False),
        sa.Column("stopped", sa.Text, nullable=False),
        sa.Column("cancelled_by", sa.String(253), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_command_jobs"),
    )
    op.create_index("ix_command_jobs_made_ms", "command_jobs", ["made_ms"])
    op.create_table(
        "commands",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("job_id", sa.String(32), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("host_id", sa.String(32), nullable=False),
        sa.Column("host", sa.String(253), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("changed_ms", sa.BigInteger, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("envelope", sa.Text, nullable=False),
        sa.Column("deadline_ms", sa.BigInteger, nullable=True),
        sa.Column("heard_start_ms", sa.BigInteger, nullable=True),
        sa.Column("reason", sa.String(32), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("result", sa.Text, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_commands"),
    )
    for column in ("job_id", "host_id", "state"):
        op.create_index(f"ix_commands_{column}", "commands", [column])
    op.create_table(
        "command_outputs",
        sa.Column("command_id", sa.String(36), nullable=False),
        sa.Column("streams", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("command_id", name="pk_command_outputs"),
    )


def downgrade() -> None:
    """Remove them."""
    op.drop_table("command_outputs")
    for column in ("state", "host_id", "job_id"):
        op.drop_index(f"ix_commands_{column}", "commands")
    op.drop_table("commands")
    op.drop_index("ix_command_jobs_made_ms", "command_jobs")
    op.drop_table("command_jobs")
