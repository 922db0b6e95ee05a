"""Users: who they are, which roles they have, and letting them in or not."""

from __future__ import annotations

from typing import Any

from nagare.errors import InputError, PermissionDeniedError
from nagare.identity.users.foreign import ForeignIdentity
from nagare.identity.users.roles import Grant, scope_of
from nagare.identity.users.user import Account
from nagare.lib.rfc3339 import format_ms
from nagare.model.principal import Permission
from nagare.server.rates.addresses import address_of
from nagare.server.route import Call, Route
from nagare.wire.users import (
    GrantRequest,
    GrantView,
    IdentityView,
    PasswordRequest,
    UserList,
    UserPatch,
    UserRequest,
    UserView,
)


async def list_users(call: Call) -> UserList:
    """Return every user, by name."""
    accounts = await call.services.identity.users.accounts()
    known = await call.services.oidc.store.identities(account.user.id for account in accounts)
    return UserList([view_of(account, known.get(account.user.id)) for account in accounts])


async def get_user(call: Call) -> UserView:
    """Return one user."""
    account = await call.services.identity.users.get(call.path("name"))
    return view_of(account, await call.services.oidc.store.identity_of(account.user.id))


async def add_user(call: Call) -> UserView:
    """Add a user with its first roles."""
    request: UserRequest = call.value
    call.note.tell(request.name)
    grants = [Grant(grant.role, scope_of(grant.groups)) for grant in request.grants]
    account = await call.services.identity.users.add(call.principal, request.name, request.password, grants)
    call.note.tell(account.user.name, after=_told(account))
    return view_of(account)


async def patch_user(call: Call) -> UserView:
    """Rename a user, or let it in or not."""
    users, patch = call.services.identity.users, call.value
    account = await users.get(call.path("name"))
    call.note.tell(account.user.name, before=_told(account))
    if patch.name is not None:
        account = await users.rename(call.principal, account, patch.name)
    if patch.is_disabled is not None:
        if patch.is_disabled and account.user.id == call.principal.user_id:
            raise InputError("cannot disable yourself", hint="somebody else has to")
        change = users.disable if patch.is_disabled else users.enable
        account = await change(call.principal, account)
    call.note.tell(after=_told(account))
    return view_of(account)


async def remove_user(call: Call) -> None:
    """Forget a user; its sessions and keys end."""
    account = await call.services.identity.users.get(call.path("name"))
    call.note.tell(account.user.name, before=_told(account))
    if account.user.id == call.principal.user_id:
        raise InputError("cannot remove yourself", hint="somebody else has to")
    await call.services.identity.users.remove(call.principal, account)


async def set_password(call: Call) -> None:
    """Set another user's password; its sessions end."""
    account = await call.services.identity.users.get(call.path("name"))
    call.note.tell(account.user.name)
    request: PasswordRequest = call.value
    await call.services.identity.users.set_password(call.principal, account, request.password, request.current)


async def set_own_password(call: Call) -> None:
    """Set one's own password; one's other sessions end."""
    if not call.principal.user_id:
        raise PermissionDeniedError("cannot set own password: the caller is no user")
    users, request = call.services.identity.users, call.value
    account = await users.get_id(call.principal.user_id)
    call.note.tell(account.user.name)
    throttle, address = call.services.identity.throttle, address_of(call.request)
    # Who has stolen a session must not be able to guess the password by it.
    throttle.attempt(account.user.name, address)
    await users.set_password(call.principal, account, request.password, request.current)
    throttle.succeed(account.user.name, address)


async def grant(call: Call) -> UserView:
    """Give a user a role, or the same one for other groups of hosts."""
    users, request = call.services.identity.users, call.value
    account = await users.get(call.path("name"))
    call.note.tell(account.user.name, before=_told(account))
    account = await users.grant(call.principal, account, Grant(call.path("role"), scope_of(request.groups)))
    call.note.tell(after=_told(account))
    return view_of(account)


async def take(call: Call) -> UserView:
    """Take a role from a user."""
    users = call.services.identity.users
    account = await users.get(call.path("name"))
    call.note.tell(account.user.name, before=_told(account))
    account = await users.take(call.principal, account, call.path("role"))
    call.note.tell(after=_told(account))
    return view_of(account)


def view_of(account: Account, identity: ForeignIdentity | None = None) -> UserView:
    """Return a user as the API shows it."""
    user = account.user
    return UserView(
        id=user.id,
        name=user.name,
        grants=[_grant(grant) for grant in account.grants],
        permissions=sorted(account.rights.permissions),
        is_disabled=user.disabled_ms is not None,
        has_password=user.password is not None,
        created_at=format_ms(user.created_ms),
        last_login_at=None if user.last_login_ms is None else format_ms(user.last_login_ms),
        identity=None if identity is None else IdentityView(identity.issuer, identity.subject),
    )


def _grant(grant: Grant) -> GrantView:
    return GrantView(grant.role, None if grant.scope is None else sorted(grant.scope))


def _told(account: Account) -> dict[str, Any]:
    roles = {grant.role: None if grant.scope is None else sorted(grant.scope) for grant in account.grants}
    return {"name": account.user.name, "roles": roles, "is_disabled": account.user.disabled_ms is not None}


_ALL, _ONE = "/api/v1/users", "/api/v1/users/{name}"
_GRANT = "/api/v1/users/{name}/roles/{role}"
ROUTES = (
    Route("GET", _ALL, list_users, "Every user", Permission.USERS_READ, reply=UserList),
    Route("GET", _ONE, get_user, "One user", Permission.USERS_READ, reply=UserView),
    Route(
        "POST", _ALL, add_user, "Add a user", Permission.USERS_WRITE,
        request=UserRequest, reply=UserView, action="users.add", refuses=(404, 409),
    ),
    Route(
        "PATCH", _ONE, patch_user, "Rename, disable or enable a user", Permission.USERS_WRITE,
        request=UserPatch, reply=UserView, action="users.change", refuses=(409,),
    ),
    Route("DELETE", _ONE, remove_user, "Forget a user", Permission.USERS_WRITE, action="users.remove"),
    Route(
        "PUT", f"{_ONE}/password", set_password, "Set a user's password", Permission.USERS_WRITE,
        request=PasswordRequest, action="users.password", success=204,
    ),
    Route(
        "PUT", "/api/v1/auth/password", set_own_password, "Set one's own password", Permission.ACCOUNT_WRITE,
        request=PasswordRequest, action="account.password", success=204, refuses=(404,),
    ),
    Route(
        "PUT", _GRANT, grant, "Give a role", Permission.USERS_WRITE,
        request=GrantRequest, reply=UserView, action="users.grant",
    ),
    Route("DELETE", _GRANT, take, "Take a role away", Permission.USERS_WRITE, reply=UserView, action="users.revoke"),
)  # fmt: skip
