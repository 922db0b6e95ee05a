"""Signed documents made and read: the text of a role, its digest, a signature more, and the key that made it."""

from __future__ import annotations

import base64
import hashlib
from typing import Any, TypeVar

from nagare.errors import InputError, UpdateRefusedError
from nagare.keys.signing import SigningKey
from nagare.keys.update_roles.canonical import canonical, read_canonical
from nagare.model.updates import Reason
from nagare.wire.codec import decode, decode_any, encode
from nagare.wire.updates import (
    PublicKey,
    Root,
    Signature,
    SignedRoot,
    SignedTargets,
    SignedTimestamp,
    Targets,
    Timestamp,
)

ED25519 = "ed25519"
Signed = TypeVar("Signed", SignedRoot, SignedTargets, SignedTimestamp)


def read_signed(text: str, kind: type[Signed]) -> tuple[Signed, bytes]:
    """Return the document and the bytes that its signatures cover. Raises UpdateRefusedError."""
    value = read_canonical(text.encode())
    try:
        document = decode(text, kind)
    except InputError as error:
        raise UpdateRefusedError(f"cannot use document: {error.message}", reason=Reason.MALFORMED) from error
    return document, canonical(value["signed"])


def sign(signed: Root | Targets | Timestamp, *keys: SigningKey) -> str:
    """Return the text of ``signed`` with the signatures of ``keys``."""
    text = canonical({"signatures": [], "signed": decode_any(encode(signed))}).decode()
    for key in keys:
        text = add_signature(text, key)
    return text


def add_signature(text: str, key: SigningKey) -> str:
    """Return the document with the signature of ``key`` in it, once. Raises UpdateRefusedError for unlawful text."""
    document = read_canonical(text.encode())
    if not (isinstance(document, dict) and isinstance(document.get("signed"), dict)):
        raise UpdateRefusedError("cannot sign: the file holds no document to sign", reason=Reason.MALFORMED)
    made = Signature(keyid_of(public_key(key)), signature_of(key, canonical(document["signed"])))
    others = [kept for kept in document.get("signatures", []) if kept.get("keyid") != made.keyid]
    signatures = sorted([*others, {"keyid": made.keyid, "sig": made.sig}], key=_keyid)
    return canonical({**document, "signatures": signatures}).decode()


def signature_of(key: SigningKey, message: bytes) -> str:
    """Return the signature of ``message`` in hex."""
    return base64.b64decode(key.sign(message)).hex()


def public_key(key: SigningKey) -> PublicKey:
    """Return the public half of ``key`` as roles name it."""
    return PublicKey(ED25519, base64.b64decode(key.public_key).hex())


def keyid_of(key: PublicKey) -> str:
    """Return the id of ``key``: the digest of what it is, so that one key has one id."""
    return hashlib.sha256(canonical({"public": key.public, "type": key.type})).hexdigest()


def digest_of(text: str) -> str:
    """Return the SHA-256 of a document, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def _keyid(signature: dict[str, Any]) -> str:
    return str(signature["keyid"])
