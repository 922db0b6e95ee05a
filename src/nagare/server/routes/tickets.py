"""Tickets with which a browser's WebSocket authenticates in its first frame."""

from __future__ import annotations

from nagare.identity.tickets import TICKET_SECONDS
from nagare.model.principal import Permission
from nagare.server.route import Call, Route
from nagare.wire.identity import TicketReply


async def issue_ticket(call: Call) -> TicketReply:
    """Return a single-use ticket for the caller."""
    return TicketReply(call.services.identity.tickets.issue(call.principal), TICKET_SECONDS)


ROUTES = (
    Route(
        "POST",
        "/api/v1/tickets",
        issue_ticket,
        "A single-use ticket for a WebSocket",
        Permission.METRICS_READ,
        reply=TicketReply,
        is_scoped=True,
    ),
)
