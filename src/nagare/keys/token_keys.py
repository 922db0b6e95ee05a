"""The RSA keys that sign access tokens: the newest signs, older ones verify until their last token has expired.

Each stands in a file of its own (0600) that is named by the time it was made and by its id, the thumbprint of RFC 7638.
A key is replaced by adding one; nothing is changed in place, so a crash leaves the old key or both.
"""

from __future__ import annotations

import base64
import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from nagare.errors import ConfigError
from nagare.keys.files import make_private_directory, write_private

log = logging.getLogger(__name__)

_BITS = 2048
_EXPONENT = 65537


@dataclass(frozen=True, slots=True)
class TokenKey:
    """One key. ``id`` names it in the tokens that it signs."""

    id: str
    made_ms: int
    private: rsa.RSAPrivateKey
    file: Path

    @property
    def public(self) -> rsa.RSAPublicKey:
        """The half that verifies."""
        return self.private.public_key()

    def jwk(self) -> dict[str, str]:
        """Return the public half as RFC 7517 writes it."""
        return {**_members(self.public), "use": "sig", "alg": "RS256", "kid": self.id}


def thumbprint(key: rsa.RSAPublicKey) -> str:
    """Return the key's id: the SHA-256 of its required members, by RFC 7638."""
    members = _members(key)
    canonical = ",".join(f'"{name}":"{members[name]}"' for name in sorted(members))
    return _b64(hashlib.sha256(f"{{{canonical}}}".encode()).digest())


def load_keys(folder: Path) -> list[TokenKey]:
    """Return the keys in ``folder``, newest first. Raises ConfigError for a file that holds none."""
    found = [_load(file) for file in sorted(folder.glob("*.pem"))] if folder.is_dir() else []
    return sorted(found, key=lambda key: (key.made_ms, key.id), reverse=True)


def make_key(folder: Path, now_ms: int) -> TokenKey:
    """Make a key and keep it in ``folder``; takes about a tenth of a second."""
    make_private_directory(folder)
    private = rsa.generate_private_key(public_exponent=_EXPONENT, key_size=_BITS)
    id_ = thumbprint(private.public_key())
    file = folder / f"{now_ms:015d}-{id_}.pem"
    write_private(
        file,
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    )
    log.info("token_key_made file=%s", file)
    return TokenKey(id_, now_ms, private, file)


def _load(file: Path) -> TokenKey:
    made, _, id_ = file.stem.partition("-")
    try:
        private = serialization.load_pem_private_key(file.read_bytes(), None)
        made_ms = int(made)
    except (ValueError, TypeError) as error:
        raise _unusable(file, "not an RSA key of ours") from error
    if not isinstance(private, rsa.RSAPrivateKey) or private.key_size < _BITS:
        raise _unusable(file, f"not an RSA key of at least {_BITS} bits")
    if thumbprint(private.public_key()) != id_:
        raise _unusable(file, "another key than its name says")
    return TokenKey(id_, made_ms, private, file)


def _unusable(file: Path, cause: str) -> ConfigError:
    return ConfigError(
        f"cannot use token key {file}: {cause}", hint="restore the file, or remove it: users log in again"
    )


def _members(key: rsa.RSAPublicKey) -> dict[str, str]:
    numbers = key.public_numbers()
    return {"kty": "RSA", "n": _number(numbers.n), "e": _number(numbers.e)}


def _number(value: int) -> str:
    return _b64(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def _b64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
