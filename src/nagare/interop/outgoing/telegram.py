"""Telegram's Bot API: a message, answers to it, and in the end the first one changed. Pure.

Sources: core.telegram.org/bots/api ``sendMessage``, ``editMessageText``, ``MessageEntity`` (offsets in UTF-16 code units),
``ResponseParameters`` (``retry_after``, ``migrate_to_chat_id``), "Making requests" (``ok``, ``description``). A text is 4,096 characters at
the most. Entities say what is a title and what a link, so nothing has to be escaped; only ``@`` would call somebody.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from nagare.errors import ConfigError
from nagare.interop.outgoing.addresses import JSON, below, needed
from nagare.interop.outgoing.answers import fields_of, is_success, refusal, unreadable, words_of
from nagare.interop.outgoing.bounds import cut, utf16_units
from nagare.interop.outgoing.text import body, ends, is_loud, title, uncalled
from nagare.model.notify.exchange import HttpReply, HttpRequest, RefGone
from nagare.model.notify.notice import Delivery, Notice
from nagare.model.notify.receiver import Channel
from nagare.model.notify.sending import NotSent, Sent
from nagare.wire.codec import encode

SERVER = "https://api.telegram.org"
TEXT_LIMIT = 4096
TITLE_LIMIT = 256
_TOKEN = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{1,100}")
_UNCHANGED = "message is not modified"
_GONE = (
    "message to edit not found",
    "message can't be edited",
    "message_id_invalid",
    "message identifier is not specified",
)


class TelegramCodec:
    """Writes to the option ``chat_id``, in the topic ``thread_id`` where one is given; the secret is the token of the bot.

    A ref is the number of the incident's first message.
    """

    def ask(self, channel: Channel, secret: str, delivery: Delivery, ref: str, ack_url: str) -> HttpRequest:
        """Return the request. Raises ConfigError."""
        if not _TOKEN.fullmatch(secret):
            raise ConfigError(f"cannot send to {channel.key}: its secret is no token of a bot (123456:ABC…)")
        method, more = _method(channel, delivery.notice, ref if ref.isascii() and ref.isdigit() else "")
        chat = needed(channel, "chat_id")
        message = {"chat_id": chat if chat.startswith("@") else _number(channel, chat), **more}
        message |= _text(delivery.notice, ack_url)
        return HttpRequest("POST", below(channel, SERVER, f"bot{secret}/{method}"), JSON, encode(message))

    def read(self, reply: HttpReply, ref: str) -> Sent | NotSent | RefGone:
        """Return what the answer means: ``ok`` in its body."""
        fields = fields_of(reply.body)
        if is_success(reply) and fields.get("ok") is True:
            result = fields.get("result")
            found = result.get("message_id") if isinstance(result, dict) else None
            return Sent(ref or (str(found) if isinstance(found, int) else ""))
        said = words_of(fields, "description")
        if _UNCHANGED in said.lower():
            return Sent(ref)
        if ref and any(words in said.lower() for words in _GONE):
            return RefGone(said)
        return _refusal(reply, said, fields.get("parameters"))


def _refusal(reply: HttpReply, said: str, parameters: object) -> NotSent:
    if is_success(reply):
        return unreadable(reply)
    known = parameters if isinstance(parameters, dict) else {}
    moved, waits = known.get("migrate_to_chat_id"), known.get("retry_after")
    if isinstance(moved, int):
        # First, for the end of long words is cut.
        said = f"chat_id is {moved} now; {said}"
    return refusal(reply, said, float(waits) if isinstance(waits, int) else None)


def _method(channel: Channel, notice: Notice, ref: str) -> tuple[str, dict[str, Any]]:
    if ref and ends(notice):
        return "editMessageText", {"message_id": int(ref)}
    more: dict[str, Any] = {"disable_notification": not is_loud(notice)}
    if ref:
        more["reply_parameters"] = {"message_id": int(ref), "allow_sending_without_reply": True}
    if thread := channel.options.get("thread_id", ""):
        more["message_thread_id"] = _number(channel, thread)
    return "sendMessage", more


def _number(channel: Channel, text: str) -> int:
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise ConfigError(
            f"cannot send to {channel.key}: a chat and a topic are numbers, or a chat a name that begins with @"
        )
    return int(text)


def _text(notice: Notice, ack_url: str) -> dict[str, Any]:
    head = cut(uncalled(title(notice)), TITLE_LIMIT, utf16_units)
    foot, link = ("", "") if not ack_url or ends(notice) else _foot(ack_url)
    room = TEXT_LIMIT - utf16_units(head) - utf16_units(foot) - 1
    text = f"{head}\n{uncalled(body(notice, room, _size))}{foot}"
    entities: list[dict[str, Any]] = [{"type": "bold", "offset": 0, "length": utf16_units(head)}]
    if link:
        length = utf16_units(foot.strip())
        entities.append({"type": "text_link", "offset": utf16_units(text) - length, "length": length, "url": link})
    # No preview: whoever looks must not be taken for the person who acknowledges.
    return {"text": text, "entities": entities, "link_preview_options": {"is_disabled": True}}


def _foot(ack_url: str) -> tuple[str, str]:
    """Return the last line and where it leads; a host without a dot is no link to Telegram, so its address is written out."""
    host = urlsplit(ack_url).hostname or ""
    if "." in host or ":" in host:
        return "\n\nAcknowledge", ack_url
    return f"\n\nAcknowledge: {ack_url}", ""


def _size(text: str) -> int:
    return utf16_units(uncalled(text))
