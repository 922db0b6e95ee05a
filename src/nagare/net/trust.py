"""Whom an outbound connection believes: a certificate authority, or exactly one pinned key.

Knows no HTTP library, so that settings can be checked without loading one.
"""

from __future__ import annotations

import hashlib
import hmac
import string
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from nagare.errors import ConfigError
from nagare.lib.der import public_key_of
from nagare.lib.plain_text import plain

_PIN_DIGITS = 64


@dataclass(frozen=True, slots=True)
class Trust:
    """What proves that the other side is the server: its CA, or the SHA-256 ``pin`` of its public key (which wins).

    ``next_pins`` are of keys that a server of ``pin`` said it would change to; without a pin they count for nothing.
    """

    ca_file: Path | None = None
    pin: str = ""
    next_pins: tuple[str, ...] = ()

    def pins(self) -> tuple[str, ...]:
        """Return each pin that is believed, as digits. Raises ConfigError."""
        return tuple(parse_pin(pin) for pin in (self.pin, *self.next_pins)) if self.pin else ()


def check_address(url: str, pin: str = "") -> None:
    """Check that ``url`` may be spoken to with ``pin``. Raises ConfigError."""
    try:
        parts = urlsplit(url)
        is_whole = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError as error:
        raise _bad_address(url, plain(str(error), 200)) from error
    if parts.username is not None or parts.password is not None:
        # The address is not shown: it may hold a password.
        raise _bad_address("", "user and password have no place in it")
    if not is_whole or parts.query or parts.fragment:
        raise _bad_address(url, "it is no plain http or https URL")
    if pin:
        parse_pin(pin)
        if parts.scheme != "https":
            raise ConfigError(
                f"cannot use server address {plain(url, 200)!r}: a certificate pin needs https",
                hint="write https:// or take the pin away",
            )


def _bad_address(url: str, cause: str) -> ConfigError:
    return ConfigError(f"cannot use server address {plain(url, 200)!r}: {cause}", hint="write http(s)://HOST:PORT")


def parse_pin(text: str) -> str:
    """Return a SHA-256 as 64 lower hex digits; colons and a ``sha256:`` prefix may stand in ``text``.

    Raises ConfigError.
    """
    digits = text.strip().lower().removeprefix("sha256:").replace(":", "")
    if len(digits) != _PIN_DIGITS or not set(digits) <= set(string.hexdigits):
        raise ConfigError(
            f"cannot use certificate pin {plain(text, 80)!r}: it must be {_PIN_DIGITS} hex digits",
            hint="the server prints the SHA-256 of its public key when it starts with TLS",
        )
    return digits


def is_pinned(certificate: bytes, *pins: str) -> bool:
    """Tell whether ``certificate`` (DER) is of one of ``pins``: the SHA-256 of its public key, which outlives renewals.

    The SHA-256 of the whole certificate is taken too: pins were that once, and stand in settings and identities.
    """
    try:
        of_key = hashlib.sha256(public_key_of(certificate)).hexdigest()
    except (IndexError, ValueError):
        return False
    digests = (of_key, hashlib.sha256(certificate).hexdigest())
    return any(hmac.compare_digest(digest, pin) for digest in digests for pin in pins)
