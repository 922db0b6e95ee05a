"""Passes: what a program that the server starts for somebody shows instead of that somebody's own tokens.

A pass belongs to a login and ends with it. It allows what the user may at the moment, and of that only what was said when
it was made. Passes are kept in memory alone: a server that starts again knows none.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace

from nagare.errors import UnauthenticatedError
from nagare.identity.known import KnownCallers
from nagare.identity.sessions.service import Sessions
from nagare.identity.tokens import digest_of
from nagare.lib.clock import Clock
from nagare.model.principal import Permission, Principal, PrincipalKind, rights_of

PASS_PREFIX = "ngw_"  # noqa: S105  the mark by which scanners find one, no secret
_RANDOM_BYTES = 32
# How long a pass is known without a look at its login, whose end may come closer or move away.
_KNOWN_MS = 60_000


@dataclass(frozen=True, slots=True)
class _Pass:
    """Whose it is, what it allows at most, and from where that user acts."""

    session_id: str
    permissions: frozenset[Permission]
    address: str


class Passes:
    """The passes of this server."""

    def __init__(self, sessions: Sessions, known: KnownCallers, clock: Clock) -> None:
        """Begin with none; whose logins live is asked of ``sessions``."""
        self._sessions = sessions
        self._known = known
        self._clock = clock
        self._passes: dict[str, _Pass] = {}

    def issue(self, session_id: str, permissions: frozenset[Permission], address: str) -> str:
        """Return a new pass for a login: at most ``permissions``, and on record as from ``address``."""
        secret = PASS_PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
        self._passes[digest_of(secret)] = _Pass(session_id, permissions, address)
        return secret

    def end(self, secret: str) -> None:
        """Let a pass allow nothing any more, at once."""
        digest = digest_of(secret)
        self._passes.pop(digest, None)
        self._known.drop(digest)

    async def principal(self, secret: str) -> tuple[Principal, int]:
        """Return who shows that pass, and until when that is known (Unix milliseconds). Raises UnauthenticatedError."""
        found = self._passes.get(digest_of(secret))
        login = None if found is None else await self._sessions.find(found.session_id)
        if found is None or login is None:
            raise UnauthenticatedError("cannot accept pass: it has ended, or the login that it belongs to has")
        owner, expires_ms = login
        rights = rights_of(owner).only(found.permissions)
        principal = replace(
            owner,
            permissions=rights.permissions,
            scopes=rights.scopes,
            kind=PrincipalKind.BROWSER,
            address=found.address,
        )
        return principal, min(expires_ms, self._clock.now_ms() + _KNOWN_MS)
