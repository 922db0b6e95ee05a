"""The call that shows a message in every terminal that is open."""

from __future__ import annotations

from nagare.client.client import Client
from nagare.wire.messages import MessageReply, MessageRequest


async def send_message(client: Client, text: str, lasts_seconds: float) -> int:
    """Send it; return how many live connections it was handed to. Raises InputError for one that is empty or too long."""
    request = MessageRequest(text, lasts_seconds)
    return (await client.send("POST", "/api/v1/messages", request, MessageReply)).connections
