"""Events of the served certificate; their ids follow from what happened, so that a restart tells nothing twice."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import TYPE_CHECKING

from nagare.lib.clock import Clock
from nagare.model.event import Event, Severity
from nagare.server.running.served import URGENT, Served

if TYPE_CHECKING:
    from nagare.keys.certificates import ServerCertificate


def told(kind: str, severity: Severity, text: str, certificate: ServerCertificate, clock: Clock) -> Event:
    """Return an event of ``kind`` about the certificate that is served."""
    key = f"{certificate.serial} {severity} {text} {certificate.expires_at}"
    return Event(
        id=f"{kind}-{hashlib.sha256(key.encode()).hexdigest()[:32]}",
        ts=clock.now_ms(),
        host="",
        kind=kind,
        severity=severity,
        source="server",
        text=text,
        attributes={
            "serial": certificate.serial,
            "expires_at": certificate.expires_at.isoformat(),
            "names": ",".join(certificate.names)[:1000],
        },
    )


def ending(served: Served, clock: Clock) -> Event | None:
    """Return the warning of the end of the certificate, None while that is far; once a step when ids are compared."""
    now = clock.now()
    left = served.remaining(now)
    text = served.end_worry(now)
    if not text:
        return None
    severity = Severity.CRITICAL if left <= timedelta(0) else Severity.HIGH if left <= URGENT else Severity.WARNING
    return told("certificate.ends", severity, text, served.current, clock)
