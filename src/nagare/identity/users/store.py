"""Users, roles and grants in the records database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Connection,
    ForeignKey,
    Row,
    String,
    Table,
    Text,
    delete,
    insert,
    select,
    update,
)

from nagare.errors import ConflictError
from nagare.identity.users.foreign import foreign_identities
from nagare.identity.users.roles import Grant, Role
from nagare.identity.users.user import Account, User
from nagare.model.principal import Permission
from nagare.records.engine import Records
from nagare.records.schema import metadata

users = Table(
    "users",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    Column("password", Text, nullable=True),
    Column("password_ms", BigInteger, nullable=True),
    Column("created_ms", BigInteger, nullable=False),
    Column("disabled_ms", BigInteger, nullable=True),
    Column("last_login_ms", BigInteger, nullable=True),
)
roles = Table(
    "roles",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("permissions", JSON, nullable=False),
    Column("text", String(200), nullable=False),
)
grants = Table(
    "grants",
    metadata,
    Column("user_id", String(32), ForeignKey("users.id"), primary_key=True),
    Column("role", String(64), primary_key=True),
    Column("scope", JSON(none_as_null=True), nullable=True),
)


class UserStore:
    """Reads and writes users, roles and grants."""

    def __init__(self, records: Records) -> None:
        """Keep the open records."""
        self._records = records

    async def accounts(self) -> list[Account]:
        """Return every user with what it may, by name."""
        return await self._records.read(_accounts)

    async def find(self, name: str) -> Account | None:
        """Return the user of that name with what it may."""
        return await self._records.read(lambda connection: read_account(connection, users.c.name == name))

    async def find_id(self, user_id: str) -> Account | None:
        """Return the user of that id with what it may."""
        return await self._records.read(lambda connection: read_account(connection, users.c.id == user_id))

    async def add(self, user: User, given: Iterable[Grant]) -> None:
        """Store a new user with its grants. Raises ConflictError for a name that is taken."""
        rows = [grant_values(user.id, grant) for grant in given]

        def work(connection: Connection) -> None:
            if connection.execute(select(users.c.id).where(users.c.name == user.name)).first() is not None:
                raise ConflictError(f"cannot add user {user.name}: the name is taken")
            connection.execute(insert(users).values(**user_values(user)))
            if rows:
                connection.execute(insert(grants), rows)

        await self._records.write(work)

    async def change(self, user_id: str, **values: str | int | None) -> None:
        """Change those columns of a user, and no others. Raises ConflictError for a name that is taken."""
        statement = update(users).where(users.c.id == user_id).values(**values)
        taken = select(users.c.id).where((users.c.name == values.get("name")) & (users.c.id != user_id))

        def work(connection: Connection) -> None:
            if "name" in values and connection.execute(taken).first() is not None:
                raise ConflictError(f"cannot rename user to {values['name']}: the name is taken")
            connection.execute(statement)

        await self._records.write(work)

    async def remove(self, user_id: str) -> None:
        """Forget a user, its grants and who it is elsewhere; its sessions and keys must be gone."""

        def work(connection: Connection) -> None:
            connection.execute(delete(foreign_identities).where(foreign_identities.c.user_id == user_id))
            connection.execute(delete(grants).where(grants.c.user_id == user_id))
            connection.execute(delete(users).where(users.c.id == user_id))

        await self._records.write(work)

    async def grant(self, user_id: str, grant: Grant) -> None:
        """Give a role; a grant of the same role is replaced."""
        same = (grants.c.user_id == user_id) & (grants.c.role == grant.role)

        def work(connection: Connection) -> None:
            connection.execute(delete(grants).where(same))
            connection.execute(insert(grants).values(**grant_values(user_id, grant)))

        await self._records.write(work)

    async def replace_grants(self, user_id: str, given: Iterable[Grant]) -> None:
        """Let a user have those roles and no others."""
        rows = [grant_values(user_id, grant) for grant in given]

        def work(connection: Connection) -> None:
            connection.execute(delete(grants).where(grants.c.user_id == user_id))
            if rows:
                connection.execute(insert(grants), rows)

        await self._records.write(work)

    async def take(self, user_id: str, role: str) -> bool:
        """Take a role away; tell whether the user had it."""
        statement = delete(grants).where((grants.c.user_id == user_id) & (grants.c.role == role))
        return bool(await self._records.write(lambda connection: connection.execute(statement).rowcount))

    async def roles(self) -> dict[str, Role]:
        """Return the roles of one's own, by name."""
        return await self._records.read(lambda connection: _roles(connection, None))

    async def save_role(self, role: Role) -> None:
        """Make a role or replace it."""

        def work(connection: Connection) -> None:
            connection.execute(delete(roles).where(roles.c.name == role.name))
            values = {"name": role.name, "permissions": _names(role.permissions), "text": role.text}
            connection.execute(insert(roles).values(**values))

        await self._records.write(work)

    async def remove_role(self, name: str) -> None:
        """Forget a role. Raises ConflictError while somebody has it."""

        def work(connection: Connection) -> None:
            holders = select(users.c.name).join(grants, grants.c.user_id == users.c.id).where(grants.c.role == name)
            if held := list(connection.execute(holders.order_by(users.c.name).limit(3)).scalars()):
                raise ConflictError(f"cannot remove role {name}: {', '.join(held)} still has it")
            connection.execute(delete(roles).where(roles.c.name == name))

        await self._records.write(work)

    async def holders(self, role: str) -> list[str]:
        """Return the ids of users who have ``role``."""
        query = select(grants.c.user_id).where(grants.c.role == role)
        return await self._records.read(lambda connection: list(connection.execute(query).scalars()))


