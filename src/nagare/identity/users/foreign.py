"""Who a user is at an OpenID provider: the pair of issuer and subject, and never a name or an address that can change."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import BigInteger, Column, ForeignKey, String, Table, UniqueConstraint

from nagare.records.schema import metadata

foreign_identities = Table(
    "foreign_identities",
    metadata,
    Column("issuer", String(255), primary_key=True),
    Column("subject", String(255), primary_key=True),
    Column("user_id", String(32), ForeignKey("users.id"), nullable=False),
    Column("linked_ms", BigInteger, nullable=False),
    UniqueConstraint("user_id"),
)


@dataclass(frozen=True, slots=True)
class ForeignIdentity:
    """A user as a provider knows it."""

    issuer: str
    subject: str
