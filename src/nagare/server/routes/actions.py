"""The actions that this server knows."""

from __future__ import annotations

from nagare.model.principal import Permission
from nagare.server.route import Call, Route
from nagare.wire.command_jobs import ActionList


async def list_actions(call: Call) -> ActionList:
    """Return every action, by name, and whether the caller may ask for it."""
    return ActionList(call.services.commands.actions(call.principal))


ROUTES = (
    Route(
        "GET",
        "/api/v1/actions",
        list_actions,
        "Actions that commands run",
        Permission.COMMANDS_READ,
        reply=ActionList,
        is_scoped=True,
    ),
)
