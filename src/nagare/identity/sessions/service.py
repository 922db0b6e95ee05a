"""Sessions: opened by a login, kept alive by refresh tokens that work once, ended by their user, an admin or a replay.

A refresh token that is used a second time means that somebody has a copy, and nobody can tell which of the two is the
owner: the session ends for both. Only within a minute is it taken for the same client, whose answer was lost or
who asked twice at one time; it gets the same successor again, so that the family never branches.
"""

from __future__ import annotations

import logging
import uuid
from typing import Protocol

from nagare.config.settings import IdentitySettings
from nagare.errors import NagareError, NotFoundError, UnauthenticatedError
from nagare.identity.known import KnownCallers
from nagare.identity.sessions.session import (
    REFRESH_PREFIX,
    EndedBy,
    Lives,
    Opened,
    Refresh,
    Session,
    make_refresh,
    make_salt,
)
from nagare.identity.sessions.store import Rotated, SessionStore
from nagare.identity.tokens import digest_of
from nagare.identity.users.user import Account
from nagare.keys.access_tokens import AccessTokens
from nagare.lib.clock import Clock
from nagare.lib.plain_text import plain
from nagare.model.deed import Deed, Outcome
from nagare.model.principal import Principal, PrincipalKind

log = logging.getLogger(__name__)

_SECRET_LIMIT = 512
# More live sessions of one user than this, and the one that was used least recently ends.
_SESSIONS_LIMIT = 100
# Of sessions that end together by themselves, so many are entries of their own; the others are counted in one.
_TOLD_LIMIT = 20
# Ended sessions stay this long in the records, for whoever asks what happened.
_FORGET_MS = 30 * 86_400_000


class Recorder(Protocol):
    """What writes to the audit log."""

    async def record(self, deed: Deed) -> None:
        """Append an entry, durable when this returns."""
        ...


