"""Tokens in the records database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Row,
    String,
    Table,
    bindparam,
    insert,
    select,
    update,
)

from nagare.identity.tokens import Token, TokenKind
from nagare.model.principal import Permission
from nagare.records.engine import Records
from nagare.records.schema import metadata

tokens = Table(
    "tokens",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    Column("name", String(253), nullable=False),
    Column("permissions", JSON, nullable=False),
    Column("host_id", String(32), nullable=True, index=True),
    Column("created_ms", BigInteger, nullable=False),
    Column("revoked_ms", BigInteger, nullable=True),
    Column("last_used_ms", BigInteger, nullable=True),
    Column("replaces", String(32), nullable=True),
    Column("until_ms", BigInteger, nullable=True),
    Column("due_ms", BigInteger, nullable=True),
)


class TokenStore:
    """Reads and writes tokens; knows nothing of secrets."""

    def __init__(self, records: Records) -> None:
        """Keep the open records."""
        self._records = records

    async def find(self, digest: str) -> Token | None:
        """Return the token with that digest, revoked or not."""
        query = select(tokens).where(tokens.c.digest == digest)
        row = await self._records.read(lambda connection: connection.execute(query).first())
        return None if row is None else token_of(row)

    async def replace(self, token: Token, now_ms: int) -> list[str]:
        """Store ``token`` and revoke, in the same step, others like it; return the ids of those."""
        same = (tokens.c.host_id == token.host_id) if token.host_id else (tokens.c.name == token.name)

        def work(connection: Connection) -> list[str]:
            revoked = _revoke(connection, (tokens.c.kind == token.kind) & same, now_ms)
            connection.execute(insert(tokens).values(**values_of(token)))
            return revoked

        return await self._records.write(work)

    async def revoke_host(self, host_id: str, now_ms: int) -> list[str]:
        """Revoke every token of that host; return their ids."""
        which = tokens.c.host_id == host_id
        return await self._records.write(lambda connection: _revoke(connection, which, now_ms))

    async def allow_host(self, host_id: str, permissions: frozenset[Permission]) -> list[str]:
        """Give the live tokens of that host ``permissions``; return their ids."""
        values = sorted(permission.value for permission in permissions)

        def work(connection: Connection) -> list[str]:
            live = tokens.c.revoked_ms.is_(None) & (tokens.c.host_id == host_id)
            ids = list(connection.execute(select(tokens.c.id).where(live)).scalars())
            connection.execute(update(tokens).where(live).values(permissions=values))
            return ids

        return await self._records.write(work)

    async def save_last_used(self, used_ms: Mapping[str, int]) -> None:
        """Keep when tokens were last used: id -> Unix milliseconds."""
        statement = update(tokens).where(tokens.c.id == bindparam("token")).values(last_used_ms=bindparam("used"))
        rows = [{"token": id_, "used": used} for id_, used in used_ms.items()]
        await self._records.write(lambda connection: connection.execute(statement, rows))


def _revoke(connection: Connection, which: ColumnElement[bool], now_ms: int) -> list[str]:
    live = select(tokens.c.id).where(tokens.c.revoked_ms.is_(None) & which)
    revoked = list(connection.execute(live).scalars())
    connection.execute(update(tokens).where(tokens.c.id.in_(revoked)).values(revoked_ms=now_ms))
    return revoked


def values_of(token: Token) -> dict[str, Any]:
    """Return the columns of a new token."""
    return {
        "id": token.id,
        "digest": token.digest,
        "kind": token.kind.value,
        "name": token.name,
        "permissions": sorted(permission.value for permission in token.permissions),
        "host_id": token.host_id,
        "created_ms": token.created_ms,
        "replaces": token.replaces,
        "until_ms": token.until_ms,
    }


def token_of(row: Row[Any]) -> Token:
    """Return the token of a row."""
    # A permission that a newer version gave and this one does not know is left out: it allows nothing here.
    known = {permission.value for permission in Permission}
    return Token(
        id=row.id,
        digest=row.digest,
        kind=TokenKind(row.kind),
        name=row.name,
        permissions=frozenset(Permission(value) for value in row.permissions if value in known),
        host_id=row.host_id,
        created_ms=row.created_ms,
        revoked_ms=row.revoked_ms,
        last_used_ms=row.last_used_ms,
        replaces=row.replaces,
        until_ms=row.until_ms,
        due_ms=row.due_ms,
    )
