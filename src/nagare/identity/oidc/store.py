"""Which user stands for whom at a provider, in the records database; each verb is one transaction."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import Connection, delete, func, insert, select

from nagare.errors import ConflictError, LimitExceededError
from nagare.identity.users.foreign import ForeignIdentity, foreign_identities
from nagare.identity.users.roles import Grant
from nagare.identity.users.store import grant_values, grants, read_account, user_values, users
from nagare.identity.users.user import Account, User
from nagare.records.engine import Records

# A provider that lets anybody in must not fill the disk with users.
USERS_LIMIT = 10_000


class ForeignIdentityStore:
    """Reads and writes who users are elsewhere."""

    def __init__(self, records: Records) -> None:
        """Keep the open records."""
        self._records = records

    async def find(self, identity: ForeignIdentity) -> Account | None:
        """Return the user that is ``identity`` elsewhere."""
        return await self._records.read(lambda connection: _find(connection, identity))

    async def identity_of(self, user_id: str) -> ForeignIdentity | None:
        """Return who that user is elsewhere."""
        return (await self.identities([user_id])).get(user_id)

    async def identities(self, user_ids: Iterable[str]) -> dict[str, ForeignIdentity]:
        """Return who those users are elsewhere, by their ids."""
        query = select(foreign_identities).where(foreign_identities.c.user_id.in_(list(user_ids)))
        rows = await self._records.read(lambda connection: connection.execute(query).all())
        return {row.user_id: ForeignIdentity(row.issuer, row.subject) for row in rows}

    async def make(self, user: User, given: Iterable[Grant], identity: ForeignIdentity) -> Account:
        """Store a new user who is ``identity`` elsewhere; the one that is there already if somebody came first.

        Raises ConflictError for a name that another user has, LimitExceededError for too many users.
        """
        rows = [grant_values(user.id, grant) for grant in given]

        def work(connection: Connection) -> Account | None:
            if (found := _find(connection, identity)) is not None:
                return found
            if connection.execute(select(users.c.id).where(users.c.name == user.name)).first() is not None:
                return None
            if connection.execute(select(func.count()).select_from(users)).scalar_one() >= USERS_LIMIT:
                raise LimitExceededError(f"cannot make user {user.name}: there are {USERS_LIMIT} already")
            connection.execute(insert(users).values(**user_values(user)))
            if rows:
                connection.execute(insert(grants), rows)
            connection.execute(insert(foreign_identities).values(**_values(identity, user.id, user.created_ms)))
            return _find(connection, identity)

        try:
            made = await self._records.write(work)
        except ConflictError:
            # Another server of this database came first.
            made = await self.find(identity)
        if made is None:
            raise ConflictError(f"cannot add user {user.name}: the name is taken")
        return made

    async def link(self, user_id: str, identity: ForeignIdentity, now_ms: int) -> None:
        """Let that user be ``identity``, and nobody else any more. Raises ConflictError when another user is."""

        def work(connection: Connection) -> None:
            found = _find(connection, identity)
            if found is not None and found.user.id != user_id:
                raise ConflictError(f"cannot link: {found.user.name} has that identity already")
            connection.execute(delete(foreign_identities).where(foreign_identities.c.user_id == user_id))
            connection.execute(insert(foreign_identities).values(**_values(identity, user_id, now_ms)))

        await self._records.write(work)

    async def unlink(self, user_id: str) -> bool:
        """Let that user be nobody elsewhere; tell whether it was somebody."""
        statement = delete(foreign_identities).where(foreign_identities.c.user_id == user_id)
        return bool(await self._records.write(lambda connection: connection.execute(statement).rowcount))


def _find(connection: Connection, identity: ForeignIdentity) -> Account | None:
    same = (foreign_identities.c.issuer == identity.issuer) & (foreign_identities.c.subject == identity.subject)
    user_id = connection.execute(select(foreign_identities.c.user_id).where(same)).scalar()
    return None if user_id is None else read_account(connection, users.c.id == user_id)


def _values(identity: ForeignIdentity, user_id: str, now_ms: int) -> dict[str, str | int]:
    return {"issuer": identity.issuer, "subject": identity.subject, "user_id": user_id, "linked_ms": now_ms}