def read_account(connection: Connection, which: Any) -> Account | None:
    """Return the one user that ``which`` names, with what it may."""
    row = connection.execute(select(users).where(which)).first()
    if row is None:
        return None
    given = connection.execute(select(grants).where(grants.c.user_id == row.id).order_by(grants.c.role)).all()
    return Account(_user(row), tuple(map(_grant, given)), _roles(connection, [grant.role for grant in given]))


def _accounts(connection: Connection) -> list[Account]:
    known = _roles(connection, None)
    given: dict[str, list[Grant]] = {}
    for row in connection.execute(select(grants).order_by(grants.c.role)):
        given.setdefault(row.user_id, []).append(_grant(row))
    rows = connection.execute(select(users).order_by(users.c.name)).all()
    return [Account(_user(row), tuple(given.get(row.id, ())), known) for row in rows]


def _roles(connection: Connection, names: list[str] | None) -> dict[str, Role]:
    query = select(roles).order_by(roles.c.name)
    if names is not None:
        query = query.where(roles.c.name.in_(names))
    return {row.name: Role(row.name, known_permissions(row.permissions), row.text) for row in connection.execute(query)}


def known_permissions(names: Iterable[str]) -> frozenset[Permission]:
    """Return the permissions of those names; one that a newer version gave and this one does not know allows nothing."""
    known = {permission.value for permission in Permission}
    return frozenset(Permission(name) for name in names if name in known)


def _names(permissions: frozenset[Permission]) -> list[str]:
    return sorted(permission.value for permission in permissions)


def user_values(user: User) -> Mapping[str, Any]:
    """Return the row of a user."""
    return {
        "id": user.id,
        "name": user.name,
        "password": user.password,
        "password_ms": user.password_ms,
        "created_ms": user.created_ms,
        "disabled_ms": user.disabled_ms,
        "last_login_ms": user.last_login_ms,
    }


def _user(row: Row[Any]) -> User:
    return User(row.id, row.name, row.created_ms, row.password, row.password_ms, row.disabled_ms, row.last_login_ms)


def grant_values(user_id: str, grant: Grant) -> dict[str, Any]:
    """Return the row of a grant."""
    return {"user_id": user_id, "role": grant.role, "scope": None if grant.scope is None else sorted(grant.scope)}


def _grant(row: Row[Any]) -> Grant:
    return Grant(row.role, None if row.scope is None else frozenset(row.scope))
