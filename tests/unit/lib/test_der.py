"""The public key is found in certificates of every kind, and nothing breaks on damage."""

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from nagare.lib.der import public_key_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KEYS: list[CertificateIssuerPrivateKeyTypes] = [
    ec.generate_private_key(ec.SECP256R1()),
    rsa.generate_private_key(65537, 2048),
    ed25519.Ed25519PrivateKey.generate(),
]


def _certificate(key: CertificateIssuerPrivateKeyTypes) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "x" * 60)])
    builder = x509.CertificateBuilder(
        name, name, key.public_key(), x509.random_serial_number(), NOW, NOW + timedelta(9)
    )
    return builder.sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())


@pytest.mark.parametrize("key", KEYS, ids=lambda key: type(key).__name__)
def test_the_key_of_a_certificate(key: CertificateIssuerPrivateKeyTypes) -> None:
    found = public_key_of(_certificate(key).public_bytes(serialization.Encoding.DER))
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    assert found == key.public_key().public_bytes(serialization.Encoding.DER, form)


SOUND = _certificate(KEYS[0]).public_bytes(serialization.Encoding.DER)


@given(st.integers(0, len(SOUND) - 1), st.integers(0, 255), st.integers(0, len(SOUND)))
def test_damage_is_an_error_that_is_told(at: int, value: int, end: int) -> None:
    der = bytearray(SOUND)
    der[at] = value
    with contextlib.suppress(IndexError, ValueError):
        public_key_of(bytes(der[:end]))


@given(st.binary(max_size=80))
def test_any_bytes(der: bytes) -> None:
    with contextlib.suppress(IndexError, ValueError):
        public_key_of(der)
