"""Ed25519: the key with which an agent signs its batches and the check of such a signature.

Public keys and signatures travel as base64 of their raw bytes (32 and 64). A private key leaves its file for nobody.
"""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from nagare.errors import ConfigError, InputError
from nagare.keys.files import make_private_directory, write_private

SIGNATURE_BYTES = 64


class SigningKey:
    """An Ed25519 private key."""

    __slots__ = ("_key",)

    def __init__(self, key: Ed25519PrivateKey) -> None:
        """Wrap ``key``."""
        self._key = key

    @classmethod
    def generate(cls) -> Self:
        """Return a new random key."""
        return cls(Ed25519PrivateKey.generate())

    @classmethod
    def load(cls, path: Path) -> Self:
        """Return the key in ``path``. Raises FileNotFoundError, and ConfigError for a file that holds no key."""
        content = path.read_bytes()
        try:
            return cls(Ed25519PrivateKey.from_private_bytes(base64.b64decode(content.strip(), validate=True)))
        except (binascii.Error, ValueError) as error:
            raise ConfigError(
                f"cannot read signing key {path}: not base64 of 32 bytes", hint="restore the file, or remove it"
            ) from error

    @classmethod
    def load_or_make(cls, path: Path) -> Self:
        """Return the key in ``path``, made there (0600, its folder 0700) when there is none."""
        try:
            return cls.load(path)
        except FileNotFoundError:
            key = cls.generate()
            key.save(path)
            return key

    def save(self, path: Path) -> None:
        """Write the key to ``path``, readable by its owner only."""
        make_private_directory(path.parent)
        write_private(path, base64.b64encode(self._key.private_bytes_raw()) + b"\n")

    @property
    def public_key(self) -> str:
        """The public half, base64 of its 32 bytes."""
        return base64.b64encode(self._key.public_key().public_bytes_raw()).decode()

    def sign(self, message: bytes) -> str:
        """Return the signature of ``message``, base64 of its 64 bytes."""
        return base64.b64encode(self._key.sign(message)).decode()


def check_public_key(public_key: str) -> str:
    """Return ``public_key`` if it is one. Raises InputError."""
    _public(public_key)
    return public_key


def is_signed(public_key: str, signature: str, message: bytes) -> bool:
    """Tell whether ``signature`` over ``message`` is by the owner of ``public_key``; damaged input is a plain no."""
    try:
        raw = decode_exactly(signature)
        if len(raw) != SIGNATURE_BYTES:
            return False
        _public(public_key).verify(raw, message)
    except (binascii.Error, InvalidSignature, InputError, ValueError):
        return False
    return True


def _public(public_key: str) -> Ed25519PublicKey:
    try:
        return Ed25519PublicKey.from_public_bytes(decode_exactly(public_key))
    except (binascii.Error, ValueError) as error:
        raise InputError(
            "cannot use public key: not base64 of the 32 bytes of an Ed25519 key",
            errors=[{"pointer": "#/public_key", "detail": "not an Ed25519 key"}],
        ) from error


def decode_exactly(text: str) -> bytes:
    """Return the bytes whose base64 ``text`` is. Raises ValueError for any text but the one that encodes them."""
    raw = base64.b64decode(text, validate=True)
    # The library passes over leftover bits: a signature would have several texts.
    if base64.b64encode(raw).decode() != text:
        raise binascii.Error("leftover bits")
    return raw
