"""The tables that SQL sees."""

from __future__ import annotations

from nagare.model.principal import Permission
from nagare.server.route import Call, Route
from nagare.server.sight import sight_of
from nagare.wire.sql import TableView


async def list_tables(call: Call) -> list[TableView]:
    """Return every table that the caller sees, with its columns."""
    hidden = sight_of(call.principal, call.services.fleet).hidden
    return [view for view in call.services.store.describe() if view.name not in hidden]


ROUTES = (
    Route(
        "GET",
        "/api/v1/tables",
        list_tables,
        "Tables and columns",
        Permission.METRICS_READ,
        reply=list[TableView],
        is_scoped=True,
    ),
)
