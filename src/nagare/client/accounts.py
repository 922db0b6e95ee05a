"""Calls about who may what: logging in and out, users, roles, sessions, keys."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import quote

from nagare.client.client import Client
from nagare.wire.auth import (
    Ended,
    KeyList,
    KeyRequest,
    KeyRotation,
    KeyView,
    LoginRequest,
    LogoutRequest,
    Me,
    SessionList,
    SessionView,
    TokenReply,
)
from nagare.wire.oidc import DevicePoll, DeviceReply, DeviceRequest, DeviceState, LinkRequest, LoginMethods
from nagare.wire.users import (
    GrantRequest,
    GrantView,
    PasswordRequest,
    RoleList,
    RoleRequest,
    RoleView,
    UserList,
    UserPatch,
    UserRequest,
    UserView,
)

_AUTH, _USERS = "/api/v1/auth", "/api/v1/users"


class Accounts:
    """The calls, through a client that is entered."""

    def __init__(self, client: Client) -> None:
        """Speak through ``client``."""
        self._client = client

    async def login(self, user: str, password: str) -> TokenReply:
        """Open a session. Raises UnauthenticatedError, RateLimitedError."""
        return await self._client.send("POST", f"{_AUTH}/login", LoginRequest(user, password), TokenReply)

    async def login_methods(self) -> LoginMethods:
        """Return how users may log in."""
        return await self._client.fetch(f"{_AUTH}/methods", LoginMethods)

    async def begin_device(self) -> DeviceReply:
        """Begin a login by the OpenID provider. Raises NotFoundError when there is none, UnavailableError."""
        return await self._client.send("POST", f"{_AUTH}/oidc/device", DeviceRequest(), DeviceReply)

    async def poll_device(self, handle: str) -> DeviceState:
        """Ask how far it is. Raises UnauthenticatedError when it was refused or took too long."""
        return await self._client.send("POST", f"{_AUTH}/oidc/device/poll", DevicePoll(handle), DeviceState)

    async def link(self, name: str, subject: str, issuer: str = "") -> None:
        """Say who a user is at the OpenID provider."""
        await self._client.send("PUT", f"{_user(name)}/identity", LinkRequest(subject, issuer), None)

    async def unlink(self, name: str) -> None:
        """Part a user from its identity there; its sessions end."""
        await self._client.send("DELETE", f"{_user(name)}/identity", None, None)

    async def logout(self, refresh_token: str) -> None:
        """End the session of that refresh token."""
        await self._client.send("POST", f"{_AUTH}/logout", LogoutRequest(refresh_token), None)

    async def me(self) -> Me:
        """Return who the caller is."""
        return await self._client.fetch(f"{_AUTH}/me", Me)

    async def rotate_keys(self) -> KeyRotation:
        """Sign access tokens with a new key."""
        return await self._client.send("POST", f"{_AUTH}/rotate-keys", None, KeyRotation)

    async def users(self) -> list[UserView]:
        """Return every user, by name."""
        return (await self._client.fetch(_USERS, UserList)).users

    async def user(self, name: str) -> UserView:
        """Return one user."""
        return await self._client.fetch(_user(name), UserView)

    async def add_user(self, name: str, password: str | None, grants: Sequence[GrantView]) -> UserView:
        """Add a user with its first roles."""
        return await self._client.send("POST", _USERS, UserRequest(name, password, list(grants)), UserView)

    async def patch_user(self, name: str, patch: UserPatch) -> UserView:
        """Rename a user, or let it in or not."""
        return await self._client.send("PATCH", _user(name), patch, UserView)

    async def remove_user(self, name: str) -> None:
        """Forget a user; its sessions and keys end."""
        await self._client.send("DELETE", _user(name), None, None)

    async def set_password(self, name: str, password: str) -> None:
        """Set another user's password; its sessions end."""
        await self._client.send("PUT", f"{_user(name)}/password", PasswordRequest(password), None)

    async def set_own_password(self, password: str, current: str) -> None:
        """Set one's own password; one's other sessions end."""
        await self._client.send("PUT", f"{_AUTH}/password", PasswordRequest(password, current), None)

    async def grant(self, name: str, role: str, groups: Sequence[str] | None) -> UserView:
        """Give a user a role, in those groups of hosts or everywhere."""
        request = GrantRequest(None if groups is None else list(groups))
        return await self._client.send("PUT", f"{_user(name)}/roles/{_part(role)}", request, UserView)

    async def take(self, name: str, role: str) -> UserView:
        """Take a role from a user."""
        return await self._client.send("DELETE", f"{_user(name)}/roles/{_part(role)}", None, UserView)

    async def roles(self) -> RoleList:
        """Return every role and permission."""
        return await self._client.fetch("/api/v1/roles", RoleList)

    async def put_role(self, name: str, permissions: Sequence[str], text: str) -> RoleView:
        """Make or change a role of one's own."""
        return await self._client.send(
            "PUT", f"/api/v1/roles/{_part(name)}", RoleRequest(list(permissions), text), RoleView
        )

    async def remove_role(self, name: str) -> None:
        """Forget a role that nobody has."""
        await self._client.send("DELETE", f"/api/v1/roles/{_part(name)}", None, None)

    async def sessions(self, user: str | None) -> list[SessionView]:
        """Return live sessions: one's own, a user's, or all for ``*``."""
        return (await self._client.fetch("/api/v1/sessions", SessionList, _of(user))).sessions

    async def end_session(self, session_id: str) -> None:
        """End a session at once."""
        await self._client.send("DELETE", f"/api/v1/sessions/{_part(session_id)}", None, None)

    async def end_sessions(self, name: str) -> Ended:
        """End all sessions of a user."""
        return await self._client.send("DELETE", f"{_user(name)}/sessions", None, Ended)

    async def keys(self, user: str | None) -> list[KeyView]:
        """Return personal keys: one's own, a user's, or all for ``*``."""
        return (await self._client.fetch("/api/v1/keys", KeyList, _of(user))).keys

    async def make_key(self, name: str, permissions: Sequence[str], expires_seconds: float) -> KeyView:
        """Make a key of one's own; its secret is told only now."""
        request = KeyRequest(name, list(permissions), expires_seconds)
        return await self._client.send("POST", "/api/v1/keys", request, KeyView)

    async def end_key(self, key_id: str) -> None:
        """End a key at once."""
        await self._client.send("DELETE", f"/api/v1/keys/{_part(key_id)}", None, None)


def _user(name: str) -> str:
    return f"{_USERS}/{_part(name)}"


def _part(text: str) -> str:
    return quote(text, safe="")


def _of(user: str | None) -> dict[str, str] | None:
    return None if user is None else {"user": user}
