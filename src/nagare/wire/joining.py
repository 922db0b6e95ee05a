"""Join tokens over HTTP."""

from __future__ import annotations

import msgspec


class JoinTokenRequest(msgspec.Struct, frozen=True):
    """What a token shall allow. ``url`` is where machines reach the server; empty lets it say so itself."""

    note: str = ""
    expires_seconds: float = 3600.0
    uses: int = 1
    networks: list[str] = []
    labels: dict[str, str] = {}
    capabilities: list[str] = msgspec.field(default_factory=lambda: ["metrics"])
    accepts: bool = False
    url: str = ""


class JoinTokenView(msgspec.Struct, frozen=True):
    """A token as people see it; times are RFC 3339. ``token`` is told once, when it is minted."""

    id: str
    note: str
    made_by: str
    created_at: str
    expires_at: str
    uses_left: int
    networks: list[str]
    labels: dict[str, str]
    capabilities: list[str]
    accepts: bool
    token: str = ""


class JoinTokenList(msgspec.Struct, frozen=True):
    """``GET /api/v1/join-tokens``: tokens, the newest first."""

    tokens: list[JoinTokenView]


class JoinAddress(msgspec.Struct, frozen=True):
    """What a join token carries beside its secret: where the server is and the SHA-256 of its public key."""

    url: str
    pin: str = ""
