"""What a session's client calls itself is its user agent: an agent is our process on a host. What was kept stays."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Rename the column."""
    with op.batch_alter_table("sessions") as sessions:
        sessions.alter_column("agent", new_column_name="user_agent")


def downgrade() -> None:
    """Give it the name back that it had."""
    with op.batch_alter_table("sessions") as sessions:
        sessions.alter_column("user_agent", new_column_name="agent")
