"""Messages to everybody who watches this server: handed to the live connections of the moment, kept nowhere."""

from __future__ import annotations

from nagare.errors import InputError
from nagare.lib.plain_text import plain
from nagare.model.principal import Permission
from nagare.server.route import Call, Route
from nagare.wire.live import MessageFrame
from nagare.wire.messages import MessageReply, MessageRequest

_TEXT_LIMIT, _SENDER_LIMIT = 500, 100


async def send_message(call: Call) -> MessageReply:
    """Show a message in every terminal that is open."""
    request: MessageRequest = call.value
    text = plain(request.text, _TEXT_LIMIT).strip()
    if not text:
        raise InputError("cannot send message: it is empty", hint="say something in text")
    frame = MessageFrame(
        text, plain(call.principal.name, _SENDER_LIMIT), call.services.clock.now_ms(), request.lasts_seconds
    )
    call.note.tell("messages", after={"text": text, "lasts_seconds": request.lasts_seconds})
    return MessageReply(call.services.hub.publish_message(frame))


ROUTES = (
    Route(
        "POST", "/api/v1/messages", send_message, "Show a message in every terminal that is open", Permission.NOTIFY_WRITE,
        request=MessageRequest, reply=MessageReply, action="messages.send",
    ),
)  # fmt: skip
