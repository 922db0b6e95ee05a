"""Join tokens in the records database."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, BigInteger, Boolean, Column, Integer, Row, String, Table, delete, insert, select, update

from nagare.identity.join_tokens.token import JoinToken
from nagare.records.engine import Records
from nagare.records.schema import metadata

join_tokens = Table(
    "join_tokens",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("note", String(64), nullable=False),
    Column("made_by", String(253), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("uses_left", Integer, nullable=False),
    Column("networks", JSON, nullable=False),
    Column("labels", JSON, nullable=False),
    Column("capabilities", JSON, nullable=False),
    Column("accepts", Boolean, nullable=False),
)


class JoinTokenStore:
    """Reads and writes join tokens; knows nothing of secrets."""

    def __init__(self, records: Records) -> None:
        """Keep the open records."""
        self._records = records

    async def find(self, digest: str) -> JoinToken | None:
        """Return the token with that digest, spent or not."""
        query = select(join_tokens).where(join_tokens.c.digest == digest)
        row = await self._records.read(lambda connection: connection.execute(query).first())
        return None if row is None else _token(row)

    async def get(self, token_id: str) -> JoinToken | None:
        """Return the token of that id."""
        query = select(join_tokens).where(join_tokens.c.id == token_id)
        row = await self._records.read(lambda connection: connection.execute(query).first())
        return None if row is None else _token(row)

    async def tokens(self) -> list[JoinToken]:
        """Return every token, the newest first."""
        query = select(join_tokens).order_by(join_tokens.c.created_ms.desc(), join_tokens.c.id)
        rows = await self._records.read(lambda connection: connection.execute(query).all())
        return [_token(row) for row in rows]

    async def add(self, token: JoinToken, ended_before_ms: int) -> None:
        """Store a token, and forget those that ended before then."""

        def work(connection: Any) -> None:
            connection.execute(delete(join_tokens).where(join_tokens.c.expires_ms < ended_before_ms))
            connection.execute(insert(join_tokens).values(**_values(token)))

        await self._records.write(work)

    async def take_use(self, token_id: str, now_ms: int) -> bool:
        """Spend one use; tell whether there was one left in time."""
        live = (join_tokens.c.id == token_id) & (join_tokens.c.uses_left > 0) & (join_tokens.c.expires_ms > now_ms)
        statement = update(join_tokens).where(live).values(uses_left=join_tokens.c.uses_left - 1)
        return bool(await self._records.write(lambda connection: connection.execute(statement).rowcount))

    async def remove(self, token_id: str) -> bool:
        """Forget a token; tell whether there was one."""
        statement = delete(join_tokens).where(join_tokens.c.id == token_id)
        return bool(await self._records.write(lambda connection: connection.execute(statement).rowcount))


def _values(token: JoinToken) -> dict[str, Any]:
    return {
        "id": token.id,
        "digest": token.digest,
        "note": token.note,
        "made_by": token.made_by,
        "created_ms": token.created_ms,
        "expires_ms": token.expires_ms,
        "uses_left": token.uses_left,
        "networks": list(token.networks),
        "labels": dict(token.labels),
        "capabilities": sorted(token.capabilities),
        "accepts": token.accepts,
    }


def _token(row: Row[Any]) -> JoinToken:
    return JoinToken(
        id=row.id,
        digest=row.digest,
        note=row.note,
        made_by=row.made_by,
        created_ms=row.created_ms,
        expires_ms=row.expires_ms,
        uses_left=row.uses_left,
        networks=tuple(row.networks),
        labels=row.labels,
        capabilities=frozenset(row.capabilities),
        accepts=row.accepts,
    )
