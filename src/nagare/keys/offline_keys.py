"""Keys that sign updates and never touch the server: files of one person, encrypted by a passphrase."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from nagare.errors import ConfigError, ConflictError, InputError
from nagare.keys.signing import SigningKey


def make_offline_key(path: Path, passphrase: str) -> SigningKey:
    """Make a key in ``path`` (0600), encrypted unless ``passphrase`` is empty. Raises ConflictError if it exists, OSError."""
    private = Ed25519PrivateKey.generate()
    encryption = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    content = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise ConflictError(f"cannot make key {path}: there is a file already", hint="name another file") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    return SigningKey(private)


def is_encrypted(path: Path) -> bool:
    """Tell whether the key in ``path`` needs a passphrase. Raises OSError."""
    return b"ENCRYPTED" in path.read_bytes()


def load_offline_key(path: Path, passphrase: str) -> SigningKey:
    """Return the key in ``path``. Raises InputError for a wrong passphrase, ConfigError for another kind of file, OSError."""
    content = path.read_bytes()
    try:
        key = load_pem_private_key(content, passphrase.encode() if passphrase else None)
    except TypeError as error:
        raise InputError(f"cannot open key {path}: it needs a passphrase, or has none") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InputError(f"cannot open key {path}: wrong passphrase, or no key") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ConfigError(f"cannot use key {path}: only Ed25519 is known")
    return SigningKey(key)
