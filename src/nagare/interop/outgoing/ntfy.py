"""ntfy: JSON to the root of its server. Pure.

Sources: binwiederhier/ntfy ``docs/publish.md`` ("Publish as JSON", "Action buttons", "Updating + deleting notifications", "Limitations")
and ``server/server.go`` (``readJSONWithLimit``: the document is 8,192 bytes at the most, the message 4,096; topics and sequence
ids are ``[-_A-Za-z0-9]{1,64}``). ``sequence_id`` is of ntfy 2.16: what has the same stands in the place of the one before, without a
sound while that is still shown. A server before it ignores the name and shows another message.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Any

from nagare.interop.outgoing.addresses import JSON, below, needed
from nagare.interop.outgoing.answers import fields_of, is_success, refusal, text_of, unreadable, words_of
from nagare.interop.outgoing.bounds import cut, json_bytes
from nagare.interop.outgoing.text import body, ends, is_loud, severity_word, title
from nagare.model.event import Severity
from nagare.model.notify.exchange import HttpReply, HttpRequest
from nagare.model.notify.incident import Reason
from nagare.model.notify.notice import Delivery, Notice
from nagare.model.notify.receiver import Channel
from nagare.model.notify.sending import NotSent, Sent
from nagare.wire.codec import encode

SERVER = "https://ntfy.sh"
# In bytes of JSON, so that the whole document stays below its own limit whatever has to be escaped.
MESSAGE_LIMIT = 4000
TITLE_LIMIT = 400
_TOPIC = re.compile(r"[-_A-Za-z0-9]{1,64}")
_PRIORITIES = {Severity.INFO: 2, Severity.WARNING: 3, Severity.HIGH: 4, Severity.CRITICAL: 5}
# Short codes that the apps show as emojis.
_TAGS = {
    Severity.INFO: "information_source", Severity.WARNING: "warning", Severity.HIGH: "rotating_light",
    Severity.CRITICAL: "rotating_light",
}  # fmt: skip
_DEFAULT_PRIORITY = 3


class NtfyCodec:
    """Publishes to the option ``topic``. The secret is an access token, or ``user:password``; a topic may need none."""

    def ask(self, channel: Channel, secret: str, delivery: Delivery, ref: str, ack_url: str) -> HttpRequest:  # noqa: ARG002  a message is found again by the incident
        """Return the request. Raises ConfigError."""
        headers = {**JSON, **_shown(secret)}
        message = _message(needed(channel, "topic"), delivery.notice, ack_url)
        return HttpRequest("POST", below(channel, SERVER, ""), headers, encode(message))

    def read(self, reply: HttpReply, ref: str) -> Sent | NotSent:
        """Return what the answer means: a success names the message."""
        fields = fields_of(reply.body)
        if not is_success(reply):
            return refusal(reply, words_of(fields, "error"))
        message = text_of(fields, "id")
        return Sent(ref or message) if message else unreadable(reply)


def _message(topic: str, notice: Notice, ack_url: str) -> dict[str, Any]:
    is_end, severity = ends(notice), Severity(max(0, min(notice.severity, 3)))
    message: dict[str, Any] = {
        "topic": topic,
        "title": cut(title(notice), TITLE_LIMIT, json_bytes),
        "message": body(notice, MESSAGE_LIMIT, json_bytes),
        "priority": _PRIORITIES[severity] if is_loud(notice) else _DEFAULT_PRIORITY,
        "tags": ["white_check_mark"] if is_end else [_TAGS[severity], severity_word(severity)],
    }
    if notice.reason == Reason.FIRST or not is_loud(notice):
        # What has to be heard is a message of its own; everything else goes on with the first.
        message["sequence_id"] = _sequence(notice.incident)
    if ack_url and not is_end:
        message["click"] = ack_url
        message["actions"] = [{"action": "view", "label": "Acknowledge", "url": ack_url, "clear": True}]
    return message


def _sequence(incident: str) -> str:
    return incident if _TOPIC.fullmatch(incident) else hashlib.sha256(incident.encode()).hexdigest()


def _shown(secret: str) -> dict[str, str]:
    if not secret:
        return {}
    if ":" in secret:
        return {"Authorization": f"Basic {base64.b64encode(secret.encode()).decode()}"}
    return {"Authorization": f"Bearer {secret}"}
