"""Steps through DER, the form of certificates: enough to read two fields without a library of three megabytes."""

from __future__ import annotations

SEQUENCE = 0x30
_EXPLICIT_0 = 0xA0
# Of a certificate, after the optional version: serial number, algorithm, issuer, then validity, subject, public key.
_BEFORE_VALIDITY, _BEFORE_KEY = 3, 5


def measure(der: bytes, at: int) -> tuple[int, int]:
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


def enter(der: bytes, at: int, tag: int) -> bytes:
    """Return the value of the element at ``at``, which must have ``tag``. Raises IndexError or ValueError."""
    if der[at] != tag:
        raise ValueError("unexpected element")
    start, end = measure(der, at)
    return der[start:end]


def skip(der: bytes, at: int) -> int:
    """Return where the element after the one at ``at`` begins. Raises IndexError or ValueError."""
    return measure(der, at)[1]


def validity_of(certificate: bytes) -> bytes:
    """Return the value of a certificate's validity: two times. Raises IndexError or ValueError."""
    fields, at = _field(certificate, _BEFORE_VALIDITY)
    return enter(fields, at, SEQUENCE)


def public_key_of(certificate: bytes) -> bytes:
    """Return a certificate's SubjectPublicKeyInfo as it stands there, header and all. Raises IndexError or ValueError."""
    fields, at = _field(certificate, _BEFORE_KEY)
    enter(fields, at, SEQUENCE)
    return fields[at : skip(fields, at)]


def _field(certificate: bytes, number: int) -> tuple[bytes, int]:
    fields = enter(enter(certificate, 0, SEQUENCE), 0, SEQUENCE)
    at = skip(fields, 0) if fields[:1] == bytes((_EXPLICIT_0,)) else 0
    for _ in range(number):
        at = skip(fields, at)
    return fields, at
