"""Tables of alerts, of their turns, of what is written back, of silences, of rules by API and of who judges, in the records database."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, Float, Index, Integer, String, Table, Text

from nagare.records.schema import metadata

alerts = Table(
    "alerts",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("source", String(64), nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("is_open", Boolean, nullable=False),
    # A rule's name, and behind a slash what the alert says of the rule itself.
    Column("rule", String(80), nullable=False),
    Column("state", String(16), nullable=False),
    Column("severity", Integer, nullable=False),
    Column("host", String(253), nullable=False, index=True),
    Column("labels", JSON, nullable=False),
    Column("annotations", JSON, nullable=False),
    Column("value", Float, nullable=True),
    Column("starts_ms", BigInteger, nullable=False),
    Column("held_ms", BigInteger, nullable=False),
    Column("changed_ms", BigInteger, nullable=False, index=True),
    Column("fired_ms", BigInteger, nullable=True),
    Column("ended_ms", BigInteger, nullable=True),
    Column("again_ms", BigInteger, nullable=True),
    Column("ended_by", String(253), nullable=False),
    Column("believed_ms", BigInteger, nullable=True),
    Column("comes", JSON, nullable=False),
    Column("owner", String(253), nullable=False),
    Column("is_stale", Boolean, nullable=False),
    Column("shape", String(16), nullable=False),
    Column("revision", Integer, nullable=False),
)
# Of one thing there is one open alert, whoever writes it.
Index(
    "uq_alerts_open", alerts.c.source, alerts.c.fingerprint, unique=True,
    sqlite_where=alerts.c.is_open.is_(True), postgresql_where=alerts.c.is_open.is_(True),
)  # fmt: skip
# Turns and comments; ``seq`` is the alert's revision for which it was written.
turns = Table(
    "alert_turns",
    metadata,
    Column("alert_id", String(32), primary_key=True),
    Column("seq", Integer, primary_key=True),
    Column("at_ms", BigInteger, nullable=False, index=True),
    Column("before", String(16), nullable=False),
    Column("after", String(16), nullable=False),
    Column("actor", String(253), nullable=False),
    Column("cause", Text, nullable=False),
    Column("attributes", JSON, nullable=False),
)
# What people did to alerts here, on its way to who told of them: ``id`` is the alert's with the number of the turn.
write_backs = Table(
    "write_backs",
    metadata,
    Column("id", String(48), primary_key=True),
    Column("source", String(64), nullable=False),
    Column("event", String(64), nullable=False),
    Column("verb", String(16), nullable=False),
    Column("actor", String(253), nullable=False),
    Column("text", Text, nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("due_ms", BigInteger, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("fault", Text, nullable=False),
    Index("ix_write_backs_state_made_ms", "state", "made_ms"),
)
silences = Table(
    "silences",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("matchers", JSON, nullable=False),
    Column("reason", Text, nullable=False),
    Column("owner_id", String(64), nullable=False),
    Column("owner", String(253), nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("starts_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False, index=True),
    # Ends when nothing matched for so long; null where it does not.
    Column("idle_seconds", Float, nullable=True),
    Column("matched_ms", BigInteger, nullable=False),
    Column("ended_by", String(253), nullable=False),
    Column("cause", Text, nullable=False),
)
# Rules that came by the API, as the fields of a rule file.
kept_rules = Table(
    "kept_rules",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("definition", JSON, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("made_ms", BigInteger, nullable=False),
    Column("changed_ms", BigInteger, nullable=False),
    Column("changed_by_id", String(64), nullable=False),
    Column("changed_by", String(253), nullable=False),
)
# Who judges rules now: of several servers one, until its lease ends.
judges = Table(
    "alert_judges",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("runner", String(64), nullable=False),
    Column("lease_ms", BigInteger, nullable=False),
    Column("term", Integer, nullable=False),
)
