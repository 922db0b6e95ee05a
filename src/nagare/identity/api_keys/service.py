"""Personal keys: a program's way to act for a user, with less than the user may, until a day that is known.

A key is told once and kept as a digest. It allows what it was given and its owner still may; it cannot make keys or
change its owner's account, so that a leaked one does not outlive its end.
"""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Mapping

from nagare.errors import InputError, NotFoundError, PermissionDeniedError, UnauthenticatedError
from nagare.identity.api_keys.key import ApiKey
from nagare.identity.api_keys.store import ApiKeyStore
from nagare.identity.known import KnownCallers
from nagare.identity.tokens import digest_of
from nagare.lib.clock import Clock
from nagare.lib.plain_text import plain
from nagare.model.principal import Permission, Principal, PrincipalKind

KEY_PREFIX = "ngk_"
_RANDOM_BYTES = 32
_NAME_LIMIT = 64
_KEYS_LIMIT = 100
EXPIRES_MOST_SECONDS = 366 * 86_400


class ApiKeys:
    """The personal keys of this installation."""

    def __init__(self, store: ApiKeyStore, known: KnownCallers, clock: Clock) -> None:
        """Keep keys in ``store``."""
        self._store = store
        self._known = known
        self._clock = clock

    async def principal(self, secret: str) -> tuple[Principal, int | None]:
        """Return whose key that is, and when it ends (Unix milliseconds). Raises UnauthenticatedError."""
        found = await self._store.find(digest_of(secret), self._clock.now_ms())
        if found is None:
            raise UnauthenticatedError("cannot accept key: unknown, revoked or expired")
        key, account = found
        rights = account.rights.only((key.permissions - {Permission.ACCOUNT_WRITE}) | {Permission.ACCOUNT_READ})
        principal = Principal(
            id=key.id,
            name=account.user.name,
            permissions=rights.permissions,
            kind=PrincipalKind.KEY,
            user_id=account.user.id,
            scopes=rights.scopes,
            key_name=key.name,
        )
        return principal, key.expires_ms

    async def make(
        self, owner: Principal, name: str, permissions: frozenset[Permission], expires_seconds: float
    ) -> tuple[ApiKey, str]:
        """Make a key of ``owner``'s and return it with its secret, which is told only now.

        Raises PermissionDeniedError for more than the owner may, InputError, ConflictError, LimitExceededError.
        """
        if owner.kind is not PrincipalKind.USER:
            raise PermissionDeniedError("cannot make key: only a user who has logged in can, for itself")
        if beyond := permissions - owner.permissions:
            raise PermissionDeniedError(f"cannot make key: you do not have {', '.join(sorted(beyond))} yourself")
        if Permission.ACCOUNT_WRITE in permissions:
            raise InputError(f"cannot make key: none may have {Permission.ACCOUNT_WRITE}")
        if not 0 < expires_seconds <= EXPIRES_MOST_SECONDS:
            raise InputError(f"cannot make key: it must end within {EXPIRES_MOST_SECONDS // 86_400} days")
        shown = plain(name, _NAME_LIMIT).strip()
        if not shown or shown != name:
            raise InputError(f"cannot make key: name it, in at most {_NAME_LIMIT} visible characters")
        secret = KEY_PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
        now_ms = self._clock.now_ms()
        key = ApiKey(
            uuid.uuid4().hex, digest_of(secret), owner.user_id, name, permissions, now_ms,
            now_ms + round(expires_seconds * 1000),
        )  # fmt: skip
        await self._store.add(key, _KEYS_LIMIT)
        return key, secret

    async def keys(self, user_id: str | None) -> list[tuple[ApiKey, str]]:
        """Return keys, of one user or of all, with the names of their users."""
        return await self._store.keys(user_id)

    async def get(self, key_id: str) -> ApiKey:
        """Return the key of that id. Raises NotFoundError."""
        key = await self._store.find_id(key_id)
        if key is None:
            raise NotFoundError(f"cannot find key {key_id[:40]}: there is none of that id")
        return key

    async def is_live(self, key_id: str) -> bool:
        """Tell whether there is a key of that id that has not ended."""
        key = await self._store.find_id(key_id)
        return key is not None and (key.expires_ms is None or key.expires_ms > self._clock.now_ms())

    async def remove(self, key: ApiKey) -> None:
        """End a key at once."""
        await self._store.remove(key.id)
        self._known.forget([key.id])

    async def save_last_used(self, used_ms: Mapping[str, int]) -> None:
        """Keep when keys were last used: id -> Unix milliseconds; ids of others are passed over."""
        await self._store.save_last_used(used_ms)
