"""TLS of the server: on as soon as others than this machine can reach it."""

from __future__ import annotations

import logging
import ssl
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from nagare.config.places import Places
from nagare.config.settings import Settings
from nagare.errors import ConfigError
from nagare.lib.plain_text import plain
from nagare.server.running.listen import Listen, own_names

if TYPE_CHECKING:
    from nagare.keys.certificates import ServerCertificate

log = logging.getLogger(__name__)

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def find_certificate(settings: Settings, listen: Listen, now: datetime) -> ServerCertificate | None:
    """Return the certificate to serve with, made on first need; None for plain HTTP. Raises ConfigError."""
    own = own_files(settings)
    if listen.is_loopback and settings.server.tls != "always":
        if own is not None:
            log.warning("own_certificate_not_used: on loopback there is no TLS unless server.tls is always")
        return None
    if settings.server.insecure and not listen.is_loopback:
        log.warning("serving_without_tls listen=%s: whoever is on the network can read tokens", settings.server.listen)
        return None
    if own is not None:
        from nagare.keys.own import OwnFiles, load_own_certificate  # noqa: PLC0415  as below

        files = OwnFiles(*own)
        return load_own_certificate(files, files.read(), now)
    required = {*_LOOPBACK, *(name.lower() for name in settings.server.allowed_hosts)}
    if not listen.is_any:
        required.add(listen.host.lower())
    # Loads X.509, three megabytes that a server on loopback does without.
    from nagare.keys.certificates import load_or_make_certificate  # noqa: PLC0415

    return load_or_make_certificate(Places(settings.data).keys, required | own_names(), now)


def own_files(settings: Settings) -> tuple[Path, Path, Path | None, Path | None] | None:
    """Return the files of the user's own certificate, its key, its authority and its successors, None for a private one. Raises ConfigError."""
    server = settings.server
    certificate, key = server.tls_certificate_file, server.tls_key_file
    if certificate is not None and key is not None:
        return certificate, key, server.tls_ca_file, server.tls_next_file
    given = {
        "tls_certificate_file": certificate,
        "tls_key_file": key,
        "tls_ca_file": server.tls_ca_file,
        "tls_next_file": server.tls_next_file,
    }
    if not any(given.values()):
        return None
    is_set = next(name for name, file in given.items() if file is not None)
    missing = "tls_key_file" if certificate is not None else "tls_certificate_file"
    raise ConfigError(
        f"cannot serve TLS with {given[is_set]}: server.{is_set} is set and server.{missing} is not",
        hint=f"set server.{missing} too, or take server.{is_set} away for a private certificate",
    )


def make_context(certificate: ServerCertificate) -> ssl.SSLContext:
    """Return the context to listen with: TLS 1.2 or newer, HTTP/1.1."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate.certificate_file, certificate.key_file)
    except (ssl.SSLError, OSError) as error:
        # What was checked before was whole: the file changes at this moment, or TLS is stricter on this machine.
        cause = plain(getattr(error, "reason", "") or error.strerror or "it cannot be read", 100).lower()
        raise ConfigError(f"cannot serve TLS with {certificate.certificate_file}: {cause}") from error
    # Of TLS 1.2 only what keeps a recording secret when the key is lost later; of 1.3 all do.
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    context.set_alpn_protocols(["http/1.1"])
    return context
