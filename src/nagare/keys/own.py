"""A certificate that the user brings: read and checked whole before anything is served with it.

Each fault names the file and the way out; nothing of a key ever stands in an error.
"""

from __future__ import annotations

import hashlib
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID

from nagare.errors import ConfigError
from nagare.keys.certificates import ServerCertificate, describe, names_of

# A chain of RSA-4096 has 8 kB; the bundle of a company's authorities hundreds.
_LIMIT_BYTES = 2**20
_RSA_BITS, _CURVE_BITS = 2048, 256
_WEAK_HASHES = (hashes.MD5, hashes.SHA1)
_PUBLIC_KEY = re.compile(rb"-----BEGIN PUBLIC KEY-----.+?-----END PUBLIC KEY-----", re.DOTALL)
# Each is one more key that hosts believe.
_NEXT_LIMIT = 4

Contents = tuple[bytes, bytes, bytes, bytes]


@dataclass(frozen=True, slots=True)
class OwnFiles:
    """Where the certificate (the server's first, then those between it and the authority), its key and its authority stand.

    ``next`` holds what will follow it: a certificate as this one, or public keys.
    """

    certificate: Path
    key: Path
    ca: Path | None = None
    next: Path | None = None

    def read(self) -> Contents:
        """Return the content of the four, empty for one that there is not. Raises ConfigError."""
        ca, after = (b"" if file is None else _read(file) for file in (self.ca, self.next))
        return _read(self.certificate), _read(self.key), ca, after


def load_own_certificate(files: OwnFiles, contents: Contents, now: datetime) -> ServerCertificate:
    """Return the certificate in ``contents``, as read from ``files``. Raises ConfigError for whatever a client would refuse."""
    chain = _parse_chain(files.certificate, contents[0])
    _check_private(files.key)
    _check_key(files, chain, _parse_key(files.key, contents[1]))
    _check_chain(files.certificate, chain)
    _check_use(files.certificate, chain[0])
    _check_times(files.certificate, chain, now)
    for certificate in chain:
        _check_strength(files.certificate, certificate)
    found = describe(chain[0], files.certificate, files.key, is_own=True)
    if files.next is not None:
        # Once it is served, the file may stay as it is.
        pins = [pin for pin in _successors(files.next, contents[3]) if pin != found.pin]
        found = replace(found, next_pins=tuple(dict.fromkeys(pins)))
    if files.ca is None:
        return found
    authorities = _parse_chain(files.ca, contents[2])
    _check_authority(files, chain[-1], authorities, now)
    return found.with_authority(files.ca, contents[2].decode("ascii", errors="ignore"), authorities)


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            content = opened.read(_LIMIT_BYTES + 1)
    except OSError as error:
        cause = (error.strerror or "it cannot be read").lower()
        raise _unusable(file, cause, "give the path of a PEM file that the server's user may read") from error
    if len(content) > _LIMIT_BYTES:
        raise _unusable(file, f"it has more than {_LIMIT_BYTES} bytes", "give a PEM file of one chain or one key")
    return content


def _parse_chain(file: Path, content: bytes) -> list[x509.Certificate]:
    try:
        return x509.load_pem_x509_certificates(content)
    except ValueError as error:
        hint = "PEM is the form that begins with -----BEGIN CERTIFICATE-----"
        raise _unusable(file, "it holds no certificate in PEM form", hint) from error


def _successors(file: Path, content: bytes) -> list[str]:
    """Return the pins of the keys that will follow: of a chain only the server's own, for others may have those above it."""
    if b"PRIVATE KEY-----" in content:
        hint = f"the public half is enough: openssl pkey -in {file} -pubout"
        raise _unusable(file, "it holds a private key, which has no place there", hint)
    if b"-----BEGIN CERTIFICATE-----" in content:
        keys: list[PublicKeyTypes] = [_parse_chain(file, content)[0].public_key()]
    else:
        try:
            keys = [serialization.load_pem_public_key(one) for one in _PUBLIC_KEY.findall(content)]
        except (ValueError, UnsupportedAlgorithm) as error:
            raise _unusable(
                file, "one of its public keys does not read", "write each with: openssl pkey -pubout"
            ) from error
    if not 0 < len(keys) <= _NEXT_LIMIT:
        hint = "put the next certificate there, or its public key, as openssl pkey -pubout writes it"
        raise _unusable(file, f"it holds {len(keys) or 'no'} public keys; 1 to {_NEXT_LIMIT} may follow", hint)
    for key in keys:
        if weakness := _weakness(key):
            raise _unusable(
                file, f"a key is too weak: {weakness}", "make one of RSA with 2048 bits or more, or on P-256"
            )
    return [_pin(key) for key in keys]


