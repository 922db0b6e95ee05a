"""The tables that SQL sees."""

from __future__ import annotations

from nagare.model.principal import Permission
from nagare.server.route import Call, Route
from nagare.wire.sql import TableView


async def list_tables(call: Call) -> list[TableView]:
    """Return every table with its columns."""
    return call.services.store.describe()


ROUTES = (
    Route("GET", "/api/v1/tables", list_tables, "Tables and columns", Permission.METRICS_READ, reply=list[TableView]),
)
