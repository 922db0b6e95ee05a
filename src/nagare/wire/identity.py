"""Credentials over HTTP: the ticket with which a browser's WebSocket authenticates."""

from __future__ import annotations

import msgspec


class TicketReply(msgspec.Struct, frozen=True):
    """A single-use ticket for the first frame of a WebSocket, and how long it lives."""

    ticket: str
    expires_seconds: float


class AccessClaims(msgspec.Struct, frozen=True):
    """What an access token says (RFC 9068): ``sub`` is the user, ``sid`` its session; times in Unix seconds."""

    iss: str
    aud: str
    sub: str
    sid: str
    jti: str
    iat: int
    nbf: int
    exp: int


class Jwk(msgspec.Struct, frozen=True):
    """A public key that verifies access tokens (RFC 7517)."""

    kty: str
    n: str
    e: str
    use: str
    alg: str
    kid: str


class JwkSet(msgspec.Struct, frozen=True):
    """The keys that verify access tokens, the newest first."""

    keys: list[Jwk]