class Sessions:
    """The sessions of this installation."""

    def __init__(
        self,
        store: SessionStore,
        known: KnownCallers,
        tokens: AccessTokens,
        settings: IdentitySettings,
        audit: Recorder | None,
        clock: Clock,
    ) -> None:
        """Sign with ``tokens``; ``audit`` hears of replays."""
        self._store = store
        self._known = known
        self._tokens = tokens
        self._lives = Lives(round(settings.session_seconds * 1000), round(settings.refresh_seconds * 1000))
        self._audit = audit
        self._clock = clock
        self.counters = known.counters

    async def open(self, account: Account, *, address: str = "", agent: str = "", origin: str = "password") -> Opened:
        """Open a session of a user who has proved who it is. Raises UnauthenticatedError when it changed meanwhile."""
        now_ms = self._clock.now_ms()
        expires_ms = self._lives.end_ms(now_ms, now_ms)
        session = Session(
            uuid.uuid4().hex, account.user.id, now_ms, now_ms, expires_ms, address[:64], plain(agent, 200), origin
        )
        secret = make_refresh()
        refresh = Refresh(digest_of(secret), session.id, make_salt(), now_ms, expires_ms)
        ended = await self._store.open(session, account.user, refresh, _SESSIONS_LIMIT)
        if ended is None:
            raise UnauthenticatedError("cannot log in: the user was changed meanwhile", hint="try again")
        self._known.forget(ended)
        await self._tell_ended("sessions.limit", ended, f"the user has more than {_SESSIONS_LIMIT}")
        self.counters.add("sessions_opened")
        return await self._opened(session, account.user.name, secret, refresh.expires_ms)

    async def refresh(self, secret: str, *, address: str = "") -> Opened:
        """Return new tokens for a refresh token, which ends with that. Raises UnauthenticatedError, the same for every cause."""
        is_lawful = secret.startswith(REFRESH_PREFIX) and len(secret) <= _SECRET_LIMIT
        rotated = await self._store.rotate(secret, self._lives, self._clock.now_ms()) if is_lawful else None
        if rotated is not None and rotated.is_replay:
            await self._end_replayed(rotated, address)
        if rotated is None or rotated.is_replay:
            raise UnauthenticatedError(
                "cannot refresh: the token is unknown, used before, or its session has ended", hint="log in again"
            )
        return await self._opened(rotated.session, rotated.account.user.name, rotated.secret, rotated.expires_ms)

    async def principal(self, token: str) -> tuple[Principal, int]:
        """Return whose access token that is, and when it ends (Unix milliseconds). Raises UnauthenticatedError."""
        claims = await self._tokens.verify(token)
        found = await self._store.find(claims.sid, self._clock.now_ms())
        if found is None or found[1].user.id != claims.sub:
            raise UnauthenticatedError("cannot accept access token: its session has ended", hint="log in again")
        session, account = found
        return principal_of(session, account), claims.exp * 1000

    async def find(self, session_id: str) -> tuple[Principal, int] | None:
        """Return who acts in a session that lives, and when it ends unless it is used (Unix milliseconds)."""
        found = await self._store.find(session_id, self._clock.now_ms())
        return None if found is None else (principal_of(*found), found[0].expires_ms)

    async def live(self, user_id: str | None) -> list[tuple[Session, str]]:
        """Return live sessions, of one user or of all, with the names of their users; the newest first."""
        return await self._store.sessions(user_id, self._clock.now_ms())

    async def end(self, session_id: str, by: EndedBy) -> None:
        """End a session at once. Raises NotFoundError when there is none that lives."""
        ended = await self._store.end(session_id, by, self._clock.now_ms())
        if not ended:
            raise NotFoundError(f"cannot end session {session_id[:40]}: there is none, or it has ended")
        self._known.forget(ended)

    async def end_by_refresh(self, secret: str) -> str | None:
        """End the session of a refresh token and return its id, if there is one that lives."""
        session_id = await self._store.find_by_refresh(secret)
        ended = [] if session_id is None else await self._store.end(session_id, EndedBy.LOGOUT, self._clock.now_ms())
        self._known.forget(ended)
        return session_id if ended else None

    async def end_of_user(self, user_id: str, keep: str = "") -> int:
        """End every session of a user but ``keep``; return their number."""
        ended = await self._store.end_of_user(user_id, EndedBy.REVOKED, self._clock.now_ms(), keep)
        self._known.forget(ended)
        return len(ended)

    async def tidy(self) -> None:
        """End what has expired, and forget what ended long ago."""
        now_ms = self._clock.now_ms()
        expired = await self._store.tidy(now_ms, now_ms - _FORGET_MS)
        self._known.forget(expired)
        await self._tell_ended("sessions.expire", expired, "its time was over")

    async def _opened(self, session: Session, name: str, secret: str, expires_ms: int) -> Opened:
        access = await self._tokens.sign(session.user_id, session.id)
        return Opened(session, name, access.token, access.expires_ms, secret, expires_ms)

    async def _end_replayed(self, rotated: Rotated, address: str) -> None:
        session, user = rotated.session, rotated.account.user
        self._known.forget([session.id])
        self.counters.add("refresh_replays")
        log.warning("refresh_token_replayed user=%s session=%s", user.name, session.id)
        detail = "a refresh token was used a second time: somebody has a copy, so the session has ended"
        await self._tell(
            Deed("sessions.replay", Outcome.DONE, user.name, session.id, "user", address, session.id, detail=detail)
        )

    async def _tell_ended(self, action: str, ended: list[str], detail: str) -> None:
        for session_id in ended[:_TOLD_LIMIT]:
            await self._tell(
                Deed(action, Outcome.DONE, "server", actor_kind="server", target=session_id, detail=detail)
            )
        if (more := len(ended) - _TOLD_LIMIT) > 0:
            told = f"{more} more sessions: {detail}"
            await self._tell(Deed(action, Outcome.DONE, "server", actor_kind="server", detail=told, count=more))

    async def _tell(self, deed: Deed) -> None:
        # What has ended has ended; a full disk must not bring it back.
        try:
            if self._audit is not None:
                await self._audit.record(deed)
        except NagareError as error:
            log.warning("deed_not_recorded action=%s: %s", deed.action, error.message)


def principal_of(session: Session, account: Account) -> Principal:
    """Return who acts in ``session``."""
    rights = account.rights
    return Principal(
        id=session.id,
        name=account.user.name,
        permissions=rights.permissions,
        kind=PrincipalKind.USER,
        user_id=account.user.id,
        session_id=session.id,
        scopes=rights.scopes,
    )
