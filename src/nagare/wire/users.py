"""Users, the roles they have, and what roles allow. Times are RFC 3339."""

from __future__ import annotations

from typing import Annotated

import msgspec

Name = Annotated[str, msgspec.Meta(max_length=256)]
Groups = Annotated[list[Name], msgspec.Meta(max_length=1000)]


class GrantView(msgspec.Struct, frozen=True):
    """A role that a user has; ``groups`` of hosts limit it, null is every host."""

    role: Name
    groups: Groups | None = None


class GrantRequest(msgspec.Struct, frozen=True):
    """The groups of hosts to which a role is limited; null is every host."""

    groups: Groups | None = None


class UserRequest(msgspec.Struct, frozen=True):
    """A user to be added; one without a password logs in some other way."""

    name: Name
    password: Annotated[str, msgspec.Meta(max_length=4096)] | None = None
    grants: Annotated[list[GrantView], msgspec.Meta(max_length=100)] = []


class UserPatch(msgspec.Struct, frozen=True):
    """What of a user shall change; null leaves it."""

    name: Name | None = None
    is_disabled: bool | None = None


class PasswordRequest(msgspec.Struct, frozen=True):
    """A new password; one's own needs the ``current`` one too."""

    password: Annotated[str, msgspec.Meta(max_length=4096)]
    current: Annotated[str, msgspec.Meta(max_length=4096)] | None = None


class IdentityView(msgspec.Struct, frozen=True):
    """Who a user is at an OpenID provider."""

    issuer: str
    subject: str


class UserView(msgspec.Struct, frozen=True):
    """A user; ``identity`` is who it is at an OpenID provider, where it is linked."""

    id: str
    name: str
    grants: list[GrantView]
    permissions: list[str]
    is_disabled: bool
    has_password: bool
    created_at: str
    last_login_at: str | None
    identity: IdentityView | None = None


class UserList(msgspec.Struct, frozen=True):
    """Users, by name."""

    users: list[UserView]


class RoleRequest(msgspec.Struct, frozen=True):
    """What a role of one's own allows."""

    permissions: Annotated[list[Name], msgspec.Meta(max_length=200)]
    text: Annotated[str, msgspec.Meta(max_length=1000)] = ""


class RoleView(msgspec.Struct, frozen=True):
    """A role."""

    name: str
    permissions: list[str]
    text: str
    is_built_in: bool


class PermissionView(msgspec.Struct, frozen=True):
    """A permission; ``is_host_bound`` ones can be limited to groups of hosts."""

    name: str
    text: str
    is_host_bound: bool


class RoleList(msgspec.Struct, frozen=True):
    """Every role, and every permission that one may have."""

    roles: list[RoleView]
    permissions: list[PermissionView]
