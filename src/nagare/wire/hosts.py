"""Hosts over HTTP: registering one and looking at them."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from nagare.wire.commands import SignedCommandKeys

Presented = TypeVar("Presented", "RegisterReply", "Standing")


class RegisterRequest(msgspec.Struct, frozen=True):
    """An agent presents its machine. ``public_key`` is an Ed25519 key, base64 of 32 bytes."""

    name: str
    machine_id: str
    version: str
    interval_seconds: float = 5.0
    facts: dict[str, str] = {}
    labels: dict[str, str] = {}
    public_key: str | None = None


class HostPresentation(msgspec.Struct, frozen=True):
    """What a host that is registered says of itself anew: after an update, a new kernel, another setting."""

    version: str
    interval_seconds: float = 5.0
    facts: dict[str, str] = {}
    labels: dict[str, str] = {}


def as_request(told: HostPresentation, name: str, machine_id: str, public_key: str | None) -> RegisterRequest:
    """Return ``told`` as a registration of the host of that name."""
    return RegisterRequest(name, machine_id, told.version, told.interval_seconds, told.facts, told.labels, public_key)


def without_label(request: RegisterRequest, key: str) -> RegisterRequest:
    """Return ``request`` without that label."""
    labels = {name: value for name, value in request.labels.items() if name != key}
    return msgspec.structs.replace(request, labels=labels)


class RegisterReply(msgspec.Struct, frozen=True):
    """The host's identity and the token that may ingest as it; the token is told only here.

    ``enrolment`` is active, or pending: then the token works once an operator has accepted the host. ``ca`` is the
    authority (PEM) that the server's certificate comes from, empty without one to give. ``trust`` says what may stand in
    for the join token's pin from now on, once it verifies for the name that was joined by: ``authority`` (``ca``),
    ``system`` (the roots of the host's system), or nothing. ``command_keys``: what signs the server's commands.
    """

    id: str
    name: str
    token: str
    enrolment: str = "active"
    capabilities: list[str] = msgspec.field(default_factory=lambda: ["metrics"])
    ca: str = ""
    trust: str = ""
    command_keys: SignedCommandKeys | None = None


def with_authority(reply: RegisterReply, ca: str) -> RegisterReply:
    """Return ``reply`` with the authority of the server's certificate, the system's when ``ca`` is empty."""
    return msgspec.structs.replace(reply, ca=ca, trust="authority" if ca else "system")


class Standing(msgspec.Struct, frozen=True):
    """How far the asking host has come (pending, active) and what it may; ``again_seconds``: when to ask again.

    ``renews_token``: the host should ask for a new token. ``pins``: of the server's own certificate, the SHA-256 (hex) of its
    public key and of those that come after it, for hosts that keep the pin; empty when there is no such certificate.
    ``command_keys``: what signs the server's commands, as far as the host may run any.
    """

    name: str
    enrolment: str
    capabilities: list[str]
    again_seconds: float
    renews_token: bool = False
    pins: list[str] = []
    command_keys: SignedCommandKeys | None = None


def with_command_keys(told: Presented, keys: SignedCommandKeys | None) -> Presented:
    """Return ``told`` with what signs the server's commands."""
    return msgspec.structs.replace(told, command_keys=keys)


def with_renewal(standing: Standing, *, renews_token: bool, pins: list[str]) -> Standing:
    """Return ``standing`` with whether the host should ask for a new token, and with the pins that are good."""
    return msgspec.structs.replace(standing, renews_token=renews_token, pins=pins)


class TokenRenewal(msgspec.Struct, frozen=True):
    """A host asks for a new token: the SHA-256 (hex) of the present one, so that a copy of the request is of no use later."""

    token_sha256: str


class RenewedToken(msgspec.Struct, frozen=True):
    """A host's new token, told only here; the present one ends with the first use of it.

    ``ca`` is the authority (PEM) that the server's certificate comes from, empty without TLS.
    """

    token: str
    ca: str = ""


class RenewalCount(msgspec.Struct, frozen=True):
    """How many hosts will ask for a new token."""

    hosts: int


class HostView(msgspec.Struct, frozen=True):
    """A host as people see it; times are RFC 3339. ``state``: up, stale, down, unknown.

    ``enrolment``: pending, active, revoked; ``conflict`` tells of another machine that asked for the name.
    ``maintenance`` says why the host is in maintenance, empty when it is not; ``note`` is the newest note on it.
    """

    id: str
    name: str
    state: str
    registered_at: str
    last_seen_at: str | None
    interval_seconds: float
    version: str
    labels: dict[str, str]
    facts: dict[str, str]
    enrolment: str = "active"
    capabilities: list[str] = msgspec.field(default_factory=lambda: ["metrics"])
    conflict: str = ""
    maintenance: str = ""
    note: str = ""


class HostAccept(msgspec.Struct, frozen=True):
    """What an accepted host may do beside sending metrics: commands, update."""

    capabilities: list[str] = msgspec.field(default_factory=lambda: ["metrics"])


class HostPatch(msgspec.Struct, frozen=True):
    """What an operator may change of a host."""

    labels: dict[str, str]


class HostList(msgspec.Struct, frozen=True):
    """Hosts, by name."""

    hosts: list[HostView]
