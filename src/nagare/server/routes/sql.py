"""SQL over the metric tables and records."""

from __future__ import annotations

from nagare.model.principal import Permission
from nagare.server.route import Call, Route
from nagare.server.sight import sight_of
from nagare.wire.sql import SqlReply, SqlRequest


async def run_sql(call: Call) -> SqlReply:
    """Answer one SELECT; it is stopped when its client hangs up."""
    sight = sight_of(call.principal, call.services.fleet)
    return await call.services.store.query(call.value, hosts=sight.hosts, hidden=sight.hidden)


ROUTES = (
    Route(
        "POST",
        "/api/v1/sql",
        run_sql,
        "Answer one SELECT",
        Permission.METRICS_READ,
        request=SqlRequest,
        reply=SqlReply,
        refuses=(422, 504),
        is_scoped=True,
    ),
)
