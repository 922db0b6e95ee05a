"""How long the certificates of the private authority are still good."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from nagare.cli.offline.checks.verdict import Check, bad, ok, warn
from nagare.config.places import Places
from nagare.config.settings import Settings
from nagare.errors import ConfigError
from nagare.lib.clock import SystemClock

# A server that runs renews its own months before: less than this is left only when that does not work.
_SOON = timedelta(days=60)


def check_certificates(settings: Settings, now: datetime | None = None) -> Iterator[Check]:
    """Look at the server's certificate and its authority; nothing is told of an installation that has none."""
    keys = Places(settings.data).keys
    if not (keys / "server.pem").is_file():
        return
    from nagare.keys.certificates import read_expiry

    now = now or SystemClock().now()
    for name, file in (("certificate", keys / "server.pem"), ("authority", keys / "ca.pem")):
        try:
            end = read_expiry(file)
        except ConfigError as error:
            yield bad(name, error.message, error.hint)
            continue
        if end is None or end <= now:
            seen = f"{file} is missing" if end is None else f"{file} ended on {end.date()}"
            yield bad(name, seen, "restart the server: it makes a new one by the same key")
        elif end - now < _SOON:
            yield warn(name, f"{file} ends on {end.date()}", "restart the server: it makes a new one by the same key")
        else:
            yield ok(name, f"good until {end.date()}")
