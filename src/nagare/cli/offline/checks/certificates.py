"""How long the certificates of the private authority are still good."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from nagare.cli.offline.checks.verdict import Check, bad, ok, warn
from nagare.config.places import Places
from nagare.config.settings import Settings
from nagare.errors import ConfigError
from nagare.lib.clock import SystemClock
from nagare.lib.plain_text import plain

# A server that runs renews its own months before: less than this is left only when that does not work.
_SOON = timedelta(days=60)
# The same as a running server warns by.
_OWN_SOON = timedelta(days=21)


def check_certificates(settings: Settings, now: datetime | None = None) -> Iterator[Check]:
    """Look at the server's certificate and its authority; nothing is told of an installation that has none."""
    server = settings.server
    if any((server.tls_certificate_file, server.tls_key_file, server.tls_ca_file, server.tls_next_file)):
        yield _check_own(settings, now or SystemClock().now())
        return
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


def _check_own(settings: Settings, now: datetime) -> Check:
    from nagare.keys.own import OwnFiles, load_own_certificate

    server = settings.server
    certificate, key = server.tls_certificate_file, server.tls_key_file
    if certificate is None or key is None:
        missing = "tls_certificate_file" if certificate is None else "tls_key_file"
        return bad("certificate", f"server.{missing} is not set", "set both, or neither for a private certificate")
    files = OwnFiles(certificate, key, server.tls_ca_file, server.tls_next_file)
    try:
        found = load_own_certificate(files, files.read(), now)
    except ConfigError as error:
        return bad("certificate", error.message, error.hint)
    end = found.expires_at
    if end - now < _OWN_SOON:
        return warn("certificate", f"{certificate} ends on {end.date()}", "put the renewed one in its place")
    count = len(found.next_pins)
    after = f"; hosts are told {count} key{'s' if count > 1 else ''} after it" if count else ""
    return ok("certificate", f"good until {end.date()}, for {plain(', '.join(found.names), 200)}{after}")
