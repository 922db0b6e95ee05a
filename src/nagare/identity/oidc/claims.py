"""What the claims of a login say: the name of its user, its roles here, and whether it may be let in. Pure functions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from nagare.config.settings import OidcSettings
from nagare.errors import InputError, PermissionDeniedError
from nagare.identity.users.roles import Grant, scope_of
from nagare.identity.users.user import check_user_name
from nagare.lib.plain_text import plain

Claims = Mapping[str, Any]
# No token that fits has more; what follows is not looked at.
_VALUES_LIMIT = 10_000


def find_claim(claims: Claims, name: str) -> Any:
    """Return the claim of that name, None without one; where no claim has a dot in its name, it goes into objects."""
    if name in claims:
        return claims[name]
    found: Any = claims
    for part in name.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def texts_of(value: Any) -> list[str]:
    """Return a claim as texts: one for a text, a number or a truth, one for each of a list."""
    if isinstance(value, list):
        return [text for item in value[:_VALUES_LIMIT] for text in texts_of(item) if not isinstance(item, list)]
    if isinstance(value, str):
        return [value]
    return [json.dumps(value)] if isinstance(value, bool | int | float) else []


def missing_claims(claims: Claims, settings: OidcSettings) -> bool:
    """Tell whether ``claims`` lack one that decides something: the provider may give it another way."""
    needed = [*settings.required_claims, *(["email", "email_verified"] if settings.allowed_domains else [])]
    if settings.make_users:
        needed.append(settings.user_claim)
    if settings.roles:
        needed.append(settings.roles_claim)
    return any(find_claim(claims, name) is None for name in needed)


def check_admitted(claims: Claims, settings: OidcSettings) -> None:
    """Raise PermissionDeniedError unless ``claims`` have what ``settings`` ask for."""
    for name, wanted in settings.required_claims.items():
        if wanted not in texts_of(find_claim(claims, name)):
            raise _refused(f"the provider does not say {name} = {wanted}")
    if settings.allowed_domains:
        _check_domain(claims, settings.allowed_domains)


def _check_domain(claims: Claims, domains: Iterable[str]) -> None:
    address = claims.get("email")
    if not isinstance(address, str) or "@" not in address:
        raise _refused("the provider gives no e-mail address", hint="ask for the scope email")
    # An address that nobody has checked is what somebody typed.
    if texts_of(claims.get("email_verified")) != ["true"]:
        raise _refused("the provider has not verified the e-mail address")
    if address.rpartition("@")[2].lower() not in {domain.lower().lstrip("@") for domain in domains}:
        raise _refused("the e-mail address is of no allowed domain")


def name_of(claims: Claims, settings: OidcSettings) -> str:
    """Return how a new user is called. Raises PermissionDeniedError."""
    value = find_claim(claims, settings.user_claim)
    if not isinstance(value, str) or not value:
        raise _refused(
            f"the provider gives no claim {settings.user_claim} to name a user by",
            hint="oidc.user_claim may name another, such as email",
        )
    try:
        return check_user_name(value)
    except InputError as error:
        raise _refused(
            f"{plain(value, 80)!r} is no lawful name of a user here", hint="oidc.user_claim may name another claim"
        ) from error


def grants_of(claims: Claims, settings: OidcSettings, known_roles: Iterable[str]) -> list[Grant]:
    """Return the roles that ``claims`` give, each once: several ways to one role give all their groups of hosts."""
    values, known = set(texts_of(find_claim(claims, settings.roles_claim))), set(known_roles)
    given = [parse_grant(role) for value, role in settings.roles.items() if value in values]
    if not any(grant.role in known for grant in given) and settings.default_role:
        given = [parse_grant(settings.default_role)]
    found: dict[str, Grant] = {}
    for grant in given:
        if grant.role in known:
            found[grant.role] = _joined(found.get(grant.role, grant), grant)
    return [found[role] for role in sorted(found)]


def parse_grant(text: str) -> Grant:
    """Return what ``role`` or ``role(group group)`` grants; ``text`` is lawful as the settings check it."""
    role, bracket, groups = text.partition("(")
    return Grant(role, scope_of(groups.rstrip(")").replace(",", " ").split()) if bracket else None)


def _joined(one: Grant, other: Grant) -> Grant:
    if one.scope is None or other.scope is None:
        return Grant(one.role)
    return Grant(one.role, one.scope | other.scope)


def _refused(cause: str, hint: str = "") -> PermissionDeniedError:
    return PermissionDeniedError(f"cannot log in: {cause}", hint=hint or "ask who looks after this server")
