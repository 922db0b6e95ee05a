"""Tables of incidents, of deliveries and of their attempts, in the records database."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Boolean, Column, Index, Integer, String, Table, Text, text

from nagare.records.schema import metadata

incidents = Table(
    "incidents",
    metadata,
    Column("id", String(32), primary_key=True),
    # A digest of the route and the labels of the group.
    Column("group_key", String(64), nullable=False),
    Column("is_open", Boolean, nullable=False),
    Column("route", Text, nullable=False),
    Column("labels", JSON, nullable=False),
    Column("began_ms", BigInteger, nullable=False, index=True),
    Column("look_ms", BigInteger, nullable=True),
    Column("told", JSON, nullable=False),
    Column("told_ms", BigInteger, nullable=True),
    Column("number", Integer, nullable=False),
    Column("waiting_ms", BigInteger, nullable=True),
    Column("step", Integer, nullable=False),
    Column("told_to", JSON, nullable=False),
    Column("ended_ms", BigInteger, nullable=True, index=True),
    Column("severity", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
)
# Of one group one incident is open, whoever writes it.
Index(
    "uq_incidents_open", incidents.c.group_key, unique=True,
    sqlite_where=incidents.c.is_open.is_(True), postgresql_where=incidents.c.is_open.is_(True),
)  # fmt: skip
deliveries = Table(
    "deliveries",
    metadata,
    Column("id", String(80), primary_key=True),
    Column("incident", String(32), nullable=False),
    Column("number", Integer, nullable=False),
    Column("channel", String(200), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("receiver", String(100), nullable=False),
    Column("reason", String(32), nullable=False),
    Column("severity", Integer, nullable=False),
    Column("state", String(8), nullable=False),
    Column("made_ms", BigInteger, nullable=False, index=True),
    Column("due_ms", BigInteger, nullable=False),
    Column("until_ms", BigInteger, nullable=False),
    Column("done_ms", BigInteger, nullable=True),
    Column("tries", Integer, nullable=False),
    Column("ref", Text, nullable=False),
    Column("fault", Text, nullable=False),
    # What lists say of the notice, which is long: its group, the names of its alerts and of their hosts, and how many there are.
    Column("labels", JSON, nullable=False),
    Column("alertnames", JSON, nullable=False),
    Column("hosts", JSON, nullable=False),
    Column("firing", Integer, nullable=False),
    Column("resolved", Integer, nullable=False),
    Column("notice", JSON, nullable=False),
)
Index("ix_deliveries_incident", deliveries.c.incident, deliveries.c.channel, deliveries.c.number)
IS_WAITING = text("state = 'waiting'")
Index(
    "ix_deliveries_waiting", deliveries.c.channel, deliveries.c.incident, deliveries.c.number,
    sqlite_where=IS_WAITING, postgresql_where=IS_WAITING,
)  # fmt: skip
attempts = Table(
    "delivery_attempts",
    metadata,
    Column("delivery_id", String(80), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Column("took_ms", BigInteger, nullable=False),
    Column("fault", Text, nullable=False),
    Column("attributes", JSON, nullable=False),
)
