"""Single-use tickets: what a browser, which cannot set a header on a WebSocket, sends in its first frame."""

from __future__ import annotations

import secrets
from collections import OrderedDict

from nagare.errors import UnauthenticatedError
from nagare.lib.clock import Clock
from nagare.lib.counters import Counters
from nagare.model.principal import Principal

TICKET_SECONDS = 30.0
# Tickets live half a minute; more than this at one time is abuse, and the oldest make way.
_TICKET_LIMIT = 1024


class Tickets:
    """Tickets that were given out and not yet used; kept in memory only, a restart voids them."""

    def __init__(self, clock: Clock, counters: Counters | None = None) -> None:
        """Begin with none."""
        self._clock = clock
        self._open: OrderedDict[str, tuple[float, Principal]] = OrderedDict()
        self.counters = counters or Counters()

    def issue(self, principal: Principal) -> str:
        """Return a ticket that stands for ``principal`` once, within 30 seconds."""
        ticket = secrets.token_urlsafe(24)
        self._open[ticket] = (self._clock.monotonic() + TICKET_SECONDS, principal)
        if len(self._open) > _TICKET_LIMIT:
            self._open.popitem(last=False)
            self.counters.add("tickets_dropped")
        return ticket

    def redeem(self, ticket: str) -> Principal:
        """Return whom ``ticket`` stands for and void it. Raises UnauthenticatedError."""
        found = self._open.pop(ticket, None)
        if found is None or found[0] < self._clock.monotonic():
            raise UnauthenticatedError(
                "cannot accept ticket: unknown, used before, or older than 30 seconds",
                hint="ask for a new one with POST /api/v1/tickets",
            )
        return found[1]

    def void(self, principal_ids: set[str]) -> None:
        """Drop the tickets of principals whose token was revoked."""
        for ticket, (_, principal) in list(self._open.items()):
            if principal.id in principal_ids:
                del self._open[ticket]
