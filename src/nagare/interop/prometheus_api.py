"""What Prometheus says of itself when it is asked: its alerts, its targets, and since when it runs. Pure.

Source: ``prometheus/prometheus:docs/querying/api.md``. Its alerts come without the labels that it adds when it sends (``external_labels``), so
the operator names these.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from nagare.errors import InputError, UnavailableError
from nagare.model.alert.alert import fingerprint_of
from nagare.model.alert.foreign import LABELS_LIMIT, Told, plain_annotations, plain_labels, severity_of, with_host
from nagare.wire.codec import decode
from nagare.wire.monitors import (
    PrometheusAlert,
    PrometheusAlerts,
    PrometheusAnswer,
    PrometheusRuntime,
    PrometheusTargets,
)

T = TypeVar("T")

ALERTS_LIMIT = 20_000


def read_firing(body: bytes, source: str, added: Mapping[str, str], until_ms: int) -> list[Told]:
    """Return the alerts that fire, believed until then; what it would not send us whole is left out. Raises UnavailableError."""
    found = _read(body, PrometheusAlerts).alerts
    if len(found) > ALERTS_LIMIT:
        raise UnavailableError(f"cannot take alerts of Prometheus: it has {len(found)}, {ALERTS_LIMIT} at the most")
    return [_told(one, source, added, until_ms) for one in found if one.state == "firing" and _is_whole(one)]


def read_targets(body: bytes) -> tuple[int, int]:
    """Return how many targets it has, and how many of them are up. Raises UnavailableError."""
    targets = _read(body, PrometheusTargets).active_targets
    return len(targets), sum(one.health == "up" for one in targets)


def read_start_ms(body: bytes) -> int:
    """Return when it was started. Raises UnavailableError."""
    try:
        return int(_read(body, PrometheusRuntime).start_time.timestamp() * 1000)
    except (ValueError, OverflowError) as error:
        # A time without a zone is one of ours, and not every year has such.
        raise UnavailableError("cannot read answer of Prometheus: nobody can tell when it was started") from error


def _is_whole(alert: PrometheusAlert) -> bool:
    return bool(alert.labels.get("alertname")) and len(alert.labels) <= LABELS_LIMIT


def _told(alert: PrometheusAlert, source: str, added: Mapping[str, str], until_ms: int) -> Told:
    sent = {**added, **alert.labels}
    labels = plain_labels(sent)
    return Told(
        source,
        fingerprint_of(sent),
        with_host(labels),
        plain_annotations(alert.annotations),
        severity_of(labels),
        is_firing=True,
        # When it began to fire it does not say here, only when its condition began to hold.
        ends_ms=until_ms,
    )


def _read(body: bytes, kind: type[T]) -> T:
    try:
        answer = decode(body, PrometheusAnswer)
        if answer.status != "success":
            raise UnavailableError("cannot use interface of Prometheus: its answer is an error")
        return decode(bytes(answer.data), kind)
    except InputError as error:
        raise UnavailableError(f"cannot read answer of Prometheus: {error.message[:200]}") from error
