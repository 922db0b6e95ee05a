"""PagerDuty's Events API, version 2: an incident of ours is one alert of theirs, by its ``dedup_key``. Pure.

Sources: PagerDuty/developer-docs ``docs/events-API-v2/01-Overview.md`` (202 is a success; 429 and 5xx are to be tried again, 400 is
not; 512 KB at the most) and ``02-Trigger-Events.md`` (summary 1,024 characters, ``dedup_key`` 255, severities; what acknowledges or
resolves a key that is not open is dropped).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from nagare.interop.outgoing.addresses import JSON, below
from nagare.interop.outgoing.answers import fields_of, is_success, refusal, text_of, unreadable, words_of
from nagare.interop.outgoing.bounds import cut, json_bytes
from nagare.interop.outgoing.moments import rfc3339
from nagare.interop.outgoing.text import NAME_LIMIT, body, ends, title
from nagare.lib.plain_text import plain
from nagare.model.event import Severity
from nagare.model.notify.exchange import HttpReply, HttpRequest
from nagare.model.notify.notice import Delivery, Notice
from nagare.model.notify.receiver import Channel
from nagare.model.notify.sending import NotSent, Sent
from nagare.wire.codec import encode

SERVER = "https://events.pagerduty.com"
SUMMARY_LIMIT = 1024
KEY_LIMIT = 255
DETAILS_LIMIT = 32_768
_SEVERITIES = {
    Severity.INFO: "info",
    Severity.WARNING: "warning",
    Severity.HIGH: "error",
    Severity.CRITICAL: "critical",
}


class PagerDutyCodec:
    """Triggers, acknowledges and resolves; the secret is the routing key of an integration. A ref is the ``dedup_key``."""

    def ask(self, channel: Channel, secret: str, delivery: Delivery, ref: str, ack_url: str) -> HttpRequest:
        """Return the request. Raises ConfigError."""
        notice = delivery.notice
        event: dict[str, Any] = {
            "routing_key": secret,
            "dedup_key": _key(notice.incident),
            "event_action": _action(notice, ref),
        }
        if event["event_action"] == "trigger":
            event |= {"client": "Nagare", "payload": _payload(notice)}
            if ack_url:
                event["links"] = [{"href": ack_url, "text": "Acknowledge in Nagare"}]
        return HttpRequest("POST", below(channel, SERVER, "v2/enqueue"), JSON, encode(event))

    def read(self, reply: HttpReply, ref: str) -> Sent | NotSent:
        """Return what the answer means: a success says so in its body too."""
        fields = fields_of(reply.body)
        if not is_success(reply):
            return refusal(reply, _words(fields))
        if text_of(fields, "status") != "success":
            return unreadable(reply)
        return Sent(ref or text_of(fields, "dedup_key"))


def _key(incident: str) -> str:
    return incident if len(incident) <= KEY_LIMIT else hashlib.sha256(incident.encode()).hexdigest()


def _action(notice: Notice, ref: str) -> str:
    if ends(notice):
        return "resolve"
    # It takes an acknowledgement only of what it was told of, and keeps quiet from then on.
    is_all_named = len(notice.firing) == notice.firing_count > 0
    return "acknowledge" if ref and is_all_named and all(line.owner for line in notice.firing) else "trigger"


def _payload(notice: Notice) -> dict[str, Any]:
    lines = notice.firing or notice.resolved
    host = next((line.host for line in lines if line.host), "")
    return {
        "summary": cut(title(notice), SUMMARY_LIMIT),
        "source": plain(host, NAME_LIMIT) or "nagare",
        "severity": _SEVERITIES[Severity(max(0, min(notice.severity, 3)))],
        "timestamp": rfc3339(min((line.starts_ms for line in lines), default=notice.at_ms)),
        "class": plain(lines[0].name, NAME_LIMIT) if lines else "test",
        "custom_details": {
            "alerts": body(notice, DETAILS_LIMIT, json_bytes),
            "reason": notice.reason,
            "incident": notice.incident,
        },
    }


def _words(fields: Mapping[str, object]) -> str:
    errors = fields.get("errors")
    listed = [one for one in errors if isinstance(one, str)] if isinstance(errors, list) else []
    return "; ".join(filter(None, (words_of(fields, "message"), *listed[:3])))
