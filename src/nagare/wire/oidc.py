"""Logging in by an OpenID provider: what we answer, and the documents of the provider as far as we read them."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from nagare.wire.auth import TokenReply

Handle = Annotated[str, msgspec.Meta(max_length=128)]
Word = Annotated[str, msgspec.Meta(max_length=256)]


class OidcMethod(msgspec.Struct, frozen=True):
    """A login by an OpenID provider: what its button says, and where a browser begins."""

    name: str
    issuer: str
    login: str


class LoginMethods(msgspec.Struct, frozen=True):
    """The ways to log in that this server takes."""

    password: bool
    oidc: OidcMethod | None = None


class DeviceRequest(msgspec.Struct, frozen=True):
    """Nothing yet: a terminal asks for a code."""


class DeviceReply(msgspec.Struct, frozen=True):
    """What a person does in a browser to let a terminal in; ``handle`` is what the terminal asks on with."""

    handle: str
    user_code: str
    verification_uri: str
    verification_uri_complete: str
    expires_seconds: float
    interval_seconds: float


class DevicePoll(msgspec.Struct, frozen=True):
    """The handle of a login that a terminal waits for."""

    handle: Handle


class DeviceState(msgspec.Struct, frozen=True):
    """How far it is: ``pending``, ``slow_down`` (longer pauses from now on), or ``done`` with the tokens."""

    state: str
    interval_seconds: float
    login: TokenReply | None = None


class LinkRequest(msgspec.Struct, frozen=True):
    """Who a user is at the OpenID provider: its ``sub``, and the issuer if it is another than the configured one."""

    subject: Word
    issuer: Word = ""


# What a provider says. Unknown members are ignored, as its documents may grow.


class Discovery(msgspec.Struct, frozen=True):
    """``/.well-known/openid-configuration``."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    device_authorization_endpoint: str = ""
    token_endpoint_auth_methods_supported: list[str] | None = None
    code_challenge_methods_supported: list[str] | None = None


class Jwks(msgspec.Struct, frozen=True):
    """Its keys, each of which may be of any kind."""

    keys: list[Any]


class Tokens(msgspec.Struct, frozen=True):
    """What it gives for a code."""

    id_token: str = ""
    access_token: str = ""
    token_type: str = ""


class DeviceCode(msgspec.Struct, frozen=True):
    """What it gives to begin a device's login (RFC 8628)."""

    device_code: str
    user_code: str
    verification_uri: str
    expires_in: float
    verification_uri_complete: str = ""
    interval: float = 5


class Refusal(msgspec.Struct, frozen=True):
    """Why it gives nothing (RFC 6749, 5.2)."""

    error: str = ""
    error_description: str = ""
