"""What a token looks like and how it is kept: only its digest, so that a stolen database opens no door."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from enum import StrEnum

from nagare.model.principal import HOST_PERMISSIONS, WAITING_PERMISSIONS, Permission, Principal, PrincipalKind

# Secret scanners find a leaked token by its prefix.
PREFIX = "ngr_"
_RANDOM_BYTES = 32


class TokenKind(StrEnum):
    """Whose token it is."""

    ADMIN = "admin"
    HOST = "host"


@dataclass(frozen=True, slots=True)
class Token:
    """A token as it is kept; ``name`` is the host's name for a host's token. Times are Unix milliseconds."""

    id: str
    digest: str
    kind: TokenKind
    name: str
    permissions: frozenset[Permission]
    host_id: str | None
    created_ms: int
    revoked_ms: int | None = None
    last_used_ms: int | None = None
    # A host's new token that was not used yet: the id of the one that ends with its first use, and until when that may be.
    replaces: str | None = None
    until_ms: int | None = None
    # When an operator asked for a successor.
    due_ms: int | None = None

    @property
    def principal(self) -> Principal:
        """Who a bearer of this token is."""
        is_host = self.kind is TokenKind.HOST
        kind = PrincipalKind.HOST if is_host else PrincipalKind.LOCAL
        # Tokens from before hosts could ask for their standing and for updates have that too.
        also = HOST_PERMISSIONS if Permission.METRICS_WRITE in self.permissions else WAITING_PERMISSIONS
        permissions = self.permissions | also if is_host else self.permissions
        return Principal(self.id, self.name, permissions, self.name if is_host else None, kind)


def make_secret() -> str:
    """Return a new random token."""
    return PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)


def digest_of(secret: str) -> str:
    """Return the SHA-256 of ``secret`` in hex. A fast digest is right here: the secret has 256 random bits."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
