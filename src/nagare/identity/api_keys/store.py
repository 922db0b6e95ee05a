"""Personal keys in the records database."""

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
    delete,
    func,
    insert,
    select,
    update,
)

from nagare.errors import ConflictError, LimitExceededError
from nagare.identity.api_keys.key import ApiKey
from nagare.identity.users.store import known_permissions, read_account, users
from nagare.identity.users.user import Account
from nagare.records.engine import Records
from nagare.records.schema import metadata

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("digest", String(64), nullable=False, unique=True),
    Column("user_id", String(32), nullable=False, index=True),
    Column("name", String(64), nullable=False),
    Column("permissions", JSON, nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=True),
    Column("last_used_ms", BigInteger, nullable=True),
)


class ApiKeyStore:
    """Reads and writes keys; knows nothing of secrets."""

    def __init__(self, records: Records) -> None:
        """Keep the open records."""
        self._records = records

    async def find(self, digest: str, now_ms: int) -> tuple[ApiKey, Account] | None:
        """Return the key of that digest with its owner, while it has not expired and its owner is not disabled."""

        def work(connection: Connection) -> tuple[ApiKey, Account] | None:
            row = connection.execute(select(api_keys).where((api_keys.c.digest == digest) & _is_live(now_ms))).first()
            account = None if row is None else read_account(connection, users.c.id == row.user_id)
            if row is None or account is None or account.user.disabled_ms is not None:
                return None
            return _key(row), account

        return await self._records.read(work)

    async def find_id(self, key_id: str) -> ApiKey | None:
        """Return the key of that id, expired or not."""
        query = select(api_keys).where(api_keys.c.id == key_id)
        row = await self._records.read(lambda connection: connection.execute(query).first())
        return None if row is None else _key(row)

    async def keys(self, user_id: str | None) -> list[tuple[ApiKey, str]]:
        """Return keys, of one user or of all, with the names of their users."""
        query = select(api_keys, users.c.name.label("owner")).join(users, users.c.id == api_keys.c.user_id)
        if user_id is not None:
            query = query.where(api_keys.c.user_id == user_id)
        query = query.order_by(users.c.name, api_keys.c.name)
        rows = await self._records.read(lambda connection: connection.execute(query).all())
        return [(_key(row), row.owner) for row in rows]

    async def add(self, key: ApiKey, limit: int) -> None:
        """Store a key. Raises ConflictError for a name that its owner has already, LimitExceededError for too many."""

        def work(connection: Connection) -> None:
            of_user = api_keys.c.user_id == key.user_id
            if connection.execute(select(api_keys.c.id).where(of_user & (api_keys.c.name == key.name))).first():
                raise ConflictError(f"cannot make key {key.name}: there is one of that name")
            if connection.execute(select(func.count()).where(of_user)).scalar_one() >= limit:
                raise LimitExceededError(f"cannot make key {key.name}: there are {limit} already")
            connection.execute(insert(api_keys).values(**_values(key)))

        await self._records.write(work)

    async def remove(self, key_id: str) -> None:
        """Forget a key."""
        await self._records.write(
            lambda connection: connection.execute(delete(api_keys).where(api_keys.c.id == key_id))
        )

    async def remove_of_user(self, user_id: str) -> list[str]:
        """Forget the keys of a user; return their ids."""

        def work(connection: Connection) -> list[str]:
            ids = list(connection.execute(select(api_keys.c.id).where(api_keys.c.user_id == user_id)).scalars())
            connection.execute(delete(api_keys).where(api_keys.c.user_id == user_id))
            return ids

        return await self._records.write(work)

    async def ids(self, user_ids: list[str]) -> list[str]:
        """Return the ids of the keys of those users."""
        query = select(api_keys.c.id).where(api_keys.c.user_id.in_(user_ids))
        return await self._records.read(lambda connection: list(connection.execute(query).scalars()))

    async def save_last_used(self, used_ms: Mapping[str, int]) -> None:
        """Keep when keys were last used: id -> Unix milliseconds."""
        statement = update(api_keys).where(api_keys.c.id == bindparam("key")).values(last_used_ms=bindparam("used"))
        rows = [{"key": id_, "used": used} for id_, used in used_ms.items()]
        await self._records.write(lambda connection: connection.execute(statement, rows))


def _is_live(now_ms: int) -> ColumnElement[bool]:
    return api_keys.c.expires_ms.is_(None) | (api_keys.c.expires_ms > now_ms)


def _values(key: ApiKey) -> dict[str, Any]:
    permissions = sorted(permission.value for permission in key.permissions)
    return {
        "id": key.id,
        "digest": key.digest,
        "user_id": key.user_id,
        "name": key.name,
        "permissions": permissions,
        "created_ms": key.created_ms,
        "expires_ms": key.expires_ms,
        "last_used_ms": key.last_used_ms,
    }


def _key(row: Row[Any]) -> ApiKey:
    return ApiKey(
        row.id,
        row.digest,
        row.user_id,
        row.name,
        known_permissions(row.permissions),
        row.created_ms,
        row.expires_ms,
        row.last_used_ms,
    )
