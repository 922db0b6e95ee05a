"""Sessions and their refresh tokens in the records database; each verb is one transaction."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from sqlalchemy import BigInteger, Column, ColumnElement, Connection, Row, String, Table, delete, insert, select, update

from nagare.identity.sessions.session import GRACE_SECONDS, EndedBy, Lives, Refresh, Session, make_salt, successor
from nagare.identity.tokens import digest_of
from nagare.identity.users.store import read_account, users
from nagare.identity.users.user import Account, User
from nagare.records.engine import Records
from nagare.records.schema import metadata

sessions = Table(
    "sessions",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("user_id", String(32), nullable=False, index=True),
    Column("created_ms", BigInteger, nullable=False),
    Column("used_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("address", String(64), nullable=False),
    Column("user_agent", String(200), nullable=False, key="agent"),
    Column("origin", String(16), nullable=False),
    Column("ended_ms", BigInteger, nullable=True),
    Column("ended_by", String(16), nullable=True),
)
refresh_tokens = Table(
    "refresh_tokens",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("session_id", String(32), nullable=False, index=True),
    Column("salt", String(32), nullable=False),
    Column("created_ms", BigInteger, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("used_ms", BigInteger, nullable=True),
)


@dataclass(frozen=True, slots=True)
class Rotated:
    """What a refresh token was good for: its session and user, and the token that follows it; none after a replay."""

    session: Session
    account: Account
    secret: str = field(default="", repr=False)
    expires_ms: int = 0

    @property
    def is_replay(self) -> bool:
        """Whether the token had been used before, too long ago; its session has ended then."""
        return not self.secret


class SessionStore:
    """Reads and writes sessions."""

    def __init__(self, records: Records) -> None:
        """Keep the open records."""
        self._records = records

    async def open(self, session: Session, user: User, refresh: Refresh, limit: int) -> list[str] | None:
        """Store a new session; return the ids of the user's oldest, ended because it has more than ``limit``.

        None, and nothing stored, when ``user`` was disabled or got another password since it was read.
        """
        same = (users.c.id == user.id) & users.c.disabled_ms.is_(None)
        same &= users.c.password_ms.is_(None) if user.password_ms is None else users.c.password_ms == user.password_ms

        def work(connection: Connection) -> list[str] | None:
            if connection.execute(select(users.c.id).where(same)).first() is None:
                return None
            live = select(sessions.c.id).where(_is_live(session.created_ms) & (sessions.c.user_id == session.user_id))
            others = list(connection.execute(live.order_by(sessions.c.used_ms.desc())).scalars())[limit - 1 :]
            _end(connection, sessions.c.id.in_(others), EndedBy.LIMIT, session.created_ms)
            connection.execute(insert(sessions).values(**asdict(session)))
            connection.execute(insert(refresh_tokens).values(**asdict(refresh)))
            return others

        return await self._records.write(work)

    async def find(self, session_id: str, now_ms: int) -> tuple[Session, Account] | None:
        """Return a live session with its user, if that is not disabled."""
        return await self._records.read(lambda connection: _live(connection, session_id, now_ms))

    async def rotate(self, secret: str, lives: Lives, now_ms: int) -> Rotated | None:
        """Use a refresh token: its successor follows, the same one again within the grace. None when it is worth nothing.

        One that was used longer ago is a replay: somebody has a copy, and the session ends for both.
        """
        return await self._records.write(lambda connection: _rotate(connection, secret, lives, now_ms))

    async def find_by_refresh(self, secret: str) -> str | None:
        """Return the id of the session that a refresh token belongs to, live or not."""
        query = select(refresh_tokens.c.session_id).where(refresh_tokens.c.digest == digest_of(secret))
        found: str | None = await self._records.read(lambda connection: connection.execute(query).scalar())
        return found

    async def sessions(self, user_id: str | None, now_ms: int) -> list[tuple[Session, str]]:
        """Return live sessions, of one user or of all, with the names of their users; the newest first."""
        query = select(sessions, users.c.name).join(users, users.c.id == sessions.c.user_id).where(_is_live(now_ms))
        if user_id is not None:
            query = query.where(sessions.c.user_id == user_id)
        query = query.order_by(sessions.c.created_ms.desc())
        rows = await self._records.read(lambda connection: connection.execute(query).all())
        return [(_session(row), row.name) for row in rows]

    async def end(self, session_id: str, by: EndedBy, now_ms: int) -> list[str]:
        """End one session; return its id if it was live."""
        return await self._records.write(lambda connection: _end(connection, sessions.c.id == session_id, by, now_ms))

    async def end_of_user(self, user_id: str, by: EndedBy, now_ms: int, keep: str = "") -> list[str]:
        """End the sessions of a user but ``keep``; return the ids of those that were live."""
        which = (sessions.c.user_id == user_id) & (sessions.c.id != keep)
        return await self._records.write(lambda connection: _end(connection, which, by, now_ms))

    async def live_ids(self, user_ids: list[str]) -> list[str]:
        """Return the ids of sessions of those users that have not ended."""
        query = select(sessions.c.id).where(sessions.c.ended_ms.is_(None) & sessions.c.user_id.in_(user_ids))
        return await self._records.read(lambda connection: list(connection.execute(query).scalars()))

    async def tidy(self, now_ms: int, forget_ms: int) -> list[str]:
        """End what has expired and return those ids; forget what ended before ``forget_ms``."""

        def work(connection: Connection) -> list[str]:
            ended = _end(connection, sessions.c.expires_ms <= now_ms, EndedBy.EXPIRED, now_ms)
            old = select(sessions.c.id).where(sessions.c.ended_ms < forget_ms)
            connection.execute(delete(refresh_tokens).where(refresh_tokens.c.session_id.in_(old)))
            connection.execute(delete(sessions).where(sessions.c.ended_ms < forget_ms))
            return ended

        return await self._records.write(work)


def _rotate(connection: Connection, secret: str, lives: Lives, now_ms: int) -> Rotated | None:
    # Locked where several may write at one time (PostgreSQL): of two uses of a token one is the second.
    query = select(refresh_tokens).where(refresh_tokens.c.digest == digest_of(secret)).with_for_update()
    row = connection.execute(query).first()
    if row is None or row.expires_ms <= now_ms or (found := _live(connection, row.session_id, now_ms)) is None:
        return None
    session, account = found
    if row.used_ms is not None and now_ms - row.used_ms > GRACE_SECONDS * 1000:
        _end(connection, sessions.c.id == session.id, EndedBy.REPLAY, now_ms)
        return Rotated(session, account)
    next_secret = successor(secret, row.salt)
    next_digest = digest_of(next_secret)
    if row.used_ms is None:
        expires_ms = lives.end_ms(session.created_ms, now_ms)
        refresh = Refresh(next_digest, session.id, make_salt(), now_ms, expires_ms)
        connection.execute(insert(refresh_tokens).values(**asdict(refresh)))
        connection.execute(update(refresh_tokens).where(refresh_tokens.c.digest == row.digest).values(used_ms=now_ms))
        used = update(sessions).where(sessions.c.id == session.id)
        connection.execute(used.values(used_ms=now_ms, expires_ms=expires_ms))
    expires = select(refresh_tokens.c.expires_ms).where(refresh_tokens.c.digest == next_digest)
    return Rotated(session, account, next_secret, connection.execute(expires).scalar_one())


def _live(connection: Connection, session_id: str, now_ms: int) -> tuple[Session, Account] | None:
    row = connection.execute(select(sessions).where((sessions.c.id == session_id) & _is_live(now_ms))).first()
    account = None if row is None else read_account(connection, users.c.id == row.user_id)
    if row is None or account is None or account.user.disabled_ms is not None:
        return None
    return _session(row), account


def _is_live(now_ms: int) -> ColumnElement[bool]:
    return sessions.c.ended_ms.is_(None) & (sessions.c.expires_ms > now_ms)


def _end(connection: Connection, which: ColumnElement[bool], by: EndedBy, now_ms: int) -> list[str]:
    live = select(sessions.c.id).where(sessions.c.ended_ms.is_(None) & which)
    ids = list(connection.execute(live).scalars())
    if ids:
        statement = update(sessions).where(sessions.c.id.in_(ids)).values(ended_ms=now_ms, ended_by=by.value)
        connection.execute(statement)
    return ids


def _session(row: Row[Any]) -> Session:
    return Session(**{column.key: getattr(row, column.key) for column in sessions.c})
