"""Reads the end of validity out of a certificate's DER, which the standard library tells only of trusted ones."""

from __future__ import annotations

from datetime import UTC, datetime

_SEQUENCE, _EXPLICIT_0, _UTC_TIME, _GENERALIZED_TIME = 0x30, 0xA0, 0x17, 0x18


def find_expiry(der: bytes) -> datetime | None:
    """Return the moment after which the certificate is not valid, or None when that cannot be read."""
    try:
        certificate = _enter(der, 0, _SEQUENCE)[0]
        fields = _enter(certificate, 0, _SEQUENCE)[0]
        # version (optional), serial, signature algorithm, issuer, then validity.
        at = _skip(fields, 0) if fields[:1] == bytes((_EXPLICIT_0,)) else 0
        for _ in range(3):
            at = _skip(fields, at)
        validity = _enter(fields, at, _SEQUENCE)[0]
        return _parse_time(validity, _skip(validity, 0))
    except (IndexError, ValueError):
        return None


def _measure(der: bytes, at: int) -> tuple[int, int]:
    """Return (start, end) of the value of the element at ``at``. Raises IndexError or ValueError."""
    length, start = der[at + 1], at + 2
    if length & 0x80:
        count = length & 0x7F
        if not 0 < count <= 4:
            raise ValueError("length form")
        length, start = int.from_bytes(der[start : start + count], "big"), start + count
    if start + length > len(der):
        raise ValueError("element exceeds its parent")
    return start, start + length


def _enter(der: bytes, at: int, tag: int) -> tuple[bytes, int]:
    if der[at] != tag:
        raise ValueError("unexpected element")
    start, end = _measure(der, at)
    return der[start:end], end


def _skip(der: bytes, at: int) -> int:
    return _measure(der, at)[1]


def _parse_time(der: bytes, at: int) -> datetime:
    start, end = _measure(der, at)
    text = der[start:end].decode("ascii")
    if der[at] == _UTC_TIME:
        # Two digits of the year: RFC 5280 lets 50 to 99 mean the last century.
        text = ("19" if int(text[:2]) >= 50 else "20") + text
    elif der[at] != _GENERALIZED_TIME:
        raise ValueError("not a time")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
