"""A host asks how far it has come, so that one that waits goes on as soon as it may."""

from __future__ import annotations

from nagare.errors import PermissionDeniedError
from nagare.model.principal import Permission
from nagare.server.route import Call, Route
from nagare.wire.hosts import Standing


async def standing(call: Call) -> Standing:
    """Return how far the host of the token has come, what it may, and when to ask again."""
    host = call.principal.host
    if host is None:
        raise PermissionDeniedError("cannot tell a standing: this token belongs to no host")
    return call.services.fleet.standing(host)


ROUTES = (
    Route(
        "GET",
        "/api/v1/standing",
        standing,
        "How far the asking host has come",
        Permission.HOSTS_STANDING,
        reply=Standing,
    ),
)
