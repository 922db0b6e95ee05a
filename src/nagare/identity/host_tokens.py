"""A host's token gets a successor before it is old, and at no moment is the host without one that works.

Both hold until the new one is used for the first time: then the old one ends, in the same step. A new one that is not
used in time ends instead, for its host may never have received it. So of the two exactly one is left.
"""

from __future__ import annotations

import hmac
import uuid
from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import Connection, delete, insert, select, update

from nagare.config.settings import IdentitySettings
from nagare.errors import ConflictError, RateLimitedError, UnauthenticatedError
from nagare.identity.known import KnownCallers
from nagare.identity.store import token_of, tokens, values_of
from nagare.identity.tokens import Token, TokenKind, digest_of, make_secret
from nagare.lib.clock import Clock
from nagare.records.engine import Records

# A new one is asked for when that part of the age has passed: what is left is for a host that is away meanwhile.
_DUE_RATIO = 2 / 3
# Whoever has the key of a host can make as many entries in the audit log, and no more.
_AGAIN_SECONDS = 10.0


class HostTokens:
    """The succession of hosts' tokens."""

    def __init__(self, records: Records, known: KnownCallers, settings: IdentitySettings, clock: Clock) -> None:
        """Keep the open records, who is known, and how old a token may be."""
        self._records = records
        self._known = known
        self._due_ms = round(settings.host_token_seconds * _DUE_RATIO * 1000)
        self._overlap_ms = round(settings.host_overlap_seconds * 1000)
        self._clock = clock

    async def is_due(self, token_id: str) -> bool:
        """Tell whether the host of that token should ask for another."""
        token = await self._records.read(lambda connection: _live(connection, token_id))
        return token is not None and self._is_due(token)

    async def renew(self, token_id: str, token_sha256: str) -> str:
        """Return a new token beside the one of that id; one made before and never used ends.

        Raises ConflictError when it is too early, RateLimitedError, and UnauthenticatedError when ``token_sha256`` is
        not that of the token, or the token ended meanwhile.
        """
        now_ms, secret = self._clock.now_ms(), make_secret()

        def work(connection: Connection) -> list[str]:
            present = _live(connection, token_id)
            if present is None or not hmac.compare_digest(present.digest, token_sha256):
                raise UnauthenticatedError("cannot renew token: the request is not for the token that it came with")
            if not self._is_due(present):
                raise _too_early()
            is_next = tokens.c.replaces == token_id
            made = list(connection.execute(select(tokens.c.id, tokens.c.created_ms).where(is_next)))
            if any(0 <= now_ms - row.created_ms < _AGAIN_SECONDS * 1000 for row in made):
                raise RateLimitedError(
                    "cannot renew token: the last one was made just now", retry_after_seconds=_AGAIN_SECONDS
                )
            connection.execute(delete(tokens).where(is_next))
            connection.execute(insert(tokens).values(**values_of(self._successor(present, secret, now_ms))))
            return [row.id for row in made]

        self._known.forget(await self._records.write(work))
        return secret

    async def demand(self, host_ids: Iterable[str]) -> int:
        """Let those hosts ask for new tokens as soon as they hear of it; return how many have a token at all."""
        wanted, now_ms = set(host_ids), self._clock.now_ms()

        def work(connection: Connection) -> int:
            live = tokens.c.revoked_ms.is_(None) & (tokens.c.kind == TokenKind.HOST.value)
            rows = connection.execute(select(tokens.c.id, tokens.c.host_id).where(live)).all()
            found = [row for row in rows if row.host_id in wanted]
            for row in found:
                connection.execute(update(tokens).where(tokens.c.id == row.id).values(due_ms=now_ms))
            return len({row.host_id for row in found})

        return await self._records.write(work)

    async def confirm(self, token: Token) -> Token | None:
        """Note the first use of a new token: the one that it replaces ends. Returns None when its time is over."""
        now_ms = self._clock.now_ms()

        def work(connection: Connection) -> tuple[Token | None, list[str]]:
            found = _live(connection, token.id)
            if found is None or found.replaces is None:
                return found, []
            is_late = found.until_ms is not None and found.until_ms <= now_ms
            ends = found.id if is_late else found.replaces
            is_ending = (tokens.c.id == ends) & tokens.c.revoked_ms.is_(None)
            connection.execute(update(tokens).where(is_ending).values(revoked_ms=now_ms, replaces=None, until_ms=None))
            if is_late:
                return None, [ends]
            connection.execute(update(tokens).where(tokens.c.id == found.id).values(replaces=None, until_ms=None))
            return replace(found, replaces=None, until_ms=None), [ends]

        confirmed, ended = await self._records.write(work)
        self._known.forget(ended)
        return confirmed

    def _is_due(self, token: Token) -> bool:
        return token.due_ms is not None or self._clock.now_ms() - token.created_ms >= self._due_ms

    def _successor(self, present: Token, secret: str, now_ms: int) -> Token:
        return Token(
            uuid.uuid4().hex,
            digest_of(secret),
            present.kind,
            present.name,
            present.permissions,
            present.host_id,
            now_ms,
            replaces=present.id,
            until_ms=now_ms + self._overlap_ms,
        )


def _live(connection: Connection, token_id: str) -> Token | None:
    query = select(tokens).where((tokens.c.id == token_id) & tokens.c.revoked_ms.is_(None))
    row = connection.execute(query).first()
    return None if row is None else token_of(row)


def _too_early() -> ConflictError:
    return ConflictError(
        "cannot renew token: it is not old", hint="on the server, nagare hosts rotate NAME lets a host renew it at once"
    )
