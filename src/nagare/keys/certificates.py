"""The installation's private certificate authority and the server certificate that it signs.

Made on first need and kept: the server's key survives restarts, and the certificate is replaced only when it would
expire soon or lacks a name that is now asked for, because agents may have pinned it.
"""

from __future__ import annotations

import ipaddress
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from nagare.errors import ConfigError
from nagare.keys.files import make_private_directory, write_private

log = logging.getLogger(__name__)

_CA_LIFE = timedelta(days=3650)
# Clients of Apple refuse server certificates that live longer than 825 days, private authorities included.
_SERVER_LIFE = timedelta(days=820)
_RENEW_BEFORE = timedelta(days=30)
# A clock that is a little behind must still accept a certificate that was just made.
_BACKDATE = timedelta(hours=1)
_COMMON_NAME_LIMIT = 64


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    """Files of the server's TLS identity, and ``pin``: SHA-256 of the certificate in lower-case hex."""

    ca_file: Path
    certificate_file: Path
    key_file: Path
    pin: str


def load_or_make_certificate(
    directory: Path, required: Iterable[str], optional: Iterable[str], now: datetime
) -> ServerCertificate:
    """Return the server's certificate in ``directory``, made or renewed if it must be.

    It is re-made when it lacks one of the ``required`` names or addresses; the ``optional`` ones (addresses that
    come and go) are only put into a certificate that is made anyway. Raises ConfigError for files that do not read.
    """
    make_private_directory(directory)
    required = sorted(set(required))
    authority = _Authority.load_or_make(directory, now)
    files = (directory / "server.pem", directory / "server.key")
    key = _load_key(files[1]) or _make_key(files[1])
    certificate = _load_certificate(files[0])
    if certificate is None or not _is_usable(certificate, key, authority.certificate, required, now):
        certificate = authority.issue(key, sorted({*required, *optional}), now)
        write_private(files[0], _pem(certificate))
        log.info("server_certificate_made names=%s pin=%s", ",".join(_names(certificate)), _pin(certificate))
    return ServerCertificate(authority.file, files[0], files[1], _pin(certificate))


class _Authority:
    def __init__(self, file: Path, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self.file = file
        self.key = key
        self.certificate = certificate

    @classmethod
    def load_or_make(cls, directory: Path, now: datetime) -> _Authority:
        file, key_file = directory / "ca.pem", directory / "ca.key"
        key, certificate = _load_key(key_file), _load_certificate(file)
        if key is None or certificate is None or certificate.not_valid_after_utc - now < _RENEW_BEFORE:
            key = _make_key(key_file)
            certificate = _sign_authority(key, now)
            write_private(file, _pem(certificate))
        return cls(file, key, certificate)

    def issue(self, key: ec.EllipticCurvePrivateKey, names: list[str], now: datetime) -> x509.Certificate:
        life = min(now + _SERVER_LIFE, self.certificate.not_valid_after_utc)
        issuer = self.key.public_key()
        return (
            _builder(_subject(names[0]), self.certificate.subject, key, now, life)
            .add_extension(x509.SubjectAlternativeName([_general_name(name) for name in names]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(is_authority=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), critical=False)
            .sign(self.key, hashes.SHA256())
        )


def _sign_authority(key: ec.EllipticCurvePrivateKey, now: datetime) -> x509.Certificate:
    name = _subject("Nagare private CA")
    return (
        _builder(name, name, key, now, now + _CA_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(is_authority=True), critical=True)
        .sign(key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, now: datetime, until: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATE)
        .not_valid_after(until)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _usage(*, is_authority: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not is_authority,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=is_authority,
        crl_sign=is_authority,
        encipher_only=False,
        decipher_only=False,
    )


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name[:_COMMON_NAME_LIMIT])])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        pass
    try:
        return x509.DNSName(name if name.isascii() else name.encode("idna").decode())
    except ValueError as error:
        raise ConfigError(f"cannot put name {name[:80]!r} into a certificate: it is no host name") from error


def _names(certificate: x509.Certificate) -> list[str]:
    extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    names = [str(name) for name in extension.get_values_for_type(x509.DNSName)]
    return sorted(names + [str(address) for address in extension.get_values_for_type(x509.IPAddress)])


def _is_usable(
    certificate: x509.Certificate,
    key: ec.EllipticCurvePrivateKey,
    authority: x509.Certificate,
    required: list[str],
    now: datetime,
) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
        names = set(_names(certificate))
    except (InvalidSignature, ValueError, TypeError, x509.ExtensionNotFound):
        return False
    lives = certificate.not_valid_after_utc - now > _RENEW_BEFORE
    return lives and names.issuperset(required) and certificate.public_key() == key.public_key()


def _pin(certificate: x509.Certificate) -> str:
    return certificate.fingerprint(hashes.SHA256()).hex()


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _make_key(file: Path) -> ec.EllipticCurvePrivateKey:
    key = ec.generate_private_key(ec.SECP256R1())
    encoding, form = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    write_private(file, key.private_bytes(encoding, form, serialization.NoEncryption()))
    return key


def _load_key(file: Path) -> ec.EllipticCurvePrivateKey | None:
    try:
        key = serialization.load_pem_private_key(file.read_bytes(), password=None)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        raise _unreadable(file) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise _unreadable(file)
    return key


def _load_certificate(file: Path) -> x509.Certificate | None:
    try:
        return x509.load_pem_x509_certificate(file.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise _unreadable(file) from error


def _unreadable(file: Path) -> ConfigError:
    return ConfigError(
        f"cannot read {file}: not what was written there",
        hint="restore it from a backup; or remove it, and agents that pinned the certificate must be told the new pin",
    )
