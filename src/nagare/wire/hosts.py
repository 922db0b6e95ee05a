"""Hosts over HTTP: registering one and looking at them."""

from __future__ import annotations

import msgspec


class RegisterRequest(msgspec.Struct, frozen=True):
    """An agent presents its machine. ``public_key`` is an Ed25519 key, base64 of 32 bytes."""

    name: str
    machine_id: str
    version: str
    interval_seconds: float = 5.0
    facts: dict[str, str] = {}
    labels: dict[str, str] = {}
    public_key: str | None = None


class RegisterReply(msgspec.Struct, frozen=True):
    """The host's identity and the token that may ingest as it; the token is told only here."""

    id: str
    name: str
    token: str


class HostView(msgspec.Struct, frozen=True):
    """A host as people see it; times are RFC 3339. ``state``: up, stale, down, unknown."""

    id: str
    name: str
    state: str
    registered_at: str
    last_seen_at: str | None
    interval_seconds: float
    version: str
    labels: dict[str, str]
    facts: dict[str, str]


class HostPatch(msgspec.Struct, frozen=True):
    """What an operator may change of a host."""

    labels: dict[str, str]


class HostList(msgspec.Struct, frozen=True):
    """Hosts, by name."""

    hosts: list[HostView]
