"""Alertmanager's webhook (version 4), Grafana's superset of it, and ``POST /api/v2/alerts`` of its own API. Pure.

Sources: prometheus/alertmanager ``docs/configuration.md``, ``notify/webhook/webhook.go``, ``docs/alerts_api.md``; Grafana's webhook
notifier. Unknown keys are left alone: senders of other versions have others.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from nagare.errors import InputError
from nagare.model.alert.alert import fingerprint_of
from nagare.model.alert.foreign import (
    LABELS_LIMIT,
    Told,
    plain_annotations,
    plain_labels,
    severity_of,
    with_host,
)
from nagare.wire.alertmanager import ALERTS_LIMIT, AlertmanagerAlert, AlertmanagerWebhook, Labels, PostedAlert
from nagare.wire.codec import decode

# How long an alert of ``/api/v2/alerts`` is believed that says no end: Alertmanager's ``resolve_timeout``.
RESOLVE_TIMEOUT_MS = 300_000
_YEAR_ONE = 1970
_FINGERPRINT = re.compile("[0-9a-f]{1,64}")


def read_webhook(body: bytes) -> list[Told]:
    """Return what a webhook of Alertmanager or Grafana tells. Raises InputError."""
    webhook = decode(body, AlertmanagerWebhook)
    source = "alertmanager" if webhook.org_id is None else "grafana"
    return [_told(source, alert, place) for place, alert in enumerate(webhook.alerts)]


def read_alerts(body: bytes, now_ms: int) -> list[Told]:
    """Return what a request to ``/api/v2/alerts`` tells. Raises InputError; also for an alert without ``alertname``."""
    posted = decode(body, list[PostedAlert])
    if len(posted) > ALERTS_LIMIT:
        raise InputError(f"cannot take alerts: {len(posted)} at one time, {ALERTS_LIMIT} at the most")
    return [_posted(alert, place, now_ms) for place, alert in enumerate(posted)]


def _told(source: str, alert: AlertmanagerAlert, place: int) -> Told:
    if alert.status not in ("firing", "resolved"):
        raise _fault(place, "status", f"{alert.status[:40]!r} is neither firing nor resolved")
    labels = _labels(alert.labels, place)
    links = {
        "source": alert.generator_url,
        "dashboard": alert.dashboard_url or alert.panel_url,
        "values": alert.value_string,
    }
    is_firing = alert.status == "firing"
    return Told(
        source,
        _fingerprint(alert),
        with_host(labels),
        plain_annotations({**links, **alert.annotations}),
        severity_of(labels),
        is_firing,
        _moment(alert.starts_at, place, "startsAt"),
        None if is_firing else _moment(alert.ends_at, place, "endsAt"),
    )


def _fingerprint(alert: AlertmanagerAlert) -> str:
    """Return it as the sender made it of the labels; old versions send none, and what is no fingerprint no database need keep."""
    if _FINGERPRINT.fullmatch(alert.fingerprint):
        return alert.fingerprint
    return fingerprint_of({"fingerprint": alert.fingerprint} if alert.fingerprint else alert.labels)


def _posted(alert: PostedAlert, place: int, now_ms: int) -> Told:
    labels = _labels(alert.labels, place)
    if not labels.get("alertname"):
        raise _fault(place, "labels/alertname", "is missing")
    ends_ms = _moment(alert.ends_at, place, "endsAt")
    is_firing = ends_ms is None or ends_ms > now_ms
    return Told(
        "prometheus",
        fingerprint_of(alert.labels),
        with_host(labels),
        plain_annotations({"source": alert.generator_url, **alert.annotations}),
        severity_of(labels),
        is_firing,
        _moment(alert.starts_at, place, "startsAt"),
        now_ms + RESOLVE_TIMEOUT_MS if ends_ms is None else ends_ms,
    )


def _labels(labels: Labels, place: int) -> Labels:
    if not labels:
        raise _fault(place, "labels", "are empty")
    if len(labels) > LABELS_LIMIT:
        raise _fault(place, "labels", f"are {len(labels)}, {LABELS_LIMIT} at the most")
    return plain_labels(labels)


def _moment(text: str, place: int, name: str) -> int | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        if moment.year < _YEAR_ONE:
            # Go's zero time: not yet.
            return None
        return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise _fault(place, name, f"{text[:40]!r} is no time of RFC 3339") from None


def _fault(place: int, name: str, cause: str) -> InputError:
    pointer = f"#/alerts/{place}/{name}"
    return InputError(
        f"cannot take alerts: alert {place}: {name} {cause}", errors=[{"pointer": pointer, "detail": cause}]
    )
