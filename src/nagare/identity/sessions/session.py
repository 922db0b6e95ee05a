"""A session as it is kept, and the secrets that keep it alive."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from enum import StrEnum

REFRESH_PREFIX = "ngf_"
_RANDOM_BYTES = 32
# One client whose answer was lost, or two of its programs at one time, may show a used token again for this long and
# get the same successor. Longer would give a thief more time in which nobody notices.
GRACE_SECONDS = 60


class EndedBy(StrEnum):
    """Why a session ended."""

    LOGOUT = "logout"
    REVOKED = "revoked"
    REPLAY = "replay"
    EXPIRED = "expired"
    LIMIT = "limit"


@dataclass(frozen=True, slots=True)
class Lives:
    """How long a session lives in all, and without any use, in milliseconds."""

    whole_ms: int
    idle_ms: int

    def end_ms(self, created_ms: int, used_ms: int) -> int:
        """Return when a session ends that began and was used last at these times."""
        return min(created_ms + self.whole_ms, used_ms + self.idle_ms)


@dataclass(frozen=True, slots=True)
class Session:
    """A user's session: the family of refresh tokens that descend from one login. Times are Unix milliseconds.

    ``expires_ms`` is when it ends unless it is used before.
    """

    id: str
    user_id: str
    created_ms: int
    used_ms: int
    expires_ms: int
    address: str = ""
    agent: str = ""
    origin: str = "password"
    ended_ms: int | None = None
    ended_by: str | None = None


@dataclass(frozen=True, slots=True)
class Refresh:
    """A refresh token as it is kept; ``salt`` is what its successor is made of, together with the secret itself."""

    digest: str
    session_id: str
    salt: str
    created_ms: int
    expires_ms: int
    used_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Opened:
    """What a login or a refresh gives."""

    session: Session
    user_name: str
    access: str = field(repr=False)
    access_expires_ms: int
    refresh: str = field(repr=False)
    refresh_expires_ms: int


def make_refresh() -> str:
    """Return a new refresh token."""
    return REFRESH_PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)


def make_salt() -> str:
    """Return a new salt."""
    return secrets.token_hex(16)


def successor(secret: str, salt: str) -> str:
    """Return the token that follows ``secret``: the same each time, though neither is kept.

    Who has only the database cannot make it, and who has only the old token cannot either.
    """
    mixed = hmac.digest(secret.encode("utf-8", "surrogatepass"), b"refresh " + salt.encode(), hashlib.sha256)
    return REFRESH_PREFIX + base64.urlsafe_b64encode(mixed).rstrip(b"=").decode()
