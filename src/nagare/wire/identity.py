"""Credentials over HTTP: the ticket with which a browser's WebSocket authenticates."""

from __future__ import annotations

import msgspec


class TicketReply(msgspec.Struct, frozen=True):
    """A single-use ticket for the first frame of a WebSocket, and how long it lives."""

    ticket: str
    expires_seconds: float
