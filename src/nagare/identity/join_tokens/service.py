"""Join tokens: minting, spending and ending them.

A token is told once and kept as a digest. It lets its bearer register machines and nothing else, so many times and until
a time that are both near; what becomes of a machine (active, or waiting for an operator) is decided when it is minted.
"""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass, replace

from nagare.errors import InputError, NotFoundError, PermissionDeniedError, UnauthenticatedError
from nagare.identity.join_tokens.store import JoinTokenStore
from nagare.identity.join_tokens.token import JoinToken
from nagare.identity.known import KnownCallers
from nagare.identity.tokens import digest_of
from nagare.lib.clock import Clock
from nagare.lib.plain_text import plain
from nagare.model.principal import Permission, Principal, PrincipalKind

JOIN_PREFIX = "ngj_"
_RANDOM_BYTES = 24
_NOTE_LIMIT = 64
USES_MOST = 10_000
EXPIRES_MOST_SECONDS = 30 * 86_400
# Ended ones are shown for a while, for who wonders why a machine was refused.
_SHOWN_MS = 7 * 86_400_000


@dataclass(frozen=True, slots=True)
class Terms:
    """What a new token shall allow."""

    note: str
    expires_seconds: float
    uses: int
    networks: tuple[str, ...]
    labels: dict[str, str]
    capabilities: frozenset[str]
    accepts: bool


class JoinTokens:
    """The join tokens of this installation."""

    def __init__(self, store: JoinTokenStore, known: KnownCallers, clock: Clock) -> None:
        """Keep tokens in ``store``."""
        self._store = store
        self._known = known
        self._clock = clock

    async def mint(self, maker: Principal, terms: Terms) -> tuple[JoinToken, str]:
        """Return a new token and its secret, which is told only now. Raises InputError."""
        if not 0 < terms.expires_seconds <= EXPIRES_MOST_SECONDS:
            raise InputError(f"cannot mint join token: it must end within {EXPIRES_MOST_SECONDS // 86_400} days")
        if not 0 < terms.uses <= USES_MOST:
            raise InputError(f"cannot mint join token: 1 to {USES_MOST} uses are lawful")
        if plain(terms.note, _NOTE_LIMIT) != terms.note:
            raise InputError(f"cannot mint join token: a note has at most {_NOTE_LIMIT} visible characters")
        secret = JOIN_PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
        now_ms = self._clock.now_ms()
        token = JoinToken(
            id=uuid.uuid4().hex,
            digest=digest_of(secret),
            note=terms.note,
            made_by=maker.name,
            created_ms=now_ms,
            expires_ms=now_ms + round(terms.expires_seconds * 1000),
            uses_left=terms.uses,
            networks=terms.networks,
            labels=terms.labels,
            capabilities=terms.capabilities,
            accepts=terms.accepts,
        )
        await self._store.add(token, now_ms - _SHOWN_MS)
        return token, secret

    async def principal(self, secret: str) -> tuple[Principal, int | None]:
        """Return who bears that secret, and until when. Raises UnauthenticatedError."""
        token = await self._store.find(digest_of(secret))
        if token is None or token.expires_ms <= self._clock.now_ms():
            raise UnauthenticatedError(
                "cannot accept join token: unknown, ended or revoked", hint="mint a new one: nagare tokens mint"
            )
        name = f"join:{token.note or token.id[:8]}"
        permissions = frozenset({Permission.HOSTS_REGISTER})
        return Principal(token.id, name, permissions, kind=PrincipalKind.JOIN), token.expires_ms

    async def check(self, token_id: str, address: str) -> JoinToken:
        """Return the terms of a token for a machine at ``address``. Raises PermissionDeniedError."""
        token = await self._store.get(token_id)
        if token is None:
            raise PermissionDeniedError("cannot join: the token was revoked")
        if not token.is_from_lawful_network(address):
            raise PermissionDeniedError(
                f"cannot join from {plain(address, 60)}: the token is for {', '.join(token.networks)}",
                hint="mint one for that network",
            )
        return token

    async def spend(self, token: JoinToken) -> JoinToken:
        """Spend one use. Raises PermissionDeniedError when none is left."""
        if not await self._store.take_use(token.id, self._clock.now_ms()):
            raise PermissionDeniedError(
                "cannot join: the token has no use left", hint="mint a new one: nagare tokens mint"
            )
        return replace(token, uses_left=token.uses_left - 1)

    async def tokens(self) -> list[JoinToken]:
        """Return every token, the newest first."""
        return await self._store.tokens()

    async def revoke(self, token_id: str) -> None:
        """End a token at once; hosts that joined with it stay. Raises NotFoundError."""
        if not await self._store.remove(token_id):
            raise NotFoundError(f"cannot find join token {token_id[:40]}: there is none of that id")
        self._known.forget([token_id])
