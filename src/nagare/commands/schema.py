"""Tables of jobs and commands in the records database."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Float, Integer, String, Table, Text

from nagare.records.schema import metadata

jobs = Table(
    "command_jobs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("action", String(128), nullable=False),
    Column("action_sha256", String(64), nullable=False),
    Column("plan_sha256", String(64), nullable=False),
    Column("arguments", JSON, nullable=False),
    Column("secrets", JSON, nullable=False),
    Column("argvs", JSON, nullable=False),
    Column("risk", String(16), nullable=False),
    Column("timeout_seconds", Integer, nullable=False),
    Column("requester_id", String(64), nullable=False),
    Column("requester", String(253), nullable=False),
    Column("canary", Integer, nullable=False),
    Column("concurrency", Integer, nullable=False),
    Column("stop_after", Integer, nullable=False),
    Column("made_ms", BigInteger, nullable=False, index=True),
    Column("expires_seconds", Float, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    # Empty for as long as nobody agreed who must.
    Column("approval", String(16), nullable=False),
    Column("approver_id", String(64), nullable=False),
    Column("approver", String(253), nullable=False),
    Column("why", Text, nullable=False),
    Column("break_glass", Text, nullable=False),
    Column("stopped", Text, nullable=False),
    Column("cancelled_by", String(253), nullable=False),
)
commands = Table(
    "commands",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("job_id", String(32), nullable=False, index=True),
    Column("position", Integer, nullable=False),
    Column("host_id", String(32), nullable=False, index=True),
    Column("host", String(253), nullable=False),
    Column("state", String(16), nullable=False, index=True),
    Column("changed_ms", BigInteger, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("envelope", Text, nullable=False),
    Column("deadline_ms", BigInteger, nullable=True),
    Column("heard_start_ms", BigInteger, nullable=True),
    Column("reason", String(32), nullable=False),
    Column("text", Text, nullable=False),
    # The result without its streams.
    Column("result", Text, nullable=True),
)
# Jobs whose commands are in blocks by now, and on which day to look for them.
moved_jobs = Table(
    "command_history",
    metadata,
    Column("job_id", String(32), primary_key=True),
    Column("made_ms", BigInteger, nullable=False),
)
# Apart, so that a list of commands reads none of it.
outputs = Table(
    "command_outputs",
    metadata,
    Column("command_id", String(36), primary_key=True),
    Column("streams", Text, nullable=False),
)
