"""Alertmanager's webhook, version 4, as somebody sends it, with our own fields beside. Pure.

Sources: prometheus/alertmanager ``docs/configuration.md`` (``webhook_config``), ``notify/webhook/webhook.go``,
``template/template.go``. What Nagare itself reads of it: ``interop.alertmanager``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from nagare.interop.outgoing.addresses import JSON, checked
from nagare.interop.outgoing.answers import is_success, refusal
from nagare.interop.outgoing.moments import rfc3339
from nagare.interop.outgoing.text import ends, severity_word
from nagare.model.notify.exchange import HttpReply, HttpRequest
from nagare.model.notify.incident import FIRING, RESOLVED
from nagare.model.notify.notice import Delivery, Line, Notice
from nagare.model.notify.receiver import Channel
from nagare.model.notify.sending import NotSent, Sent
from nagare.wire.codec import encode

# Go's zero time, which is how Alertmanager says that it is not over.
_NOT_YET = "0001-01-01T00:00:00Z"


class WebhookCodec:
    """POSTs the whole notice. Where the option ``url`` is given the secret is a bearer token, else it is the URL."""

    def ask(self, channel: Channel, secret: str, delivery: Delivery, ref: str, ack_url: str) -> HttpRequest:  # noqa: ARG002  a webhook keeps nothing that could be changed
        """Return the request. Raises ConfigError."""
        url, shown = checked(channel, channel.options.get("url") or secret)
        if channel.options.get("url") and secret:
            shown["Authorization"] = f"Bearer {secret}"
        headers = {**JSON, **shown, "Idempotency-Key": delivery.id}
        return HttpRequest("POST", url, headers, encode(body_of(delivery, ack_url)))

    def read(self, reply: HttpReply, ref: str) -> Sent | NotSent:  # noqa: ARG002  as above
        """Return what the status means: anybody may stand there, so the body says nothing to us."""
        return Sent() if is_success(reply) else refusal(reply)


def body_of(delivery: Delivery, ack_url: str) -> dict[str, Any]:
    """Return the document."""
    notice = delivery.notice
    alerts = [*(_alert(line, FIRING) for line in notice.firing), *(_alert(line, RESOLVED) for line in notice.resolved)]
    return {
        "version": "4",
        "groupKey": _group_key(notice),
        "truncatedAlerts": max(0, notice.firing_count + notice.resolved_count - len(alerts)),
        "status": RESOLVED if ends(notice) else FIRING,
        "receiver": notice.receiver,
        "groupLabels": dict(notice.labels),
        "commonLabels": _shared(alert["labels"] for alert in alerts),
        "commonAnnotations": _shared(alert["annotations"] for alert in alerts),
        "externalURL": "",
        "alerts": alerts,
        "notification_reason": notice.reason,
        "incident": notice.incident,
        "idempotencyKey": delivery.id,
        "ackURL": ack_url,
    }


def _alert(line: Line, status: str) -> dict[str, Any]:
    return {
        "status": status,
        "labels": _labels(line),
        "annotations": {"summary": line.summary, **line.annotations} if line.summary else dict(line.annotations),
        "startsAt": rfc3339(line.starts_ms),
        "endsAt": _NOT_YET if status == FIRING else rfc3339(line.starts_ms if line.ended_ms is None else line.ended_ms),
        "generatorURL": "",
        "fingerprint": line.fingerprint,
        # Our own.
        "id": line.id,
        "state": line.state,
        "owner": line.owner,
        "value": line.value,
    }


def _labels(line: Line) -> dict[str, str]:
    """Return the labels with those by which others tell what it is, how bad and where; what the alert says itself stays."""
    ours = {"alertname": line.name, "severity": severity_word(line.severity), "host": line.host}
    return {**{name: value for name, value in ours.items() if value}, **line.labels}


def _shared(sets: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return what all have alike."""
    first, *others = list(sets) or [{}]
    return {name: value for name, value in first.items() if all(other.get(name) == value for other in others)}


def _group_key(notice: Notice) -> str:
    labels = ", ".join(f"{name}={encode(value).decode()}" for name, value in sorted(notice.labels.items()))
    return f"{notice.route}:{{{labels}}}"
