"""Logging in and staying so; sessions and personal keys. Times are RFC 3339."""

from __future__ import annotations

from typing import Annotated

import msgspec

Secret = Annotated[str, msgspec.Meta(max_length=4096)]
Name = Annotated[str, msgspec.Meta(max_length=256)]


class LoginRequest(msgspec.Struct, frozen=True):
    """User and password. With ``cookie`` a browser keeps the tokens out of reach of its pages, and the answer has none."""

    user: Name
    password: Secret
    cookie: bool = False


class RefreshRequest(msgspec.Struct, frozen=True):
    """The refresh token; a browser sends its cookie instead."""

    refresh_token: Secret = ""


class LogoutRequest(msgspec.Struct, frozen=True):
    """The refresh token of the session that shall end; a browser sends its cookie instead."""

    refresh_token: Secret = ""


class TokenReply(msgspec.Struct, frozen=True):
    """What a login gives; the tokens are empty when cookies carry them."""

    user: str
    session: str
    access_token: str
    expires_seconds: float
    refresh_token: str
    refresh_expires_at: str
    token_type: str = "Bearer"  # noqa: S105  a word of RFC 6750


class Me(msgspec.Struct, frozen=True):
    """The caller as the server knows it; ``scopes`` has the groups of hosts to which a permission is limited."""

    name: str
    kind: str
    permissions: list[str]
    scopes: dict[str, list[str]] = {}
    host: str | None = None
    user_id: str = ""
    session: str = ""


class SessionView(msgspec.Struct, frozen=True):
    """A live session."""

    id: str
    user: str
    created_at: str
    used_at: str
    expires_at: str
    address: str
    agent: str
    origin: str
    is_own: bool = False


class SessionList(msgspec.Struct, frozen=True):
    """Live sessions, the newest first."""

    sessions: list[SessionView]


class Ended(msgspec.Struct, frozen=True):
    """How many sessions ended."""

    ended: int


class KeyRequest(msgspec.Struct, frozen=True):
    """A personal key to be made, of at most a year."""

    name: Name
    permissions: Annotated[list[Name], msgspec.Meta(max_length=200)]
    expires_seconds: float


class KeyView(msgspec.Struct, frozen=True):
    """A personal key; ``secret`` is told once, when it is made."""

    id: str
    name: str
    user: str
    permissions: list[str]
    created_at: str
    expires_at: str | None
    last_used_at: str | None
    secret: str | None = None


class KeyList(msgspec.Struct, frozen=True):
    """Personal keys, by user and name."""

    keys: list[KeyView]


class KeyRotation(msgspec.Struct, frozen=True):
    """The id of the key that signs access tokens from now on."""

    kid: str
