"""An authority of a test: issues what a user would bring, good or bad in one way."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from nagare.keys.own import OwnFiles

# Real clients verify by the real clock: long before and after any day on which tests run.
BEGIN, END = datetime(2020, 1, 1, tzinfo=UTC), datetime(2120, 1, 1, tzinfo=UTC)


def pem_key(key: Any, password: bytes | None = None) -> bytes:
    """Return ``key`` as a file has it."""
    way = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, way))


def pem(*certificates: x509.Certificate) -> bytes:
    """Return certificates as a file has them."""
    return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in certificates)


@dataclass
class TestAuthority:
    """One that signs; ``above`` signed it, else itself."""

    __test__ = False

    name: str = "Company CA"
    above: "TestAuthority | None" = None

    def __post_init__(self) -> None:
        self.key = ec.generate_private_key(ec.SECP256R1())
        signer = self.above or self
        self.certificate = self._sign(self.key, self.name, signer, ca=True)

    def issue(self, key: Any, names: Sequence[str] = ("localhost",), **more: Any) -> x509.Certificate:
        """Return a server's certificate for ``key``."""
        return self._sign(key, "server", self, names=names, **more)

    def _sign(
        self,
        key: Any,
        name: str,
        signer: "TestAuthority",
        *,
        ca: bool = False,
        names: Sequence[str] = (),
        begin: datetime = BEGIN,
        end: datetime = END,
    ) -> x509.Certificate:
        builder = (
            x509.CertificateBuilder()
            .subject_name(_subject(name))
            .issuer_name(_subject(signer.name))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begin)
            .not_valid_after(end)
            .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key()), critical=False)
        )
        if ca:
            usage = dict.fromkeys(
                ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "encipher_only",
                 "decipher_only"), False,
            )  # fmt: skip
            builder = builder.add_extension(
                x509.KeyUsage(digital_signature=True, key_cert_sign=True, crl_sign=True, **usage), critical=True
            )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), False)
        return builder.sign(signer.key, hashes.SHA256())


def _subject(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def write_own(folder: Path, chain: bytes, key: bytes, ca: bytes | None = None) -> OwnFiles:
    """Write the files as a user would put them there, the key for its owner alone."""
    folder.mkdir(parents=True, exist_ok=True)
    files = OwnFiles(folder / "own.pem", folder / "own.key", None if ca is None else folder / "company.pem")
    files.certificate.write_bytes(chain)
    files.key.touch(mode=0o600)
    files.key.write_bytes(key)
    if ca is not None:
        (folder / "company.pem").write_bytes(ca)
    return files
