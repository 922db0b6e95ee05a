"""Heartbeats: signs of life that others send, and how each one stands."""

from __future__ import annotations

from nagare.alerting.heartbeats.standing import heartbeat_view
from nagare.model.principal import Permission
from nagare.server.route import Call, Route
from nagare.wire.heartbeats import HeartbeatList, HeartbeatPing, HeartbeatView


async def list_heartbeats(call: Call) -> HeartbeatList:
    """Return the heartbeats that are waited for, by name."""
    return HeartbeatList([heartbeat_view(one) for one in await call.services.alerts.heartbeats.standings()])


async def send_heartbeat(call: Call) -> HeartbeatView:
    """Take a sign of life, answered once it is durable."""
    standing = await call.services.alerts.heartbeats.take(call.path("name"), call.value, call.principal.name)
    return heartbeat_view(standing)


_ALL = "/api/v1/heartbeats"
ROUTES = (
    Route("GET", _ALL, list_heartbeats, "Heartbeats that are waited for, by name", Permission.ALERTS_READ, reply=HeartbeatList),
    Route(
        "POST", f"{_ALL}/{{name}}", send_heartbeat, "Send a heartbeat; a body is needed only where there is something to say",
        Permission.HEARTBEATS_SEND, request=HeartbeatPing, reply=HeartbeatView, is_body_optional=True, finishes=True,
    ),
)  # fmt: skip
