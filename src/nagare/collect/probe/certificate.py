"""Reads the end of validity out of a certificate's DER, which the standard library tells only of trusted ones."""

from __future__ import annotations

from datetime import UTC, datetime

from nagare.lib.der import measure, skip, validity_of

_UTC_TIME, _GENERALIZED_TIME = 0x17, 0x18


def find_expiry(der: bytes) -> datetime | None:
    """Return the moment after which the certificate is not valid, or None when that cannot be read."""
    try:
        validity = validity_of(der)
        return _parse_time(validity, skip(validity, 0))
    except (IndexError, ValueError):
        return None


def _parse_time(der: bytes, at: int) -> datetime:
    start, end = measure(der, at)
    text = der[start:end].decode("ascii")
    if der[at] == _UTC_TIME:
        # Two digits of the year: RFC 5280 lets 50 to 99 mean the last century.
        text = ("19" if int(text[:2]) >= 50 else "20") + text
    elif der[at] != _GENERALIZED_TIME:
        raise ValueError("not a time")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
