"""Slack: an incoming webhook, or a bot that keeps an incident in one thread and changes its first message in the end. Pure.

Sources: docs.slack.dev ``messaging/sending-messages-using-incoming-webhooks`` (the answer is the text ``ok``), ``reference/methods/
chat.postMessage`` and ``chat.update`` (status 200 also for faults: ``ok`` and ``error`` say), ``apis/web-api/rate-limits`` (429 with
``Retry-After``), ``reference/block-kit/blocks`` (header 150 characters, section 3,000), ``messaging/formatting-message-text`` (``&``,
``<`` and ``>`` are escaped, everywhere). Mattermost's incoming webhooks take and answer the same.
"""

from __future__ import annotations

from typing import Any

from nagare.interop.outgoing.addresses import below, checked
from nagare.interop.outgoing.answers import fields_of, is_success, refusal, text_of, unreadable, words_of
from nagare.interop.outgoing.bounds import cut
from nagare.interop.outgoing.text import body, ends, is_loud, title, uncalled, unlinked
from nagare.lib.plain_text import plain
from nagare.model.notify.exchange import HttpReply, HttpRequest, RefGone
from nagare.model.notify.notice import Delivery, Notice
from nagare.model.notify.receiver import Channel
from nagare.model.notify.sending import NotSent, Sent
from nagare.wire.codec import encode

SERVER = "https://slack.com/api"
HEADER_LIMIT = 150
# All blocks together may be 13,000 or so; one section is what a person reads.
SECTION_LIMIT = 3000
_WORD_LIMIT = 64
# Links are not fetched to be previewed.
_UNSEEN = {"unfurl_links": False, "unfurl_media": False}
_TYPE = "application/json; charset=utf-8"
# The message is gone, or too old to be changed, or no thread can begin at it.
_GONE = frozenset(
    {"message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found", "cannot_reply_to_message"}
)
_AGAIN = frozenset(
    {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org"}
)  # fmt: skip


class SlackCodec:
    """With the option ``channel`` the secret is the token of a bot, without it the URL of an incoming webhook.

    A ref is the id of the channel and the ``ts`` of the incident's first message.
    """

    def ask(self, channel: Channel, secret: str, delivery: Delivery, ref: str, ack_url: str) -> HttpRequest:
        """Return the request. Raises ConfigError."""
        message, place = _message(delivery.notice, ack_url), channel.options.get("channel", "")
        if not place:
            url, shown = checked(channel, secret)
            return HttpRequest("POST", url, {"Content-Type": _TYPE, **shown}, encode({**message, **_UNSEEN}))
        method, more = _method(place, delivery.notice, ref)
        headers = {"Content-Type": _TYPE, "Authorization": f"Bearer {secret}"}
        return HttpRequest("POST", below(channel, SERVER, method), headers, encode({**message, **more}))

    def read(self, reply: HttpReply, ref: str) -> Sent | NotSent | RefGone:
        """Return what the answer means: ``ok`` in its body, whatever the status."""
        if not is_success(reply):
            return refusal(reply, _words(reply.body))
        fields = fields_of(reply.body)
        if fields.get("ok") is True:
            place, message = text_of(fields, "channel"), text_of(fields, "ts")
            return Sent(ref or (f"{place}/{message}" if place and message else ""))
        if fault := words_of(fields, "error"):
            if ref and fault in _GONE:
                return RefGone(fault)
            return NotSent(f"it answered: {fault}", is_final=fault not in _AGAIN)
        return Sent() if reply.body.strip() == b"ok" else unreadable(reply)


def escaped(text: str) -> str:
    """Return ``text`` with what Slack takes for a link, a mention or a channel made harmless; Mattermost reads Markdown, and hears ``@all``."""
    return _angles(unlinked(uncalled(text)))


def _size(text: str) -> int:
    return len(escaped(text))


def _method(place: str, notice: Notice, ref: str) -> tuple[str, dict[str, Any]]:
    found, _, message = ref.partition("/")
    if message and ends(notice):
        return "chat.update", {"channel": found, "ts": message}
    more: dict[str, Any] = {"channel": found if message else place, **_UNSEEN}
    if message:
        # In a thread nobody is told but those who wrote in it.
        more |= {"thread_ts": message, "reply_broadcast": is_loud(notice)}
    return "chat.postMessage", more


def _message(notice: Notice, ack_url: str) -> dict[str, Any]:
    head = escaped(cut(title(notice), HEADER_LIMIT, _size))
    text = escaped(body(notice, SECTION_LIMIT, _size))
    rows, blocks = [head, text], [{"type": "header", "text": _plain(head)}, {"type": "section", "text": _plain(text)}]
    if ack_url and not ends(notice):
        # Its ampersands and angles alone: an address may hold an @.
        link = f"<{_angles(ack_url).replace('|', '%7C')}|Acknowledge>"
        rows.append(link)
        blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": link}})
    # The text is what a notification of Slack shows, and all that Mattermost does.
    return {"text": "\n".join(rows), "blocks": blocks}


def _angles(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _plain(text: str) -> dict[str, Any]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _words(content: bytes) -> str:
    """Return what an incoming webhook says of a fault: one word, or a member of JSON; nothing of a page for people."""
    if fault := words_of(fields_of(content), "error"):
        return fault
    word = content.strip()[: _WORD_LIMIT + 1].decode(errors="replace")
    return plain(word) if len(word) <= _WORD_LIMIT and word.replace("_", "").isalnum() else ""
