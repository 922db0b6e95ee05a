"""TLS of the server: on as soon as others than this machine can reach it."""

from __future__ import annotations

import logging
import ssl
from datetime import datetime
from typing import TYPE_CHECKING

from nagare.config.places import Places
from nagare.config.settings import Settings
from nagare.server.running.listen import Listen, own_names

if TYPE_CHECKING:
    from nagare.keys.certificates import ServerCertificate

log = logging.getLogger(__name__)

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def find_certificate(settings: Settings, listen: Listen, now: datetime) -> ServerCertificate | None:
    """Return the certificate to serve with, made on first need; None for plain HTTP. Raises ConfigError."""
    if listen.is_loopback and settings.server.tls != "always":
        return None
    if settings.server.insecure and not listen.is_loopback:
        log.warning("serving_without_tls listen=%s: whoever is on the network can read tokens", settings.server.listen)
        return None
    required = {*_LOOPBACK, *(name.lower() for name in settings.server.allowed_hosts)}
    if not listen.is_any:
        required.add(listen.host.lower())
    # Loads X.509, three megabytes that a server on loopback does without.
    from nagare.keys.certificates import load_or_make_certificate  # noqa: PLC0415

    return load_or_make_certificate(Places(settings.data).keys, required | own_names(), now)


def make_context(certificate: ServerCertificate) -> ssl.SSLContext:
    """Return the context to listen with: TLS 1.2 or newer, HTTP/1.1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate.certificate_file, certificate.key_file)
    # Of TLS 1.2 only what keeps a recording secret when the key is lost later; of 1.3 all do.
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    context.set_alpn_protocols(["http/1.1"])
    return context
