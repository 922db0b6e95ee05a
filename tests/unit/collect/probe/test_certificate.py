"""The end of validity, read out of DER."""

from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from nagare.collect.probe.certificate import find_expiry

KEY = ec.generate_private_key(ec.SECP256R1())


def certificate(end: datetime) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "probe")])
    builder = x509.CertificateBuilder(
        name, name, KEY.public_key(), x509.random_serial_number(), end - timedelta(9), end
    )
    return builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize(
    "end",
    [datetime(2030, 5, 6, 7, 8, 9, tzinfo=UTC), datetime(1999, 1, 9, tzinfo=UTC), datetime(2077, 1, 1, tzinfo=UTC)],
)
def test_end_of_validity(end: datetime) -> None:
    assert find_expiry(certificate(end)) == end


SOUND = certificate(datetime(2030, 1, 1, tzinfo=UTC))


@given(st.data())
def test_damaged_certificates(data: st.DataObject) -> None:
    der = bytearray(SOUND)
    at = data.draw(st.integers(0, len(der) - 1))
    der[at] = data.draw(st.integers(0, 255))
    find_expiry(bytes(der[: data.draw(st.integers(0, len(der)))]))


@given(st.binary())
def test_any_bytes(der: bytes) -> None:
    find_expiry(der)
