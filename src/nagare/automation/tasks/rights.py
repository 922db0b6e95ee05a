"""Whose rights a task has: those with which it was asked for, as far as their owner still has them. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Any

from nagare.errors import PermissionDeniedError
from nagare.model.principal import Permission, Principal, PrincipalKind, Rights, rights_of
from nagare.model.task import Owner

# The owner of the data directory, who is no user.
LOCAL_OWNER = "local"
_KNOWN = {permission.value: permission for permission in Permission}


def owner_of(principal: Principal) -> Owner:
    """Return on whose behalf a caller asks; a key asks for its user, with no more than it may itself.

    Raises PermissionDeniedError for what is nobody.
    """
    if principal.user_id:
        key = {"key": principal.id} if principal.kind is PrincipalKind.KEY else {}
        return Owner(principal.user_id, principal.name, {**_document(rights_of(principal)), **key})
    if principal.kind is PrincipalKind.LOCAL:
        return Owner(LOCAL_OWNER, principal.name, _document(rights_of(principal)))
    raise PermissionDeniedError("cannot make tasks: only people do, and who holds this token is none")


def principal_for(owner: Owner, now: Rights) -> Principal:
    """Return who acts for ``owner``, whose user may ``now``: what it may still, of what it could when it asked."""
    held = meet(now, _rights(owner.rights))
    is_local = owner.id == LOCAL_OWNER
    return Principal(
        id=owner.id,
        name=owner.name,
        permissions=held.permissions,
        kind=PrincipalKind.LOCAL if is_local else PrincipalKind.USER,
        user_id="" if is_local else owner.id,
        scopes=held.scopes,
    )


def may_see_what(owner: Owner, principal: Principal, needed: Collection[Permission]) -> bool:
    """Tell whether a caller is that user, and may read now all that a task of ``owner`` could read for it.

    What the task's kind needs (``needed``) counts, and whatever else only lets somebody see: SQL has tables of many rooms.
    """
    seen = frozenset(needed) | frozenset(each for each in Permission if each.value.endswith(".read"))
    return owner_of(principal).id == owner.id and rights_of(principal).covers(_rights(owner.rights).only(seen))


def meet(one: Rights, other: Rights) -> Rights:
    """Return what both allow."""
    permissions = one.permissions & other.permissions
    scopes: dict[Permission, frozenset[str]] = {}
    for permission in permissions:
        limits = [rights.scopes[permission] for rights in (one, other) if permission in rights.scopes]
        if limits:
            scopes[permission] = frozenset.intersection(*limits)
    return Rights(permissions, MappingProxyType(scopes))


def _document(rights: Rights) -> dict[str, Any]:
    return {
        "permissions": sorted(permission.value for permission in rights.permissions),
        "scopes": {permission.value: sorted(groups) for permission, groups in rights.scopes.items()},
    }


def _rights(document: Mapping[str, Any]) -> Rights:
    # A permission that this version does not know any more allows nothing.
    permissions = frozenset(_KNOWN[name] for name in document.get("permissions", ()) if name in _KNOWN)
    scopes = {_KNOWN[name]: frozenset(groups) for name, groups in document.get("scopes", {}).items() if name in _KNOWN}
    return Rights(permissions, scopes)