def _pin(key: PublicKeyTypes) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return hashlib.sha256(key.public_bytes(serialization.Encoding.DER, form)).hexdigest()


def _parse_key(file: Path, content: bytes) -> object:
    try:
        return serialization.load_pem_private_key(content, password=None).public_key()
    except TypeError as error:
        hint = f"the server starts without a person: openssl pkey -in {file} -out plain.key"
        raise _unusable(file, "the key is encrypted with a passphrase", hint) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        hint = "PEM is the form that begins with -----BEGIN PRIVATE KEY-----"
        raise _unusable(file, "it holds no private key in PEM form", hint) from error


def _check_private(file: Path) -> None:
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & stat.S_IRWXO:
        raise _unusable(file, f"everybody on this machine may open the key (mode {mode:04o})", f"chmod o= {file}")


def _check_key(files: OwnFiles, chain: Sequence[x509.Certificate], key: object) -> None:
    if chain[0].public_key() == key:
        return
    if any(certificate.public_key() == key for certificate in chain[1:]):
        raise _out_of_order(files.certificate)
    raise _unusable(
        files.key, f"it is not the key of {files.certificate}", "give the key that the certificate was asked for with"
    )


def _check_chain(file: Path, chain: Sequence[x509.Certificate]) -> None:
    for one, issuer in pairwise(chain):
        if not _is_issued(one, issuer):
            raise _out_of_order(file)


def _check_use(file: Path, certificate: x509.Certificate) -> None:
    again = "have a certificate issued for the server's name"
    try:
        names = names_of(certificate)
    except x509.ExtensionNotFound:
        names = []
    if not names:
        raise _unusable(file, "it names no host (subject alternative name), so no client takes it", again)
    try:
        uses = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return
    if not {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & set(uses):
        raise _unusable(file, "it is not for servers (extended key usage)", again)


def _check_times(file: Path, chain: Sequence[x509.Certificate], now: datetime) -> None:
    for number, certificate in enumerate(chain, 1):
        begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        which = "it" if len(chain) == 1 else f"certificate {number} of {len(chain)}"
        if now < begin:
            raise _unusable(
                file, f"{which} is valid from {begin:%Y-%m-%d %H:%M} UTC on", "look at this machine's clock"
            )
        if now >= end:
            raise _unusable(file, f"{which} ended on {end:%Y-%m-%d %H:%M} UTC", "put the renewed certificate there")


def _check_strength(file: Path, certificate: x509.Certificate) -> None:
    again = f"have it issued anew with RSA of {_RSA_BITS} bits or more, or the curve P-256, and SHA-256"
    weakness = _weakness(certificate.public_key())
    # Nobody relies on what an authority says of itself.
    if not weakness and certificate.issuer != certificate.subject:
        try:
            weak_hash = isinstance(certificate.signature_hash_algorithm, _WEAK_HASHES)
        except UnsupportedAlgorithm:
            weak_hash = True
        weakness = "it is signed with a broken digest" if weak_hash else ""
    if weakness:
        raise _unusable(file, f"it is too weak: {weakness}", again)


def _weakness(key: object) -> str:
    match key:
        case rsa.RSAPublicKey():
            return f"its RSA key has {key.key_size} bits" if key.key_size < _RSA_BITS else ""
        case ec.EllipticCurvePublicKey():
            return f"its key is on {key.curve.name}" if key.curve.key_size < _CURVE_BITS else ""
        case ed25519.Ed25519PublicKey() | ed448.Ed448PublicKey():
            return ""
        case _:
            return "its key is of a kind that TLS does not use"


def _check_authority(
    files: OwnFiles, last: x509.Certificate, authorities: Sequence[x509.Certificate], now: datetime
) -> None:
    assert files.ca is not None
    for authority in authorities:
        if last == authority or _is_issued(last, authority):
            _check_times(files.ca, [authority], now)
            return
    raise _unusable(
        files.ca,
        f"it is not the authority of {files.certificate}",
        f"name the file of the authority that signed it, and put what stands between them into {files.certificate}",
    )


def _is_issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def _out_of_order(file: Path) -> ConfigError:
    return _unusable(
        file,
        "its certificates are out of order",
        "the server's own comes first, then each one that signed the one before it",
    )


def _unusable(file: Path, cause: str, hint: str) -> ConfigError:
    return ConfigError(f"cannot serve TLS with {file}: {cause}", hint=hint)
