"""Gaps of a host: when nothing came in time, and why."""

from __future__ import annotations

from nagare.lib.rfc3339 import format_ms
from nagare.model.principal import Permission
from nagare.server.params import whole_number
from nagare.server.route import Call, Param, Route
from nagare.server.sight import check_sees
from nagare.wire.gaps import GapList, GapView


async def list_gaps(call: Call) -> GapList:
    """Return the gaps of one host that touch the asked time."""
    name, services = call.path("name"), call.services
    if call.principal.scope_of(Permission.HOSTS_READ) is not None:
        check_sees(call.principal, services.fleet, Permission.HOSTS_READ, name)
    since_ms = whole_number(call.query, "since_ms", "list gaps")
    until_ms = whole_number(call.query, "until_ms", "list gaps")
    host = services.fleet.get(name)
    found = [
        gap
        for gap in services.gaps.of(host, services.fleet.state(name))
        if (since_ms is None or gap.until_ms is None or gap.until_ms > since_ms)
        and (until_ms is None or gap.from_ms < until_ms)
    ]
    return GapList(
        [
            GapView(format_ms(gap.from_ms), None if gap.until_ms is None else format_ms(gap.until_ms), gap.kind.value)
            for gap in found
        ]
    )


ROUTES = (
    Route(
        "GET",
        "/api/v1/hosts/{name}/gaps",
        list_gaps,
        "When nothing came of a host in time, and why",
        Permission.HOSTS_READ,
        reply=GapList,
        params=(
            Param("since_ms", "integer", "only gaps that last longer than this moment, Unix milliseconds"),
            Param("until_ms", "integer", "only gaps that began before this moment, Unix milliseconds"),
        ),
        is_scoped=True,
    ),
)
