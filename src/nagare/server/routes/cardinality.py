"""What weighs on the store: how many series there are and of what, and which statements cost most."""

from __future__ import annotations

from nagare.model.principal import Permission
from nagare.server.params import whole_number
from nagare.server.route import Call, Param, Route
from nagare.server.sight import sight_of
from nagare.wire.cardinality import CardinalityReply
from nagare.wire.queries import QueryCosts

_TOP = 20
_TOP_LIMIT = 10_000


async def count_series(call: Call) -> CardinalityReply:
    """Return the number of series, with the largest groups."""
    sight = sight_of(call.principal, call.services.fleet)
    return await call.services.store.cardinality(_top(call, "count series"), hosts=sight.hosts, hidden=sight.hidden)


async def list_queries(call: Call) -> QueryCosts:
    """Return the statements that took most time, without their values."""
    return call.services.store.query_costs(_top(call, "list queries"))


def _top(call: Call, verb: str) -> int:
    return whole_number(call.query, "limit", verb, 1, _TOP_LIMIT) or _TOP


ROUTES = (
    Route(
        "GET",
        "/api/v1/cardinality",
        count_series,
        "Count series by table, metric, label, value and host",
        Permission.METRICS_READ,
        reply=CardinalityReply,
        refuses=(422, 504),
        is_scoped=True,
        params=(Param("limit", "integer", f"at most this many of each kind ({_TOP})"),),
    ),
    Route(
        "GET",
        "/api/v1/queries",
        list_queries,
        "The statements that took most time",
        Permission.SYSTEM_READ,
        reply=QueryCosts,
        params=(Param("limit", "integer", f"at most this many ({_TOP})"),),
    ),
)
