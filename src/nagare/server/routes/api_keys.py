"""Personal keys: making them, seeing when they were used, ending them."""

from __future__ import annotations

from nagare.errors import NotFoundError
from nagare.identity.api_keys.key import ApiKey
from nagare.identity.users.roles import permissions_of
from nagare.lib.rfc3339 import format_ms
from nagare.model.principal import Permission
from nagare.server.route import Call, Route
from nagare.server.routes.sessions import USER_PARAM, owner_wanted
from nagare.wire.auth import KeyList, KeyRequest, KeyView


async def list_keys(call: Call) -> KeyList:
    """Return one's own keys, a user's, or all."""
    found = await call.services.identity.api_keys.keys(await owner_wanted(call))
    return KeyList([_view(key, user) for key, user in found])


async def make_key(call: Call) -> KeyView:
    """Make a key of one's own; its secret is told only now."""
    request: KeyRequest = call.value
    call.note.tell(request.name, after={"permissions": sorted(request.permissions), "seconds": request.expires_seconds})
    permissions = permissions_of(request.permissions)
    api_keys = call.services.identity.api_keys
    key, secret = await api_keys.make(call.principal, request.name, permissions, request.expires_seconds)
    return _view(key, call.principal.name, secret)


async def remove_key(call: Call) -> None:
    """End a key at once."""
    key_id, principal = call.path("id"), call.principal
    key = await call.services.identity.api_keys.get(key_id)
    if key.user_id != principal.user_id and not principal.may(Permission.SESSIONS_WRITE):
        raise NotFoundError(f"cannot end key {key_id[:40]}: you have none of that id")
    users = call.services.identity.users
    account = await users.get_id(key.user_id)
    call.note.tell(key.name, before={"user": account.user.name, "permissions": sorted(key.permissions)})
    users.check_over(principal, account, "end a key of")
    await call.services.identity.api_keys.remove(key)


def _view(key: ApiKey, user: str, secret: str | None = None) -> KeyView:
    return KeyView(
        id=key.id,
        name=key.name,
        user=user,
        permissions=sorted(key.permissions),
        created_at=format_ms(key.created_ms),
        expires_at=None if key.expires_ms is None else format_ms(key.expires_ms),
        last_used_at=None if key.last_used_ms is None else format_ms(key.last_used_ms),
        secret=secret,
    )


_ALL = "/api/v1/keys"
ROUTES = (
    Route("GET", _ALL, list_keys, "Personal keys", Permission.ACCOUNT_READ, reply=KeyList, params=(USER_PARAM,), refuses=(404,)),
    Route(
        "POST", _ALL, make_key, "Make a personal key", Permission.ACCOUNT_WRITE,
        request=KeyRequest, reply=KeyView, action="keys.make", refuses=(409,),
    ),
    Route("DELETE", f"{_ALL}/{{id}}", remove_key, "End a personal key", Permission.ACCOUNT_WRITE, action="keys.end"),
)  # fmt: skip
