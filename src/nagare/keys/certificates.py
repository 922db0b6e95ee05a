"""The installation's private certificate authority and the server certificate that it signs.

Made on first need. The two keys are kept for ever: agents pin the server's, and trust whatever the authority's has
signed. Both certificates are made anew, by the same keys, before a third of their life is left; the server's also when
it lacks a name that is asked for now.
"""

from __future__ import annotations

import hashlib
import ipaddress
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from nagare.errors import ConfigError
from nagare.keys.files import make_private_directory, write_private
from nagare.lib.der import public_key_of

log = logging.getLogger(__name__)

_CA_LIFE = timedelta(days=3650)
# Clients of Apple refuse server certificates that live longer than 825 days, private authorities included.
_SERVER_LIFE = timedelta(days=820)
# Of its life: nine months for the server, years for the authority, whose successor has to reach each host.
_RENEW_RATIO = 1 / 3
# A clock that is a little behind must still accept a certificate that was just made.
_BACKDATE = timedelta(hours=1)
_COMMON_NAME_LIMIT = 64


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    """Files of the server's TLS identity, and ``pin``: SHA-256 of the public key (SPKI) in lower-case hex.

    ``ca_file`` is the authority that clients are given, None when there is none to give; ``serial`` tells certificates
    of one key apart.
    """

    ca_file: Path | None
    certificate_file: Path
    key_file: Path
    pin: str
    names: tuple[str, ...]
    not_before: datetime
    expires_at: datetime
    serial: str
    # Of the authority in ``ca_file``: when the first one ends, and the certificates (PEM), as hosts that join are given.
    ca_expires_at: datetime | None = None
    authority: str = field(default="", repr=False)
    # Whether the user brought it: then it is not for us to renew, and its names are not for us to choose.
    is_own: bool = False
    # Pins of the keys that the user said would come after this one.
    next_pins: tuple[str, ...] = ()

    def best_name(self, wanted: str) -> str:
        """Return ``wanted`` if it is for that, else a name that it is for, if it is for a name."""
        plain_names = [name for name in self.names if not name.startswith("*") and ":" not in name]
        return wanted if wanted in self.names or not plain_names else plain_names[0]

    def with_authority(self, file: Path, pem: str, certificates: Sequence[x509.Certificate]) -> ServerCertificate:
        """Return the same with the authority that signed it, one certificate or more."""
        end = min(certificate.not_valid_after_utc for certificate in certificates)
        return replace(self, ca_file=file, authority=pem, ca_expires_at=end)


def load_or_make_certificate(directory: Path, names: Iterable[str], now: datetime) -> ServerCertificate:
    """Return the server's certificate in ``directory``, made or renewed if it must be.

    It is re-made when it lacks one of ``names``, by the same key. Raises ConfigError for files that do not read.
    """
    make_private_directory(directory)
    wanted = sorted(set(names))
    authority = _Authority.load_or_make(directory, now)
    files = (directory / "server.pem", directory / "server.key")
    key = _load_key(files[1]) or _make_key(files[1])
    certificate = _load_certificate(files[0])
    if certificate is None or not _is_usable(certificate, key, authority.certificate, wanted, now):
        certificate = authority.issue(key, wanted, now)
        write_private(files[0], _pem(certificate))
        log.info("server_certificate_made names=%s pin=%s", ",".join(names_of(certificate)), pin_of(certificate))
    found = describe(certificate, *files)
    return found.with_authority(authority.file, _pem(authority.certificate).decode(), [authority.certificate])


def describe(
    certificate: x509.Certificate, certificate_file: Path, key_file: Path, *, is_own: bool = False
) -> ServerCertificate:
    """Return what is to be known of ``certificate`` and where it stands."""
    return ServerCertificate(
        None,
        certificate_file,
        key_file,
        pin_of(certificate),
        tuple(names_of(certificate)),
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
        f"{certificate.serial_number:x}",
        is_own=is_own,
    )


class _Authority:
    def __init__(self, file: Path, key: ec.EllipticCurvePrivateKey, certificate: x509.Certificate) -> None:
        self.file = file
        self.key = key
        self.certificate = certificate

    @classmethod
    def load_or_make(cls, directory: Path, now: datetime) -> _Authority:
        file, key_file = directory / "ca.pem", directory / "ca.key"
        key, certificate = _load_key(key_file), _load_certificate(file)
        if key is None:
            if certificate is not None:
                log.warning("authority_replaced file=%s: its key is gone, hosts that trust it must be told", file)
            key, certificate = _make_key(key_file), None
        is_ours = certificate is not None and certificate.public_key() == key.public_key()
        if certificate is None or not is_ours or is_due(certificate, now):
            # By the same key and under the same name: what it signed holds under the old one and the new one.
            certificate = _sign_authority(key, now)
            write_private(file, _pem(certificate))
            log.info("authority_certificate_made until=%s", certificate.not_valid_after_utc.date())
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


def names_of(certificate: x509.Certificate) -> list[str]:
    """Return the names and addresses it is for. Raises x509.ExtensionNotFound when it says none."""
    extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    names = [str(name).lower() for name in extension.get_values_for_type(x509.DNSName)]
    return sorted(names + [str(address) for address in extension.get_values_for_type(x509.IPAddress)])


def _is_usable(
    certificate: x509.Certificate,
    key: ec.EllipticCurvePrivateKey,
    authority: x509.Certificate,
    wanted: list[str],
    now: datetime,
) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
        names = set(names_of(certificate))
    except (InvalidSignature, ValueError, TypeError, x509.ExtensionNotFound):
        return False
    is_whole = names.issuperset(wanted) and certificate.public_key() == key.public_key()
    return is_whole and not is_due(certificate, now)


def read_expiry(file: Path) -> datetime | None:
    """Return when the certificate in ``file`` ends, None when there is no such file. Raises ConfigError."""
    certificate = _load_certificate(file)
    return None if certificate is None else certificate.not_valid_after_utc


def is_due(certificate: x509.Certificate, now: datetime) -> bool:
    """Tell whether less than a third of its life is left, or it is not valid yet: the clock was wrong when it was made."""
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return now < begin or end - now < (end - begin) * _RENEW_RATIO


def pin_of(certificate: x509.Certificate) -> str:
    """Return the SHA-256 of the public key in hex, which is the same in every certificate of one key."""
    return hashlib.sha256(public_key_of(certificate.public_bytes(serialization.Encoding.DER))).hexdigest()


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
