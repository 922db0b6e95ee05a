"""Whom an outbound connection believes: a certificate authority, or exactly one pinned certificate.

Knows no HTTP library, so that settings can be checked without loading one.
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from pathlib import Path

from nagare.errors import ConfigError

_PIN_DIGITS = 64


@dataclass(frozen=True, slots=True)
class Trust:
    """What proves that the other side is the server: its CA, or the SHA-256 ``pin`` of its certificate (which wins)."""

    ca_file: Path | None = None
    pin: str = ""


def parse_pin(text: str) -> str:
    """Return a certificate's SHA-256 as 64 lower hex digits; colons and a ``sha256:`` prefix may stand in ``text``.

    Raises ConfigError.
    """
    digits = text.strip().lower().removeprefix("sha256:").replace(":", "")
    if len(digits) != _PIN_DIGITS or not set(digits) <= set(string.hexdigits):
        raise ConfigError(
            f"cannot use certificate pin {text[:80]!r}: it must be {_PIN_DIGITS} hex digits",
            hint="the server prints the SHA-256 of its certificate when it starts with TLS",
        )
    return digits
